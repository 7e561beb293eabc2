"""Measure `relengtools versions list` on real source distributions: is the version that it states the true one?

    python scripts/score_sdists.py [--cache DIR] [--only NAME] [--before COMMIT]

tests/versions/data/sdists.tsv names the packages. Every source tree is looked at without PKG-INFO and *.egg-info, so
that the answer has to come from the sources. An sdist is downloaded once, by pip. A row whose source reads
OWNER/NAME@TAG/FOLDER is taken from a clone at DIR/clones/OWNER+NAME, without which it is left out. A whole run writes
reports/versions/sdists.md. With --before the same trees are shown to an earlier commit too, whose verdicts are kept.

A row is right, unknown (nothing false is said, but the version isn't either) or wrong (a version that isn't the true).
"""

import argparse
import csv
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

ROOT = Path(__file__).parents[1]
ROWS = ROOT / "tests/versions/data/sdists.tsv"
REPORT = ROOT / "reports/versions/sdists.md"
IN_NO_FILE = "not in the sources"  # a provider computes it, and without its repository it can't or it guesses
BY_RUNNING = "only by running it"  # code of the project's own computes it from what is no part of the sources


class Row(NamedTuple):
    """One source tree, and the version that a build of it has: a version, IN_NO_FILE or BY_RUNNING."""

    name: str
    version: str
    kind: str
    truth: str
    notes: str
    source: str


class Verdict(Enum):
    """A wrong answer is far worse than none."""

    RIGHT = "right"
    UNKNOWN = "unknown"
    WRONG = "wrong"


class Score(NamedTuple):
    """What was said of a row, or why nothing was."""

    row: Row
    verdict: Verdict
    said: str


