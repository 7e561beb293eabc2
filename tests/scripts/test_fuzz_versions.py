"""The fuzzer itself: it feeds every target, finds the locators by itself, and tells of a failure once."""

import random
import time
from pathlib import Path

import fuzz_versions as fuzz
import pytest

SMALL = 1500


def test_texts_of_versions_and_specifiers_pass(tmp_path: Path) -> None:
    rng = random.Random(2024)
    for target in fuzz.targets(tmp_path)[:2]:
        for _ in range(SMALL):
            fuzz.feed(target, rng)
        assert (target.count, target.failures) == (SMALL, {})
        assert target.slowest[0] < 1


def test_the_locators_are_found_by_their_signature() -> None:
    modules = {function.__module__.rpartition("relengtools.versions.")[2] for function in fuzz.LOCATORS}
    assert {"locate.module", "locate.meson", "requirements.locate", "requirements.setup_cfg"} <= modules


def test_every_seed_is_a_file_that_can_be_read() -> None:
    for name, texts in fuzz.FILES.items():
        for text in texts:
            fuzz.reads(name, text.encode())


SETUP = b'from setuptools import setup\nsetup(name="demo", version="1.0", install_requires=["foo>=1.0.*"])\n'
FOUND = [
    {"setup.cfg": b"[metadata]\nname = demo\x00version = 1.0\n"},
    {"setup.cfg": b"[metadata]\nname: demo\nversion = attr: " + b"demoversion" * 60 + b".x\n"},
    {"setup.cfg": b"[options]\ninstall_requires =\n  foo>=1.0.*\n[opti", "setup.py": SETUP},
    {"setup.cfg": b"x[metadata]\nname = demo\n[options]\ninstall_requires =\n  foo>=1.0.*\n", "setup.py": SETUP},
    {"setup.py": b'from setuptools import setup\nsetup(name="demo", version="1", extras_require={"x"["a==1.x"]})\n'},
    {"setup.py": b'import os\nfrom setuptools import *\nsetup(name="d", version=os.environ.gEt("V") or "1-1-gabcd")\n'},
    {"setup.py": SETUP, "uv.lock": b'[[package]]\nname = "demo"\nversion = "1.0-1"\nsource = { editable = "." }\n}'},
    {"setup.py": SETUP, "meta.yaml": b"package:\n" + b"  name: demo\n" * 200 + b"  version: {{ version }}\n"},
    {"setup.py": SETUP, "meson.build": b"project(" + b"a" * 30_000},
    {"setup.py": SETUP, "requirements.txt": b"foo" + b" " * 20_000 + b"!\n"},
]


@pytest.mark.parametrize("files", FOUND, ids=range(len(FOUND)))
def test_what_it_found_stays_mended(files: dict[str, bytes], tmp_path: Path) -> None:
    started = time.process_time()
    fuzz.run_project(tmp_path / "project", files)
    assert time.process_time() - started < 5


def test_a_failure_is_told_once_with_its_input() -> None:
    def run(given: int) -> None:
        raise ValueError(given)

    target = fuzz.Target("x", 1, lambda rng: rng.randrange(10), run)
    fuzz.feed_all([target], 20, random.Random(1))
    (what,) = target.failures.values()
    assert target.count == 20 and "input: " in what


def test_the_same_seed_makes_the_same_inputs(tmp_path: Path) -> None:
    made = [[target.make(random.Random(7)) for target in fuzz.targets(tmp_path)] for _ in range(2)]
    assert made[0] == made[1]
