"""Feed mutated and made-up texts to all that reads versions: no crash, no hang, and what a fix writes reads again.

Run it as `.venv/bin/python scripts/fuzz_versions.py --count 1000000 --seed 1`. The seeds are the real texts of the
tests and the small files below. Four targets take turns: `convert`, the specifiers, every function of a locator that
needs a source alone (found by its signature, so that a new locator needs no word here), and `check --fix
--unsafe-fixes` on a project. It prints what each target took, its slowest input, and each failure once with its input;
exit code 1 if there is one.
"""

import argparse
import ast
import configparser
import inspect
import json
import pkgutil
import random
import re
import shutil
import signal
import sys
import tempfile
import time
import tomllib
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any

from packaging.version import InvalidVersion, Version

from relengtools.errors import RelengError
from relengtools.versions import check, locate, requirements
from relengtools.versions.discover import discover
from relengtools.versions.locate.source import BOM, Source, UnreadableError
from relengtools.versions.project import read
from relengtools.versions.scheme.convert import POLICIES, SOURCES, TARGETS, as_json, convert
from relengtools.versions.settings import DEFAULT
from relengtools.versions.specifiers.judge import judge
from relengtools.versions.specifiers.oddities import Topic
from relengtools.versions.specifiers.proof import refusal
from relengtools.versions.specifiers.text import Form

TESTS = Path(__file__).parent.parent / "tests"
MEMORY = Path("/dev/shm")
LONGEST_SECONDS = 10
TOO_LONG = 10_000  # for a specifier, whatever packaging says of it
# What the texts of versions, specifiers and files are made of, and what breaks those who read them.
WORDS = r"""
0 1 01 2.0 1.2.3 2010 2022-07-09 1! 1: v V a b rc alpha .dev .post - _ . + ~ ~~ ^ * , ; : / @ # = == === >= <= != ~=
=> <> -4-g1a2b3c4 -dirty _git20200101 +dfsg-1 -r0 -SNAPSHOT .Final release- name-v -1.fc40 1a2b3c4 99999999999999999999
[project] [metadata] [tool.poetry] [[x]] name version dynamic dependencies "version" setup( version= __version__
install_requires python_version 'win32' and or in not ( ) [ ] { } ' " \ \x41 \u0041 # $ % ${v} {v} attr: file:
"""
SIGNS = (
    " ",
    "  ",
    "\t",
    "\n",
    "\r\n",
    "\r",
    "\f",
    "\v",
    "\x00",
    "\x1b",
    "\u00a0",
    "\u2028",
    "\ufeff",
    "\u0661",
    "é",
    "🐍",
)
TOKENS = (*WORDS.split(), '"""', "'''", *SIGNS)
FILES_BY_NAME = r'''
--- pyproject.toml
[project]
name = "demo"
version = "v1.0-rc1"  # here
requires-python = ">=3.6.*"
dependencies = [
  "foo>=1.0.*", 'bar (>=v1,<2.0dev)', """baz~=1.5.0.dev; python_version < "3,8\"""",
]
[project.optional-dependencies]
test = ["x>=1 <2"]
[build-system]
requires = ["setuptools>=61"]
--- pyproject.toml
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "demo"
dynamic = ["version"]
[tool.hatch.version]
path = "src/demo/__init__.py"
--- pyproject.toml
[tool.poetry]
name = "demo"
version = "2026.08.10"
[tool.poetry.dependencies]
python = "^3.8"
foo = "*"
--- pyproject.toml
project = { name = "demo", version = "1.0-1", dependencies = ["a==1.x"] }
[tool.commitizen]
version = "1.0"
--- setup.cfg
[metadata]
name = demo
version = 1.0-2-gabcdef1
[options]
python_requires = >=3.6.*
install_requires =
    foo>=1.0.*  # why
    bar (>=1.0)
[options.extras_require]
test =
  x>=1 <2
--- setup.cfg
[metadata]
name: demo
version = attr: demo.__version__
[options]
package_dir =
  = src
--- setup.py
import os, subprocess
from setuptools import setup
ver = os.environ.get("PKGVER") or "1.0-2-gabcdef1"
setup(
    name="demo",
    version=ver,
    install_requires=["foo>=1.0.*", "bar>=1" ".0 <2"],
)
--- setup.py
from distutils.core import setup
with open("VERSION") as f:
    v = f.read().strip()
setup(name="demo", version="%s.%d" % (v, 1), extras_require={"x": ["a==1.x"]}, python_requires=">=3.6.*")
--- setup.py
import re
setup = __import__("setuptools").setup
VERSION = (1, 2, "beta")
setup(name="demo", version=".".join(map(str, VERSION)))
--- src/demo/__init__.py
"""Demo."""
__version__ = "1.0-1"
--- src/demo/__init__.py
from importlib.metadata import version
try:
    __version__ = version("demo")
except Exception:
    __version__ = "0.0.0"
--- src/demo/__init__.py
VERSION = (1, 0, "rc", 1)
__version__ = ".".join(str(x) for x in VERSION)
--- requirements.txt
foo>=1.0.*
# no
-r other.txt
bar (>=1.0) ; python_version<3  # why
x==1 \
  --hash=sha256:ab
--- VERSION
1.0-rc1
--- Cargo.toml
[package]
name = "demo"
version = "1.0.0-rc.1"
--- meson.build
project('demo', 'c',
  version : '1.0-rc1',
  license : 'MIT')
--- package.json
{
  "name": "demo",
  "version": "1.0.0-rc.1",
  "dependencies": {"version": "2"}
}
--- uv.lock
version = 1
[[package]]
name = "demo"
version = "1.0-1"
source = { editable = "." }
--- PKG-INFO
Metadata-Version: 2.1
Name: demo
Version: 1.0-rc1

Text
--- CITATION.cff
cff-version: 1.2.0
title: demo
version: 'v1.0'
--- meta.yaml
{% set version = "1.0" %}
package:
  name: demo
  version: {{ version }}
--- APKBUILD
pkgname=demo
pkgver=1.0_rc1
pkgrel=0
--- PKGBUILD
pkgname=demo
pkgver=1.0.r5.gabcdef1
pkgrel=1
--- demo.spec
Name: demo
Version: 1.0~rc1
Release: 1%{?dist}
--- debian/changelog
demo (1:1.0~rc1-1) unstable; urgency=low

  * x

 -- A B <a@b>  Thu, 01 Jan 1970 00:00:00 +0000
--- Dockerfile
FROM scratch
LABEL org.opencontainers.image.version="v1.0"
--- docs/conf.py
project = "demo"
version = "1.0"
release = "1.0-rc1"
'''
MODULES = [
    import_module(f"{package.__name__}.{found.name}")
    for package in (locate, requirements)
    for found in pkgutil.iter_modules(package.__path__)
]


