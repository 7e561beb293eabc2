"""The tree under check is hostile: whatever it plants, nothing of it is ever run or imported."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

CANARY = "import pathlib; pathlib.Path({mark!r}).touch()\n"
# What a Python that starts in the tree, or a build of it, would run.
SOURCES = {
    "setup.py": "from setuptools import setup\nsetup(name='x', version='v1', install_requires=['a>=v1'])\n",
    "conftest.py": "",
    "sitecustomize.py": "",
    "usercustomize.py": "",
    "x/__init__.py": "__version__ = 'v2'\n",
    "x/version.py": "VERSION = (1, 2)\n__version__ = '.'.join(map(str, VERSION))\n",
    "versioneer.py": "def get_version(): return '1'\n",
    "backend/_custom_build.py": "def build_wheel(*_): pass\n",
    "packaging.py": "",
    "tomllib.py": "",
    "click.py": "",
    "docs/conf.py": "release = 'v3'\n",
    "noxfile.py": "",
    "tests/__init__.py": "",
}
PYPROJECT = """\
[build-system]
requires = ["a>=v1"]
build-backend = "_custom_build"
backend-path = ["backend"]
[project]
name = "x"
{version}
[tool.setuptools.dynamic]
version = {{attr = "x.version.__version__"}}
[tool.hatch.version]
source = "code"
path = "x/version.py"
"""
SETUP_CFG = "[metadata]\nname = x\nversion = attr: x.__version__\n[options]\ninstall_requires =\n  b>=v1\n"
HOOKS = ("pre-commit", "post-index-change", "post-checkout", "reference-transaction", "fsmonitor-watchman")
PROGRAMS = (
    "core.fsmonitor",
    "core.pager",
    "pager.ls-files",
    "core.editor",
    "core.sshCommand",
    "core.askPass",
    "diff.external",
    "gpg.program",
    "credential.helper",
    "filter.x.clean",
    "filter.x.smudge",
    "filter.x.process",
    "alias.ls-files",
    "alias.describe",
)


def plant(root: Path, mark: Path, names: set[str], version: str) -> None:
    """A repository in which every file of `names`, every hook and every program of git's is a canary."""
    subprocess.run(["git", "init", "-q", root], check=True)
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(CANARY.format(mark=str(mark)) + SOURCES[name])
    (root / "pyproject.toml").write_text(PYPROJECT.format(version=version))
    (root / "setup.cfg").write_text(SETUP_CFG)
    (root / "requirements.txt").write_text("c>=v1\n-e .\n")
    (root / ".gitattributes").write_text("* filter=x diff=x\n")
    subprocess.run(["git", "-C", root, "add", "-A"], check=True)
    script = f"#!/bin/sh\ntouch '{mark}'\n"
    for hook in HOOKS:
        (root / ".git/hooks").mkdir(exist_ok=True)
        (root / ".git/hooks" / hook).write_text(script)
        (root / ".git/hooks" / hook).chmod(0o755)
    program = root / ".git/canary"
    program.write_text(script)
    program.chmod(0o755)
    for key in PROGRAMS:
        value = f"!{program}" if key.startswith("alias.") else str(program)
        subprocess.run(["git", "-C", root, "config", key, value], check=True)
    (root / "x.txt").write_text("untracked")


def test_a_canary_sings_where_it_is_run(tmp_path):
    root, mark = tmp_path / "tree", tmp_path / "ran"
    plant(root, mark, set(SOURCES), 'version = "v1"')
    for command in ([sys.executable, "setup.py"], ["git", "status"], [sys.executable, "-c", "import x"]):
        subprocess.run(command, cwd=root, capture_output=True, check=False)
        assert mark.exists()
        mark.unlink()


COMMANDS = (
    ["list"],
    ["show"],
    ["check"],
    ["check", "--diff", "--unsafe-fixes"],
    ["check", "--fix"],
    ["check", "--fix", "--unsafe-fixes", "--output-format", "sarif"],
)


@pytest.mark.timeout(120)
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    names=st.sets(st.sampled_from(sorted(SOURCES)), min_size=8),
    version=st.sampled_from(['version = "v1-1"', 'dynamic = ["version"]']),
)
def test_nothing_of_the_tree_is_ever_run(tmp_path_factory, run, monkeypatch, names, version):
    root, mark = tmp_path_factory.mktemp("canary") / "tree", tmp_path_factory.mktemp("mark") / "ran"
    plant(root, mark, names, version)
    monkeypatch.chdir(root)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path])
    for command in COMMANDS:
        run(*command)
    assert not mark.exists()


def test_neither_does_the_installed_program_run_any_of_it(tmp_path):
    root, mark = tmp_path / "tree", tmp_path / "ran"
    plant(root, mark, set(SOURCES), 'version = "v1"')
    program = Path(sys.executable).parent / "relengtools"
    if not program.exists():
        pytest.skip("the program isn't installed beside this Python")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([program, "versions", "check", "--fix"], cwd=root, env=environment, capture_output=True)
    assert done.returncode == 1, done.stderr
    assert not mark.exists()
