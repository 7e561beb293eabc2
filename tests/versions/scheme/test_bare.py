"""Versions without a prefix that PEP 440 refuses: what each usual spelling says, and what no spelling says."""

import pytest

from relengtools.versions.scheme.convert import convert

SPELLINGS = [
    # a patch level
    ("1.2.3p4", "1.2.3.post4"),
    ("0.7.10p1", "0.7.10.post1"),
    ("1.2.3-p4", "1.2.3.post4"),
    ("1.2.3pl4", "1.2.3.post4"),
    ("1.2.3-patch4", "1.2.3.post4"),
    ("1.2.3.SP1", "1.2.3.post1"),
    # the release itself
    ("0.7.6Final", "0.7.6"),
    ("1.0final", "1.0"),
    ("1.0.0.final.0", "1.0.0"),
    ("0.8.0-final0", "0.8.0"),
    ("1.0 final", "1.0"),
    ("1.2.3.GA", "1.2.3"),
    ("1.2.3.RELEASE", "1.2.3"),
    ("1.8.0release", "1.8.0"),
    ("2012-03-18-stable", "2012.3.18"),
    # on the way to it
    ("1.20.0-SNAPSHOT", "1.20.0.dev0"),
    ("1.0-SNAPSHOT", "1.0.dev0"),
    ("1.0-20200101.123456-1", "1.0.dev20200101123456"),
    ("1.0-nightly", "1.0.dev0"),
    ("1.0.0-nightly.20200101", "1.0.0.dev20200101"),
    ("1.4devel1", "1.4.dev1"),
    ("1.0.0-canary.123", "1.0.0.dev123"),
    ("0.1dev-r123", "0.1.dev123"),
    ("0.1.dev_r123", "0.1.dev123"),
    ("1.0a1dev-r123", "1.0a1.dev123"),
    ("1.2.3 beta 2", "1.2.3b2"),
    ("1.2.3 RC 1", "1.2.3rc1"),
    ("9.0.0a1.0", "9.0.0a1"),
    # another sign for the dot
    ("0_4_1", "0.4.1"),
    ("2_5", "2.5"),
    ("2-8-6", "2.8.6"),
    ("2_0_BETA_1", "2.0b1"),
    ("1_2_3dev", "1.2.3.dev0"),
    ("1_2_3_final", "1.2.3"),
    ("1-2-3-final", "1.2.3"),
    ("0_4_7p1", "0.4.7.post1"),
    ("2_9_3-macos-arm64", "2.9.3+macos.arm64"),
    ("0_8_12-smartos", "0.8.12+smartos"),
    ("2020_01_01", "2020.1.1"),
    # a build of it
    ("2.0.0.dev14-win39mac", "2.0.0.dev14+win39mac"),
    ("2.0.0.dev12.mac2", "2.0.0.dev12+mac2"),
    ("2.9.11-riscv64", "2.9.11+riscv64"),
    ("2.40.0.windows.1", "2.40.0+windows.1"),
    ("0.3.2.linux-x86_64", "0.3.2+linux.x86.64"),
    ("42.2.5.jre7", "42.2.5+jre7"),
    ("31.1-android", "31.1+android"),
    ("3.0.0.Final-redhat-1", "3.0.0+redhat.1"),
    ("2.0.0.v20200101", "2.0.0+v20200101"),
    ("1.2.3.v20200101-1234", "1.2.3+v20200101.1234"),
    ("2.5.5-eglpatched", "2.5.5+eglpatched"),
    ("2.2.1-pro", "2.2.1+pro"),
    # a commit or a revision
    ("1.2.3-deadbeef", "1.2.3+gdeadbeef"),
    ("1.2.3_gdeadbee", "1.2.3+gdeadbee"),
    ("0.1.gitabcdef1", "0.1+gabcdef1"),
    ("0.2.0.dev-8103b09", "0.2.0.dev0+g8103b09"),
    ("0.1dev.gitabcdef1", "0.1.dev0+gabcdef1"),
    ("1.0-SNAPSHOT-abcdef1", "1.0.dev0+gabcdef1"),
    ("20200101-abcdef1", "20200101+gabcdef1"),
    ("2020.01.01-abcdef1", "2020.1.1+gabcdef1"),
    ("2020-01-01-abcdef1", "2020.1.1+gabcdef1"),
    ("1.0.dev20200101-abcdef1", "1.0.dev20200101+gabcdef1"),
    ("0.1-svn123", "0.1+svn123"),
    ("0.1.svn.r123", "0.1+svn.r123"),
    ("0.1bzr12", "0.1+bzr12"),
    ("0.1.git20080101", "0.1+git20080101"),
    ("v0.0.0-20190101000000-abcdef123456", "0.0.0.dev20190101000000+gabcdef123456"),
    # free text
    ("2.0.8 (2012-09-11 17:32:41) stable", "2.0.8"),
    ("2.00.1 (2012-08-27 15:29:22) rc4", "2.0.1rc4"),
    ("2.00.0 (2012-08-27 12:55:36) dev", "2.0.0.dev20120827125536"),
]
NOTHING = [
    *(
        "1.x",
        "1.2.x",
        "1.2.X",
        "1.2.*",
        "1.x-dev",
        "1..0",
        "1.",
        ".1",
        "3.6.",
        "1,2",
        "1.2/3",
        "1.2;3",
        "1e3",
        "0x10",
        "*",
    ),
    *(
        "1.0d",
        "1.0z",
        "1.0.2k",
        "1.1.1w",
        "0.9.8zh",
        "1.3.3h",
        "2011k",
        "1.9.3rc1a",
        "3.13.0rc1t",
        "1.0a1a",
        "0.7.0Beta6u",
    ),
    *(
        "1.0-M1",
        "1.0m1",
        "1.0-EA",
        "1.0-prealpha",
        "1.0.0-alpha.beta",
        "1.0.0-next.1",
        "1.0.0-insiders",
        "1.0-pre-alpha",
    ),
    *(
        "1.0.0-experimental",
        "1.0-git",
        "0.1git",
        "0.1-cvs",
        "1.0-eol",
        "21.04-LTS",
        "1.0-draft2",
        "1.2-maint",
        "1.0.qualifier",
    ),
    *("1.2.3-1.2", "1.2.3--1", "1.2.3-1-2", "1.2.3_1", "1.2.3u1", "1.2.3-ci.45", "1.2.3-alpha.1.2", "1.0beta2.1"),
    *(
        "1.0.tar.gz",
        "1.0.zip",
        "1.0-py3-none-any",
        "99999.0.whatever",
        "128-NOTFOUND+bb1a55f3",
        "0.0.0-unknown",
        "1.2.3+a+b",
    ),
    *(
        "0.2.20230124-180750-hf8cd450a",
        ".0.2-2021-02-08.post7-git.24d89ccf",
        "0_5_3-PROPAGATE_DEBIAN_PATCHES",
        "1_2_3-1",
    ),
    *(
        "2_9_1-Python_3.10",
        "1-2-foo",
        "2020Q1",
        "2020w05",
        "22w52a",
        "2020/01/01",
        "2020-01-01T12:00:00",
        "0.10.1,<0.11",
    ),
    *(
        "23c7d1e",
        "abcdef1",
        "gabcdef1",
        "1a2b3c4d",
        "r123",
        "r1234.abcdef1",
        "rev123",
        "svn-r123",
        "b123",
        "HEAD",
        "git",
    ),
    *(
        "dev-9823701a55f2828edd8db53d12c46c7b8d578588",
        "$Revision: 1.12 $",
        "X.Y.Z",
        "N/A",
        "None",
        "unknown",
        "v1.2 (name)",
    ),
    *(
        "1.2.3-2-gabcdef1-modified",
        "1.2.3-2-gabcdef1*",
        "1.2.3-dirty-20200101",
        "1.0 - Codename",
        '"1.2"',
        "==1.2",
        "~1.2",
    ),
]


@pytest.mark.parametrize(("text", "version"), SPELLINGS)
def test_a_usual_spelling_is_read_and_never_exact(text: str, version: str) -> None:
    answer = convert(text)
    assert (answer.scheme, answer.version, answer.exact) == ("tag", version, False)
    assert answer.reason


@pytest.mark.parametrize("text", NOTHING)
def test_what_only_a_person_can_read(text: str) -> None:
    answer = convert(text)
    assert (answer.scheme, answer.version, answer.exact) == ("unknown", None, False)
    assert answer.reason