class HangError(Exception):
    """An input took longer than LONGEST_SECONDS."""


@dataclass(slots=True)
class Target:
    """A thing to feed: `make` an input, `run` it (an exception is a failure); `share` of all inputs."""

    name: str
    share: int
    make: Callable[[random.Random], Any]
    run: Callable[[Any], None]
    count: int = 0
    seconds: float = 0.0
    slowest: tuple[float, str] = (0.0, "")
    failures: dict[str, str] = field(default_factory=dict)


def real_texts() -> tuple[list[str], list[str]]:
    """Versions and specifiers from the data of the tests."""
    data = TESTS / "versions" / "data"
    versions = [line.split("\t")[0] for line in (data / "legacy.tsv").read_text().splitlines()[1:]]
    specifiers: list[str] = []
    for name, into in (("versions", versions), ("specifiers", specifiers), ("requirements", specifiers)):
        loaded = json.loads((data / f"packaging-{name}.json").read_text())
        into += [text for key, texts in loaded.items() if key != "source" for text in _flat(texts)][:1500]
    specifiers += re.findall(
        r'^    \("([^"\\]+)", ', (TESTS / "versions" / "test_specifiers.py").read_text(), re.MULTILINE
    )
    return versions, specifiers


def files() -> dict[str, list[str]]:
    """The small files, by name."""
    found: dict[str, list[str]] = {}
    for piece in FILES_BY_NAME.removeprefix("\n--- ").split("\n--- "):
        name, _, text = piece.partition("\n")
        found.setdefault(name, []).append(text.rstrip("\n") + "\n")
    return found


def _flat(texts: Sequence[Any]) -> Iterator[str]:
    for text in texts:
        if isinstance(text, str):
            yield text
        elif isinstance(text, list):
            yield from _flat(text)


