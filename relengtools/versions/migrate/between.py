"""What a project that asks `git describe` calls itself between two tags: what `check` has to say of it."""

import re
from typing import NamedTuple

from relengtools.errors import printable
from relengtools.versions import git
from relengtools.versions.discover import Place
from relengtools.versions.migrate import policy, said
from relengtools.versions.project import Project
from relengtools.versions.scheme import pep440

# Beside setup.py, where git's words aren't followed: what takes them apart, or asks for the tag alone.
_HANDLED = re.compile(r"""--abbrev[ =]0|--exact-match|(?:split|replace|partition|sub|match|search|compile)\([^\n]*-""")
_PLAIN = "the output of `git describe` is no PEP 440 version between two tags"


class Wrong(NamedTuple):
    """What is wrong, and what `migrate` makes of it."""

    message: str
    note: str


def judge(project: Project) -> Wrong | None:
    """What is wrong; None where nothing is, or where it can't be told without running setup.py."""
    where = project.where
    setup = next((s for s in project.sources if s.path.name == "setup.py" and where and s.file == where.file), None)
    if setup is None:
        handled = any(_HANDLED.search(source.text) for source in project.sources if source.path.suffix == ".py")
        return None if handled else Wrong(_PLAIN, "see `relengtools versions migrate`")
    known = [told for tag in _tags(project.place) if (told := said.one_on(setup, project.place, tag))]
    if not known or any(map(pep440.parse, known)):
        return None
    return Wrong(f"{_PLAIN}: {printable(known[0])}", policy.both(known[0]))


def _tags(place: Place) -> list[str]:
    """The nearest tag; without one what tags mostly look like."""
    try:
        asked = (place.tree / ".git").exists() and git.run(place.root, "describe", "--tags", "--abbrev=0")
    except git.GitError:
        asked = b""
    return [asked.decode(errors="replace").strip()] if asked else ["0.1", "v0.1"]
