"""Whether a project's requirements surely need no look: most are in order, and a look costs as much as all the rest."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from relengtools.versions.catalogue import SYNTAX
from relengtools.versions.locate.source import Source
from relengtools.versions.names import normalized
from relengtools.versions.project import Project
from relengtools.versions.requirements.keys import files, texts
from relengtools.versions.specifiers.canonical import plain
from relengtools.versions.specifiers.text import Form

OWN = ("pyproject.toml", "setup.cfg", "setup.py")


def quiet(project: Project, siblings: Mapping[str, str]) -> bool:
    """Whether there surely is no finding on any requirement; what can't be told at a glance is not quiet."""
    if _may_have_pip_files(project.place.root):
        return False
    if any("require" in source.text for source in own(project) if source.path.name != "pyproject.toml"):
        return False
    document = project.document or {}
    if next(files(document), None) is not None:
        return False
    return all(_quiet(text, form, siblings) for text, form in texts(document))


def own(project: Project) -> list[Source]:
    """The files of the project that state requirements beside other things, but for those that nobody can read."""
    broken = {problem.file for problem in project.problems if problem.rule == SYNTAX}
    beside = [s for s in project.sources if s.path.name in OWN and s.path.parent == project.place.root]
    return [source for source in beside if source.file not in broken]


def name_of(text: str) -> str:
    """The normalised name at the beginning of a requirement."""
    match = re.match(r"\s*([A-Za-z0-9._-]+)", text)
    return normalized(match[1]) if match else ""


def _may_have_pip_files(root: Path) -> bool:
    for folder, words in ((root, ("requirements", "constraints")), (root / "requirements", ("",))):
        try:
            names = [entry.name.lower() for entry in os.scandir(folder)]
        except OSError:
            continue
        if any(name.endswith((".txt", ".in")) and any(word in name for word in words) for name in names):
            return True
    return False


def _quiet(text: str, form: Form, siblings: Mapping[str, str]) -> bool:
    return plain(text, form) and not (siblings and form is Form.REQUIREMENT and name_of(text) in siblings)