def mutated(rng: random.Random, text: str, others: Sequence[str]) -> str:
    """`text` after up to four changes: cut, doubled, swapped, spliced with another, sprinkled with tokens."""
    for _ in range(rng.choice((0, 1, 1, 2, 3, 4))):
        start = rng.randrange(len(text) + 1)
        end = min(len(text), start + rng.choice((0, 1, 1, 2, 5, 20)))
        match rng.randrange(7):
            case 0:
                text = text[:start] + text[end:]
            case 1:
                text = text[:start] + rng.choice(TOKENS) + text[end:]
            case 2:
                text = text[:end] + text[start:]
            case 3:
                other = rng.choice(others)
                text = text[:start] + other[rng.randrange(len(other) + 1) :]
            case 4:
                text = text[:start] + text[start:end] * rng.choice((2, 3, 50)) + text[end:]
            case 5:
                text = text[:start] + text[start:end].swapcase() + text[end:]
            case _:
                text = text[:start] + "".join(rng.choices(TOKENS, k=3)) + text[start:]
    return text


def made_up(rng: random.Random) -> str:
    """Tokens in a row; now and then one of them very often."""
    if rng.randrange(50) == 0:
        return rng.choice(TOKENS) + rng.choice(TOKENS) * rng.choice((300, 3000)) + rng.choice(TOKENS)
    return "".join(rng.choices(TOKENS, k=rng.randrange(1, 12)))


def a_text(rng: random.Random, seeds: Sequence[str]) -> str:
    """One text: a seed changed, or one of tokens alone."""
    return mutated(rng, rng.choice(seeds), seeds) if rng.randrange(4) else made_up(rng)


def a_file(rng: random.Random, name: str) -> bytes:
    """The content of a file of that name: text changed, and sometimes the bytes too."""
    seeds = FILES[name]
    data = mutated(rng, rng.choice(seeds), [*seeds, *TOKENS]).encode("utf-8", "replace")
    match rng.randrange(24):
        case 0:
            return BOM + data
        case 1:
            return data.replace(b"\n", rng.choice((b"\r\n", b"\r")))
        case 2 if data:
            at = rng.randrange(len(data))
            return data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :]
    return data


def run_convert(given: tuple[str, str, str, str | None]) -> None:
    """An honest answer: JSON, canonical, packaging's own where it is PEP 440, exact or with a reason."""
    text, source, target, policy = given
    answer = convert(text, source, target, policy)
    assert json.loads(as_json(answer)) == answer._asdict()
    assert answer.exact is (answer.version is not None and answer.reason is None)
    if answer.canonical is not None:
        assert str(Version(answer.canonical)) == answer.canonical
    if source == "auto":
        try:
            expected = str(Version(text))
        except (InvalidVersion, ValueError):
            assert answer.scheme != "pep440"
        else:
            assert (answer.scheme, answer.canonical) == ("pep440", expected)


def run_specifier(given: tuple[str, Form]) -> None:
    """Packaging's verdict, and a mended text that is valid and needs no more mending."""
    text, form = given
    judgement = judge(text, form)
    assert judgement.valid is (refusal(text, form) is None) or len(text) > TOO_LONG
    new = judgement.mended(frozenset(Topic) - {Topic.PADDING})
    assert new == text or refusal(new, form) is None
    assert judge(new, form).mended(frozenset(Topic) - {Topic.PADDING}) == new


def locators() -> list[Callable[[Source], Any]]:
    """The public functions of the locators' modules that need a Source and nothing else."""
    found: list[Callable[[Source], Any]] = []
    for module in MODULES:
        for name, function in inspect.getmembers(module, inspect.isfunction):
            needed = [p for p in inspect.signature(function).parameters.values() if p.default is p.empty]
            own = function.__module__ == module.__name__ and not name.startswith("_")
            if own and len(needed) == 1 and needed[0].annotation in (Source, "Source"):
                found.append(function)
    return found


def run_locators(given: tuple[str, bytes]) -> None:
    """Each function gives an answer or UnreadableError, for files of its own kind and of any other."""
    name, data = given
    try:
        text = data.removeprefix(BOM).decode()
    except UnicodeDecodeError:
        return
    source = Source(name, Path("/nowhere") / name, data, text)
    for function in LOCATORS:
        try:
            answer = function(source)
            if isinstance(answer, Iterator):
                list(answer)
        except (UnreadableError, RelengError):
            pass


