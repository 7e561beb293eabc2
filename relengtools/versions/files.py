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
        self.root = os.fspath(place.root)
        self.sources: dict[str, Source] = {}
        self.problems: dict[str, Problem] = {}
        self.inside: dict[str, bool] = {}

    def source(self, name: str, python: bool = False) -> Source | None:
        """The file `name` of the place, None where there is none or it can't be read."""
        path = os.path.normpath(os.path.join(self.root, name))  # noqa: PTH118
        if path not in self.sources:
            if not os.path.lexists(path):
                return None
            try:
                self.sources[path] = self._read(path, python)
            except UnreadableError as error:
                self.note(error.problem)
                return None
        return self.sources[path]

    def quiet(self, file: Path, python: bool) -> Source | None:
        """A file that isn't declared but looked into on the way: nobody has to hear that it can't be read."""
        path = os.fspath(file)
        if path not in self.sources:
            try:
                self.sources[path] = self._read(path, python)
            except UnreadableError:
                return None
        return self.sources[path]

    def note(self, problem: Problem) -> None:
        """Keep a problem, the first of each file and rule."""
        self.problems.setdefault(problem.file + problem.rule.code, problem)

    def _read(self, name: str, python: bool) -> Source:
        path, file = Path(name), shown(name)
        if not self._is_inside(name):
            raise UnreadableError(Problem(UNREADABLE, file, "leads out of the tree, so it is not followed"))
        data = read_bytes(file, path)
        if not python:
            return utf8(file, path, data)
        from relengtools.versions.locate.python import decode

        return decode(file, path, data)

    def _is_inside(self, name: str) -> bool:
        """`is_inside`, asked once a folder; a link is asked by itself."""
        if os.path.islink(name):  # noqa: PTH114
            return is_inside(Path(name), self.place.tree)
        folder = os.path.dirname(name)  # noqa: PTH120
        if folder not in self.inside:
            self.inside[folder] = is_inside(Path(folder), self.place.tree)
        return self.inside[folder]
