"""Debian's, Ubuntu's and RPM's versions: upstream's version without what the packager put on it."""

import pytest

from relengtools.versions.scheme.convert import convert

DEBIAN = [
    # text, version, exact
    ("0.193", "0.193", True),
    ("1.0~a1", "1.0a1", True),
    ("1.2.1~beta4", "1.2.1b4", True),
    ("1.0~~dev1", "1.0.dev1", True),
    ("1.0~rc1~dev2", "1.0rc1.dev2", True),
    ("1.0+post1~dev2", "1.0.post1.dev2", True),
    ("1.0~dev1", "1.0.dev1", False),
    # a revision, an epoch, rebuilds, security and backports
    ("1.0-1", "1.0", False),
    ("1.0-1.1", "1.0", False),
    ("1.0-2-3", "1.0.post2", False),
    ("1:4.5.0-2", "4.5.0", False),
    ("2.4.0-f2", "2.4.0", False),
    ("1:13.0.1-11+b2", "13.0.1", False),
    ("0.13.0-1.1~deb12u1", "0.13.0", False),
    ("1.0-1~bpo12+1", "1.0", False),
    ("1.0~bpo22.04.1~1", "1.0", False),
    ("1.35+deb12u1", "1.35", False),
    ("1.0+nmu2", "1.0", False),
    ("1.1build1", "1.1", False),
    ("0.23ubuntu1", "0.23", False),
    ("0.11.4-1ubuntu3", "0.11.4", False),
    ("4.5.6-0ubuntu1~22.04.2", "4.5.6", False),
    ("1.0-1ubuntu0.1~esm1", "1.0", False),
    ("1.0~ubuntu20.04.1~ppa1", "1.0", False),
    # repacked sources, before and after other marks, glued on or not
    ("0.25.1+dfsg-1", "0.25.1", False),
    ("2.4.2+ds-3", "2.4.2", False),
    ("5.2.5~ds0-1", "5.2.5", False),
    ("0.9.5+dfsg.2-3", "0.9.5", False),
    ("1.0.dfsg1-1", "1.0", False),
    ("0.12.10dfsg2-6", "0.12.10", False),
    ("0.10repacked-14", "0.10", False),
    ("2.9.2debian-2", "2.9.2", False),
    ("1.12.0.1+debian+dfsg3-4", "1.12.0.1", False),
    ("0.9.5~github-3", "0.9.5", False),
    ("6.2.2006+really6.2.1905+dfsg-5.1+b1", "6.2.1905", False),
    ("2.0.16.1~really2.0.2-0.2", "2.0.2", False),
    ("3.3.4+dfsg+REALLY.3.3.3-2", "3.3.3", False),
    ("0.14.3+~0.5.0-3", "0.14.3", False),
    # snapshots: `~` before the version, `+` after it
    ("0.0~git20200220.a73d561-3", "0.0.dev20200220", False),
    ("0~20171222-5", "0.dev20171222", False),
    ("0.9.0~hg150.aa8f46b43a71-1", "0.9.0.dev150", False),
    ("2.1~bzr46-4", "2.1.dev46", False),
    ("0.0~vcs.2022.12.26.git-0.2+b1", "0.0.dev20221226", False),
    ("0.4.2~0-2", "0.4.2.dev0", False),
    ("1.2.0~devel20211015-1", "1.2.0.dev20211015", False),
    ("0+git20221020.1.bf75db7-2", "0.post20221020", False),
    ("0+git2021.11.18-2", "0.post20211118", False),
    ("1.0+1git91f4b1-7", "1.0.post1", False),
    ("1.0.1+svn287-9", "1.0.1.post287", False),
    ("1.3+20110613.git2a0fb15~ds0-3.2", "1.3.post20110613", False),
    ("0.6.1+git20220223.1326a4d+dfsg-2+b1", "0.6.1.post20220223", False),
    ("2.7.4+git6-g9134ad92-7", "2.7.4.post6", False),
    ("0.5.1.54.g802fa86-2", "0.5.1.post54+g802fa86", False),
    ("1.0alpha-32-g55b4d4e-2+b8", "1.0a0.post32+g55b4d4e", False),
    ("20220106.git7586adbb6a+ds1-2", "20220106+g7586adbb6a", False),
    # what upstream wrote
    ("2022-07-09+dfsg-2", "2022.7.9", False),
    ("0.3.1.p3-2.1", "0.3.1.post3", False),
    ("4.13~beta-1+b3", "4.13b0", False),
    ("1.0c2+git20220519-1", "1.0rc2.post20220519", False),
    ("0.11.0+5-1", "0.11.0+5", False),
    ("1.0~b1.dev3-1", "1.0b1.dev3", False),
    ("1.0~rc1.post2-1", "1.0rc1.post2", False),
    ("1.0~~dev3", "1.0.dev3", True),
    ("1.0~~rc1", "1.0rc1", False),
    ("1.0~+git20200101-1", "1.0.dev20200101", False),
    ("1.0+~2.0-1", "1.0", False),
    ("0.4.2.debian1-2", "0.4.2", False),
    ("0~20150903+r2013-8", "0.dev20150903", False),
    ("0.0+20190501.git986658-6", "0.0.post20190501", False),
]
RPM = [
    ("1.0", "1.0", True),
    ("1.0~rc1", "1.0rc1", True),
    ("1.0~~dev1", "1.0.dev1", True),
    ("1.0^post1~dev2", "1.0.post1.dev2", True),
    ("1.0~dev1", "1.0.dev1", False),
    ("1.0-1.fc40", "1.0", False),
    ("1:1.0~rc1-1.fc40", "1.0rc1", False),
    ("6.7.8.9-10.el7", "6.7.8.9", False),
    ("1.2.3-lp152.1.1", "1.2.3", False),
    ("4.18.0-305.el8.x86_64", "4.18.0", False),
    ("8.9p1-3.el9", "8.9.post1", False),
    # Fedora's old releases
    ("1.0-0.1.rc1.fc20", "1.0rc1", False),
    ("1.0-0.rc1.1.el7", "1.0rc1", False),
    ("1.0-0.2.beta", "1.0b0", False),
    ("1.0-0.1.dev3.fc30", "1.0.dev3", False),
    ("1.0-0.1.20200101git1a2b3c4.fc30", "1.0.dev20200101", False),
    ("1.0-0.1.git1a2b3c4.fc30", "1.0.dev0+g1a2b3c4", False),
    ("1.0-1.20200101git1a2b3c4.fc33", "1.0.post20200101", False),
    ("1.0-1.rc1.fc20", "1.0", False),
    # and the new signs
    ("1.0^20240101git1a2b3c4-1.fc40", "1.0.post20240101", False),
    ("1.0^20240101.git1a2b3c4-1.fc40", "1.0.post20240101", False),
    ("1.0^1.git1a2b3c4-1", "1.0.post1", False),
    ("1.0~rc1^20200101git1a2b3c4-1", "1.0rc1.post20200101", False),
    ("1.0~20200101git1a2b3c4-1", "1.0.dev20200101", False),
    ("1.2.3+git20200101.abcdef1-1.1", "1.2.3.post20200101", False),
    ("1.2.3+git.1577836800.abcdef1", "1.2.3.post1577836800", False),
]
NOTHING = [
    ("debian", text)
    for text in [
        *(
            "0.0.63-hotfix+ds-1+b3",
            "0.8+5prealpha+1-16",
            "2023.02a-1",
            "1.0.0~M8-1",
            "2026b-0+deb12u1",
            "0~0.1-1",
            "1.0o-2",
        ),
        *(
            "0.9.6~unreleased-1",
            "1.3-28.1-1",
            "22w52a+ds-1",
            "25.mar.1992-21",
            "1.0_1",
            "",
            "1.2:3.4:5",
            "-1",
            "1.0+abc~rc1",
            "1.0~",
            "1.0+",
            "1.0-",
        ),
        *("3.1.4+2.1.7~dev20160128-1", "1.3.1+18~git20210718-1", "140.12.0esr-1~deb12u1", "1:"),
    ]
] + [("rpm", text) for text in ["1.1.1k-5.el8", "2.7.5_1-1", "", "-1", "1.0~", "1.0^", "1.0-", "1.0-1-1"]]