def run_project(root: Path, files: dict[str, bytes]) -> None:
    """check --fix --unsafe-fixes on a directory: what it writes can be read again, and it leaves nothing to write."""
    shutil.rmtree(root, ignore_errors=True)
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    for write in (True, False):
        projects = [project for place in discover([str(root)]).places.values() if (project := read(place))]
        given = check.terms(projects, {project.place.root: DEFAULT for project in projects}, None, True)
        for outcome in check.fixed(projects, given, True, write):
            assert write or not outcome.changes, f"there was more to write: {outcome.changes[0].edits}"
            for change in outcome.changes:
                reads(change.source.path.name, change.new)


def reads(name: str, data: bytes) -> None:
    """Raises where a file of that name can't be read by the parser that its users have."""
    match Path(name).suffix:
        case ".toml":
            tomllib.loads(data.removeprefix(BOM).decode())
        case ".lock":
            tomllib.loads(data.removeprefix(BOM).decode())
        case ".py":
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of escapes that Python doesn't know
                ast.parse(data)
        case ".cfg":
            configparser.RawConfigParser(strict=False).read_string(data.removeprefix(BOM).decode())
        case ".json":
            json.loads(data.removeprefix(BOM))


def a_project(rng: random.Random) -> dict[str, bytes]:
    """A few files of a project, one marker at least."""
    names = {rng.choice(("pyproject.toml", "setup.cfg", "setup.py")), *rng.choices(list(FILES), k=rng.randrange(1, 5))}
    return {name: a_file(rng, name) for name in sorted(names)}


def targets(root: Path) -> list[Target]:
    """The four things that are fed."""
    versions, specifiers = real_texts()
    names = list(FILES)
    policies = (None, *POLICIES)
    return [
        Target(
            "convert",
            58,
            lambda r: (a_text(r, versions), r.choice(("auto", *SOURCES)), r.choice(TARGETS), r.choice(policies)),
            run_convert,
        ),
        Target("specifiers", 25, lambda r: (a_text(r, specifiers), r.choice(list(Form))), run_specifier),
        Target("locators", 12, lambda r: ((name := r.choice(names)), a_file(r, name)), run_locators),
        Target("check --fix", 5, a_project, partial(run_project, root)),
    ]


def feed(target: Target, rng: random.Random) -> None:
    """One input, timed; a failure is kept once for each place that raised it."""
    given = target.make(rng)
    started = time.perf_counter()
    signal.setitimer(signal.ITIMER_REAL, LONGEST_SECONDS)
    try:
        target.run(given)
    except Exception as error:
        frames = [
            f for f in traceback.extract_tb(error.__traceback__) if "relengtools" in f.filename or "fuzz" in f.filename
        ]
        place = f"{type(error).__name__} at {Path(frames[-1].filename).name}:{frames[-1].lineno}"
        target.failures.setdefault(place, f"{str(error)[:300]}\n    input: {given!r:.2000}")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    took = time.perf_counter() - started
    target.count, target.seconds = target.count + 1, target.seconds + took
    if took > target.slowest[0]:
        target.slowest = (took, repr(given)[:300])


def feed_all(fed: Sequence[Target], count: int, rng: random.Random) -> None:
    order = [target for target in fed for _ in range(target.share)]
    for number in range(count):
        feed(rng.choice(order), rng)
        if sys.stderr.isatty() and number % 1000 == 0:
            print(f"\r{number:,}", end="", file=sys.stderr)


def hang(_signal: int, _frame: FrameType | None) -> None:
    raise HangError(f"more than {LONGEST_SECONDS} s")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100_000, help="how many inputs, all targets together")
    parser.add_argument("--seed", type=int, default=1, help="the same seed makes the same inputs")
    arguments = parser.parse_args()
    warnings.simplefilter("error")
    signal.signal(signal.SIGALRM, hang)
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as scratch:
        fed = targets(Path(scratch) / "project")
        feed_all(fed, arguments.count, random.Random(arguments.seed))
    for target in fed:
        rate = target.seconds / max(1, target.count) * 1e6
        print(f"{target.name:12} {target.count:9,} inputs, {rate:8.1f} us each, slowest {target.slowest[0]:.3f} s")
        print(f"    {target.slowest[1]}")
        for place, what in target.failures.items():
            print(f"  FAILED {place}: {what}")
    return int(any(target.failures for target in fed))


FILES = files()
LOCATORS = locators()

if __name__ == "__main__":
    sys.exit(main())
