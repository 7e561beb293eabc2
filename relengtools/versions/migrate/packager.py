"""What those who package the project have to know of a migration."""

from collections.abc import Iterator

from relengtools.versions.scheme import pep440


def minimal(variable: str | None, fallback: str | None) -> Iterator[str]:
    """Nothing has to change for them but how they may write a snapshot; `fallback` is said where git fails."""
    if variable:
        yield f"{variable}=… goes on to work; TAG_gitDATE (Alpine) and TAG_N_gHASH (Arch) become PEP 440"
    without = "is refused instead of 0.0.0" if fallback is None else f"goes on to be {fallback}"
    if fallback is not None and pep440.parse(fallback) is None:
        without = f"is refused, where setup.py said {fallback!r}"
    yield f"an sdist says its own version; a tree without git, tags and PKG-INFO {without}"


def modern(variable: str | None, removed: bool) -> Iterator[str]:
    """The environment variable has another name, and its value has to be PEP 440."""
    if variable:
        yield f"{variable}=VERSION is ignored from now on: SETUPTOOLS_SCM_PRETEND_VERSION=VERSION takes its place"
    yield "VERSION has to be PEP 440: 1.2.3_git20240524 is refused, 1.2.3.post20240524 works"
    yield "building needs setuptools-scm (Alpine: py3-setuptools_scm; Debian: python3-setuptools-scm)"
    yield "an archive made by `git archive` knows its version by .git_archival.txt; a shallow clone needs its tags"
    if removed:
        yield "where setup.py is gone, `python3 setup.py …` becomes `python3 -m build` or `pip install`"
