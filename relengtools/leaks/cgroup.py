"""Control groups, version 1, hybrid and version 2: where a group's files are, and the processes in it.

See cgroups(7) and Documentation/admin-guide/cgroup-v2.rst of Linux.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from relengtools.errors import RelengError, printable
from relengtools.leaks.process import PROC, parse_stat


class Mount(NamedTuple):
    """A mounted hierarchy: `root` is the group that is seen at `point`; `controllers` is empty for version 2."""

    point: Path
    root: str
    controllers: frozenset[str]


def mounts(proc: Path = PROC) -> list[Mount]:
    """The hierarchies that are mounted here, those of version 2 first."""
    try:
        lines = (proc / "self/mountinfo").read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return []
    return sorted((each for line in lines if (each := mount(line))), key=lambda each: bool(each.controllers))


def mount(line: str) -> Mount | None:
    """A line of /proc/PID/mountinfo, if it is of a hierarchy."""
    before, _, after = line.partition(" - ")
    fields, kind = before.split(), after.split()
    if len(fields) < 5 or len(kind) < 3 or kind[0] not in ("cgroup", "cgroup2"):
        return None
    options = kind[2].split(",") if kind[0] == "cgroup" else []
    return Mount(Path(unescaped(fields[4])), unescaped(fields[3]), frozenset(options))


def unescaped(text: str) -> str:
    """A path of mountinfo, in which blanks and backslashes are octal."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)


def memberships(pid: int, proc: Path = PROC) -> dict[str, str]:
    """Controller -> path of the group that the process is in; "" is version 2 (lines `ID:CONTROLLERS:PATH`)."""
    try:
        lines = (proc / str(pid) / "cgroup").read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return {}
    rows = [line.split(":", 2) for line in lines]
    return {name: row[2] for row in rows if len(row) == 3 for name in row[1].split(",")}


def folder(mounted: Mount, path: str) -> Path | None:
    """Where the files of a group are under this mount; None when it's outside of what is mounted."""
    root = mounted.root.rstrip("/")
    if path != root and not path.startswith(f"{root}/"):
        return None
    below = path.removeprefix(root).strip("/")
    found = mounted.point / below
    return found if ".." not in found.parts and found.is_dir() else None


def folders(pid: int, controller: str, proc: Path = PROC) -> Iterator[Path]:
    """The group of the process for a controller and its parents, innermost first: a limit may be on any of them."""
    inside = memberships(pid, proc)
    for mounted in mounts(proc):
        if mounted.controllers and controller not in mounted.controllers:
            continue
        path = inside.get(controller if mounted.controllers else "")
        found = folder(mounted, path) if path is not None else None
        if found is None:
            continue
        groups = [each for each in (found, *found.parents) if each.is_relative_to(mounted.point)]
        if any(has_files(each, controller) for each in groups):
            yield from groups
            return


def has_files(group: Path, controller: str) -> bool:
    """Whether the controller governs the group: pressure is told of by version 2 without it, as on hybrid systems."""
    return any(each.name != f"{controller}.pressure" for each in group.glob(f"{controller}.*"))


def pids(path: str, proc: Path = PROC) -> list[int]:
    """The processes of a group, given as /proc/PID/cgroup shows it or as a folder; [] while there is no such group.

    Raises RelengError where no hierarchy is mounted, or these rights don't suffice.
    """
    places = [Path(path)] if (Path(path) / "cgroup.procs").is_file() else []
    known = mounts(proc)
    if not places and not known:
        raise RelengError(f"--cgroup {printable(path)}: no cgroup file system is mounted here")
    places += [found for each in known if (found := folder(each, f"/{path.strip('/')}"))]
    for place in places:
        try:
            members = [int(line) for line in (place / "cgroup.procs").read_text("ascii").split()]
        except FileNotFoundError:
            continue
        except OSError as error:
            raise RelengError(f"--cgroup {printable(path)}: cannot be read: {error.strerror}") from None
        if members:
            return members
    return []


def leaders(members: list[int], proc: Path = PROC) -> list[int]:
    """Those whose parent is outside of the group: what started the others. Zombies are none."""
    parents: dict[int, int] = {}
    for pid in members:
        try:
            stat = parse_stat((proc / str(pid) / "stat").read_bytes())
        except (OSError, ValueError):
            continue
        if stat.state not in "ZX":
            parents[pid] = stat.parent
    return sorted(pid for pid, parent in parents.items() if parent not in parents)
