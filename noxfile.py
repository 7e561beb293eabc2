"""Sessions for development: `nox` runs tests, lint and types; `nox -l` lists all."""

import shutil
from pathlib import Path

import nox

nox.options.default_venv_backend = "venv"
nox.options.sessions = ["tests", "lint", "types", "readme"]
nox.options.error_on_missing_interpreters = False
PYPROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = nox.project.python_versions(PYPROJECT)


def group(name: str) -> list[str]:
    """The requirements of a dependency group of pyproject.toml."""
    return nox.project.dependency_groups(PYPROJECT, name)


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """The whole suite on every supported Python that is present."""
    session.install("-e", ".[report]", *group("test"))
    session.run("pytest", "-n", "2", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Ruff: rules and format."""
    session.install(*group("lint"))
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")


@nox.session
def types(session: nox.Session) -> None:
    """mypy --strict."""
    session.install("-e", ".[report]", *group("types"))
    session.run("mypy")


@nox.session
def readme(session: nox.Session) -> None:
    """The generated blocks of README.md are what the program prints."""
    session.install("-e", ".[report]")
    session.run("python", "scripts/readme.py", *(session.posargs or ["--check"]))


@nox.session
def bench(session: nox.Session) -> None:
    """Benchmarks beside their peers; the tables go to reports/benchmarks/."""
    session.install("-e", ".[report]", *group("bench"))
    for script in ("bench_versions.py", "bench_convert.py", "bench_record.py", "bench_release.py"):
        session.run("python", f"scripts/{script}", *session.posargs)


@nox.session
def reports(session: nox.Session) -> None:
    """Write the committed example report again, from its recording."""
    session.install("-e", ".[report]")
    session.run("relengtools", "leaks", "report", "reports/soju/soju.db", "-o", "reports/soju")


@nox.session
def build(session: nox.Session) -> None:
    """Build sdist and wheel from a clean tree, through the gate: `nox -s build -- --tag v0.1.0` for a release."""
    session.install("-e", ".")
    shutil.rmtree("dist", ignore_errors=True)
    session.run("python", "-m", "build")
    dists = sorted(map(str, Path("dist").iterdir()))
    session.run("relengtools", "versions", "release", *dists, "--project", ".", "--build", *session.posargs)
