"""A tree of files, and what is read of the one project in it."""

from relengtools.versions.discover import discover
from relengtools.versions.project import read


def project(tree, files):
    tree(files)
    (place,) = discover(["."]).places.values()
    found = read(place)
    assert found is not None
    return found