def read_rows(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return [Row(**row) for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]


def download(row: Row, folder: Path) -> Path | None:
    """The archive of an sdist, by pip, which also has its metadata made; None where pip can't."""
    folder.mkdir(parents=True, exist_ok=True)
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--ignore-requires-python"]
    wanted = ["--no-binary", row.name, "--dest", str(folder), f"{row.name}=={row.version}"]
    subprocess.run([*pip, *wanted], capture_output=True, check=False, timeout=600)
    return archive(row, folder)


def archive(row: Row, folder: Path) -> Path | None:
    """The file of that name and version in folder, however the name is spelt."""
    stem = f"{canonicalize_name(row.name)}-{row.version}"
    found = (path for path in sorted(folder.glob("*")) if re.sub(r"\.(tar\.\w+|tgz|zip)$", "", path.name) != path.name)
    return next((path for path in found if canonicalize_name(path.name).startswith(canonicalize_name(stem))), None)


def unpack(path: Path, into: Path) -> None:
    """The archive's one folder, as into; members that point outside are refused."""
    with tempfile.TemporaryDirectory(dir=into.parent) as scratch:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as zipped:
                zipped.extractall(scratch)
        else:
            with tarfile.open(path) as tar:
                tar.extractall(scratch, filter="data")
        (only,) = Path(scratch).iterdir()
        only.rename(into)


def check_out(source: str, clones: Path, into: Path) -> bool:
    """The tree of OWNER/NAME@TAG[/FOLDER], with no keywords expanded; False without that clone."""
    repository, _, rest = source.partition("@")
    clone = clones / repository.replace("/", "+")
    if not clone.exists():
        return False
    tag, folder = split_tag(clone, rest)
    index = into.with_name(f"{into.name}.index")
    git = ["git", f"--git-dir={clone}", f"--work-tree={into}"]
    environment = {"GIT_INDEX_FILE": str(index), "PATH": "/usr/bin:/bin:/usr/local/bin"}
    into.mkdir()
    subprocess.run([*git, "read-tree", f"refs/tags/{tag}^{{}}:{folder}"], env=environment, check=True)
    # Large files may be absent from a partial clone: git says so, and goes on.
    subprocess.run([*git, "checkout-index", "--all"], env=environment, check=False, capture_output=True)
    index.unlink()
    release_configuration(into / "setup.cfg")
    return True


def split_tag(clone: Path, rest: str) -> tuple[str, str]:
    """TAG/FOLDER -> (TAG, FOLDER): the shortest beginning that is a tag, as a tag may hold a slash."""
    parts = rest.split("/")
    for count in range(1, len(parts) + 1):
        tag = "/".join(parts[:count])
        known = subprocess.run(["git", f"--git-dir={clone}", "tag", "--list", tag], capture_output=True, check=True)
        if known.stdout:
            return tag, "/".join(parts[count:])
    raise ValueError(f"{clone}: no tag at the beginning of {rest}")


def release_configuration(path: Path) -> None:
    """Empty tag_build and tag_date of [egg_info], as setuptools does in the setup.cfg of an sdist."""
    if path.exists():
        text = path.read_bytes()
        path.write_bytes(re.sub(rb"(?m)^(tag[_-](?:build|date|svn_revision)[ \t]*=).*$", rb"\1", text))


def strip(tree: Path) -> None:
    """Take away what a build wrote down about the version."""
    for path in list(tree.rglob("*.egg-info")):
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    for path in list(tree.rglob("PKG-INFO")):
        path.unlink()


def tree(row: Row, cache: Path) -> Path | None:
    """The stripped source tree of a row, made once; None where it can't be had."""
    into = cache / "trees" / f"{row.name}-{row.version}"
    if into.exists():
        return into
    unfinished = into.with_name(f".{into.name}")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.parent.mkdir(parents=True, exist_ok=True)
    if row.source == "sdist":
        path = archive(row, cache / "archives") or download(row, cache / "archives")
        if path is None:
            return None
        unpack(path, unfinished)
    elif not check_out(row.source, cache / "clones", unfinished):
        return None
    strip(unfinished)
    return unfinished.rename(into)


def exported(commit: str, cache: Path) -> Path:
    """The package as it was at a commit."""
    into = cache / "commits" / commit
    if not into.exists():
        into.mkdir(parents=True)
        archive = subprocess.run(["git", "archive", commit, "relengtools"], cwd=ROOT, capture_output=True, check=True)
        subprocess.run(["tar", "-x", "-C", str(into)], input=archive.stdout, check=True)
    return into


def listed(path: Path, package: Path) -> dict[str, Any]:
    """What `versions list` says of the project at path; empty where it finds none there."""
    command = [sys.executable, "-m", "relengtools", "versions", "list", path.name, "--output-format", "json"]
    environment = os.environ | {"PYTHONPATH": str(package)}
    done = subprocess.run(
        command, cwd=path.parent, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    projects: list[dict[str, Any]] = json.loads(done.stdout)["projects"] if done.stdout else []
    return next((project for project in projects if project["path"] == path.name), {"reason": done.stderr.strip()})


def same(one: str, other: str) -> bool:
    try:
        return Version(one) == Version(other)
    except InvalidVersion:
        return False


def judge(row: Row, project: dict[str, Any]) -> Score:
    version, guess = project.get("version"), project.get("provider_version")
    claims = [text for text in (version, guess) if text is not None]
    reason = str(project.get("reason") or "no reason given").splitlines()[0].replace("|", "\\|")
    if any(not same(text, row.truth) for text in claims):
        return Score(row, Verdict.WRONG, ", ".join(claims))
    named = row.truth == IN_NO_FILE and project.get("level") == "dynamic" and project.get("provider")
    if claims or named or row.truth == BY_RUNNING:
        return Score(row, Verdict.RIGHT, ", ".join(claims) or reason)
    return Score(row, Verdict.UNKNOWN, reason)


def earlier(rows: list[Row], cache: Path, commit: str) -> list[Score]:
    """The scores at a commit, kept in a file beside it."""
    package = exported(commit, cache)
    kept = package / "verdicts.json"
    known: dict[str, list[str]] = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
    missing = [row for row in rows if f"{row.name} {row.version}" not in known]
    for row, verdict, said in scores(missing, cache, package):
        known[f"{row.name} {row.version}"] = [verdict.value, said]
        kept.write_text(json.dumps(known), encoding="utf-8")
    found = ((row, known[f"{row.name} {row.version}"]) for row in rows if f"{row.name} {row.version}" in known)
    return [Score(row, Verdict(verdict), said) for row, (verdict, said) in found]


def scores(rows: Iterable[Row], cache: Path, package: Path = ROOT) -> Iterator[Score]:
    """One score a row; rows whose source can't be had are named on standard error and left out."""
    for row in rows:
        path = tree(row, cache)
        if path is None:
            print(f"{row.name} {row.version}: left out, {row.source} isn't to be had", file=sys.stderr)
        else:
            yield judge(row, listed(path, package))


def summary(results: list[Score], before: list[Score]) -> str:
    """A table of the kinds, and below it every row that is not right, as Markdown."""
    total = Counter(score.verdict for score in results)
    earlier = Counter(score.verdict for score in before)
    sdists = sum(score.row.source == "sdist" for score in results)
    kinds, were = by_kind(results), by_kind(before)
    lines = [
        "# `versions list` on real source distributions",
        "",
        f"{len(results)} source trees without PKG-INFO and `*.egg-info`: {sdists} sdists, and {len(results) - sdists}",
        "release tags checked out without their repository. Made by `scripts/score_sdists.py`.",
        "",
        "**" + ", ".join(f"{total[verdict]} {verdict.value}" for verdict in Verdict) + "**",
        *(["", f"Before: {', '.join(f'{earlier[each]} {each.value}' for each in Verdict)}."] if before else []),
        "",
        f"| how the version is declared |{' right before |' * bool(before)} right | unknown | wrong |",
        f"|---|{'---:|' * bool(before)}---:|---:|---:|",
        *(f"| {kind} | {' | '.join(cells(kind, kinds, were))} |" for kind in sorted(kinds)),
    ]
    for verdict in (Verdict.WRONG, Verdict.UNKNOWN):
        chosen = [score for score in results if score.verdict is verdict]
        if chosen:
            lines += ["", f"## {verdict.value.capitalize()}", ""]
            lines += ["| package | kind | true | said |", "|---|---|---|---|"]
            lines += [f"| {r.name} {r.version} | {r.kind} | {r.truth} | {said} |" for r, _, said in chosen]
    return "\n".join(lines) + "\n"


def by_kind(results: list[Score]) -> dict[str, Counter[Verdict]]:
    kinds: dict[str, Counter[Verdict]] = defaultdict(Counter)
    for score in results:
        kinds[score.row.kind][score.verdict] += 1
    return kinds


def cells(kind: str, kinds: dict[str, Counter[Verdict]], were: dict[str, Counter[Verdict]]) -> list[str]:
    before = [str(were[kind][Verdict.RIGHT])] if were else []
    return before + [str(kinds[kind][verdict]) for verdict in Verdict]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "sdists", metavar="DIR")
    parser.add_argument("--only", metavar="NAME", help="the rows of one package; no report is written")
    parser.add_argument("--before", metavar="COMMIT", help="a column with the verdicts of an earlier commit")
    options = parser.parse_args()
    rows = [row for row in read_rows(ROWS) if options.only in (None, row.name)]
    cache = options.cache.resolve()
    before = earlier(rows, cache, options.before) if options.before else []
    results = list(scores(rows, cache))
    text = summary(results, before)
    print(text, end="")
    if len(results) == len(rows) and options.only is None:
        REPORT.parent.mkdir(exist_ok=True)
        REPORT.write_text(text, encoding="utf-8")
    return int(any(score.verdict is Verdict.WRONG for score in results))


if __name__ == "__main__":
    sys.exit(main())
