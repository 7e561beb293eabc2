"""Lists in lists that share theirs: a few lines make more parts than can ever be looked at."""

from pathlib import Path

import pytest

from relengtools.versions import projects

SHARED = 'from setuptools import setup\na = ["x"] * 100\nb = [a] * 100\nc = [b] * 100\nd = [c] * 100\n'


@pytest.mark.timeout(60)
@pytest.mark.parametrize("version", ["str(d)", '"1.0" if d == d else "2"', '"%s" % (d,)', '"{}".format(d)'])
def test_a_value_of_endless_parts_is_unknown(version: str, tmp_path: Path) -> None:
    (tmp_path / "setup.py").write_text(f"{SHARED}setup(name='a', version={version})\n")
    [project] = projects.below([str(tmp_path)]).projects
    assert project.owner is None
    assert project.reason
