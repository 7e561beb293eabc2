import pytest
from packaging.version import Version

from relengtools.versions.scheme.convert import convert
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


OF_MANY_PROJECTS = [
    # text, next-dev, post
    ("v1.2.3-4-g1a2b3c4", "1.2.4.dev4+g1a2b3c4", "1.2.3.post4+g1a2b3c4"),
    ("v1.2.3-4-g1a2b3c4-dirty", "1.2.4.dev4+g1a2b3c4.dirty", "1.2.3.post4+g1a2b3c4.dirty"),
    ("release-2.2.0-15-gabcdef1", "2.2.1.dev15+gabcdef1", "2.2.0.post15+gabcdef1"),
    ("release_1_8_1_rc3-2-gabcdef1", "1.8.1rc4.dev2+gabcdef1", "1.8.1rc3.post2+gabcdef1"),
    ("rel_0_5beta3-2-gabcdef1", "0.5b4.dev2+gabcdef1", "0.5b3.post2+gabcdef1"),
    ("Zope-2-8-0-b2-7-gabcdef1", "2.8.0b3.dev7+gabcdef1", "2.8.0b2.post7+gabcdef1"),
    ("setuptools-scm-v10.1.0-3-gabcdef1", "10.1.1.dev3+gabcdef1", "10.1.0.post3+gabcdef1"),
    ("name/v1.2.3-4-gabcdef1", "1.2.4.dev4+gabcdef1", "1.2.3.post4+gabcdef1"),
    ("@scope/name@1.2.3-4-gabcdef1", "1.2.4.dev4+gabcdef1", "1.2.3.post4+gabcdef1"),
    ("2019-dev-154-gc2f4d607b", "2019.dev154+gc2f4d607b", None),
    ("9.0a-1381-g18b87a10a", "9.0a1.dev1381+g18b87a10a", "9.0a0.post1381+g18b87a10a"),
    ("1.0.Final-3-gabcdef1", "1.1.dev3+gabcdef1", "1.0.post3+gabcdef1"),
    ("2022-07-09-3-gabcdef1", "2022.7.10.dev3+gabcdef1", "2022.7.9.post3+gabcdef1"),
    ("tags/v1.2.3-0-gabcdef1", "1.2.3", "1.2.3"),
    ("1234567-3-gabcdef1", "1234568.dev3+gabcdef1", "1234567.post3+gabcdef1"),
    ("20200101", "20200101", "20200101"),
    ("v1.2.3", "1.2.3", "1.2.3"),
    # no tag, another branch, a letter that counts, a tag that isn't a release
    *((text, None, None) for text in ("abcdef1", "7482a71", "1234567", "1234567-dirty", "deadbeef-dirty", "")),
    *((text, None, None) for text in ("heads/master-0-gabcdef1", "kilo-eol-3-gabcdef1", "release_2011k-2-gabcdef1")),
    *((text, None, None) for text in ("1.0+x-3-gabcdef1", "OpenSSL_1_1_1w-3-gabcdef1", "nightly-20200101-3-gabcdef1")),
]


@pytest.mark.parametrize(("text", "next_release", "after"), OF_MANY_PROJECTS)
def test_the_tag_is_read_as_a_tag(text, next_release, after):
    answers = [convert(text, "git-describe", "pep440", policy) for policy in ("next-dev", "post")]
    assert [answer.version for answer in answers] == [next_release, after]
    assert all(answer.reason for answer in answers if not answer.exact)
