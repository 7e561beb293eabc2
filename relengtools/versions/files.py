"""The files of one place, each read once; what can't be read becomes a problem and counts as absent."""

import os
from pathlib import Path

from relengtools.versions.catalogue import UNREADABLE
from relengtools.versions.declaration import Problem
from relengtools.versions.discover import Place
from relengtools.versions.locate.source import Source, UnreadableError, is_inside, read_bytes, shown, utf8


class Files:
    """Reads below the tree of a place, and keeps the sources and the problems."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.sources: dict[Path, Source] = {}
        self.problems: dict[str, Problem] = {}

    def source(self, name: str, python: bool = False) -> Source | None:
        """The file `name` of the place, None where there is none or it can't be read."""
        path = Path(os.path.normpath(self.place.root / name))
        if path not in self.sources:
            if not os.path.lexists(path):
                return None
            try:
                self.sources[path] = self._read(path, python)
            except UnreadableError as error:
                self.note(error.problem)
                return None
        return self.sources[path]

    def quiet(self, path: Path, python: bool) -> Source | None:
        """A file that isn't declared but looked into on the way: nobody has to hear that it can't be read."""
        if path not in self.sources:
            try:
                self.sources[path] = self._read(path, python)
            except UnreadableError:
                return None
        return self.sources[path]

    def note(self, problem: Problem) -> None:
        """Keep a problem, the first of each file and rule."""
        self.problems.setdefault(problem.file + problem.rule.code, problem)

    def _read(self, path: Path, python: bool) -> Source:
        file = shown(path)
        if not is_inside(path, self.place.tree):
            raise UnreadableError(Problem(UNREADABLE, file, "leads out of the tree, so it is not followed"))
        data = read_bytes(file, path)
        if not python:
            return utf8(file, path, data)
        from relengtools.versions.locate.python import decode

        return decode(file, path, data)
