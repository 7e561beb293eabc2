import pytest
from packaging.version import Version

from relengtools.versions.scheme.describe import Description, next_dev, read


@pytest.mark.parametrize(
    ("text", "description", "version"),
    [
        ("0.62.4-2-ga73a73b", Description("0.62.4", 2, "a73a73b", False), "0.62.5.dev2+ga73a73b"),
        ("v1.0-10-g0421ea4-dirty", Description("v1.0", 10, "0421ea4", True), "1.1.dev10+g0421ea4.dirty"),
        ("1.0-dirty", Description("1.0", 0, None, True), "1.1.dev0+dirty"),
        ("1.0-0-gabcdef0", Description("1.0", 0, "abcdef0", False), "1.0"),
        ("1.0-rc1-3-g1234567", Description("1.0-rc1", 3, "1234567", False), "1.0rc2.dev3+g1234567"),
        ("1.0.post1-3-g1234567", Description("1.0.post1", 3, "1234567", False), "1.0.post2.dev3+g1234567"),
        ("1!1.0-3-g1234567", Description("1!1.0", 3, "1234567", False), "1!1.1.dev3+g1234567"),
        ("1.0.dev1-3-g1234567", Description("1.0.dev1", 3, "1234567", False), None),
        ("1.0+x-3-g1234567", Description("1.0+x", 3, "1234567", False), None),
        ("release-7-3-g1234567", Description("release-7", 3, "1234567", False), None),
    ],
)
def test_reads_from_the_right(text, description, version):
    assert read(text) == description
    assert next_dev(description) == version
    if version is not None and description.distance:
        assert Version(description.tag) < Version(version)


@pytest.mark.parametrize("text", ["1.0", "1.0-2", "1.0-2-abcdef0", "1.0-2-gxyz", "-2-gabcdef0", "1.0-rc1", "", "dirty"])
def test_leaves_alone_what_is_no_output_of_git_describe(text):
    assert read(text) is None