@pytest.mark.parametrize(
    ("source", "row"),
    [("debian", row) for row in DEBIAN] + [("rpm", row) for row in RPM],
    ids=[f"debian {row[0]}" for row in DEBIAN] + [f"rpm {row[0]}" for row in RPM],
)
def test_upstreams_version(source: str, row: tuple[str, str, bool]) -> None:
    answer = convert(row[0], source)
    assert (answer.scheme, answer.version, answer.exact) == (source, *row[1:])
    assert (answer.reason is None) is answer.exact


@pytest.mark.parametrize(("source", "text"), NOTHING)
def test_what_needs_a_person(source: str, text: str) -> None:
    answer = convert(text, source)
    assert (answer.scheme, answer.version, answer.exact) == (source, None, False)
    assert answer.reason


@pytest.mark.parametrize(
    ("text", "scheme"),
    [
        ("1.0~rc1", "debian"),
        ("1:2.3-4", "debian"),
        ("1.0-1ubuntu1", "debian"),
        ("1.1build1", "debian"),
        ("2022-07-09+dfsg-2", "debian"),
        ("1.0-1.el7", "rpm"),
        ("1.0-0.1.rc1.fc20", "rpm"),
        ("1.0^20240101git1a2b3c4", "rpm"),
        ("v2.0.0-0.1.alpha1", "rpm"),
    ],
)
def test_their_marks_are_known_without_being_told(text: str, scheme: str) -> None:
    answer = convert(text)
    assert (answer.scheme, answer.exact) == (scheme, False)
    assert answer.version == convert(text, scheme).version
