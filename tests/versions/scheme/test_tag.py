"""Tags: which word before a number makes it a release, which is a project's name, and which is neither."""

import pytest

from relengtools.versions.scheme.convert import convert

RELEASES = [
    # text, version, exact
    ("v1.2.3", "1.2.3", True),
    ("V1.2", "1.2", True),
    ("v.1.2", "1.2", True),
    ("v 1.2.3", "1.2.3", True),
    ("v.3.2.4.dev0", "3.2.4.dev0", True),
    ("Version 1.2", "1.2", True),
    ("version-1.2.3", "1.2.3", True),
    ("ver1.2", "1.2", True),
    ("rel1.2", "1.2", True),
    ("release1.2.3", "1.2.3", True),
    ("Release v1.2.3", "1.2.3", True),
    ("release-2.2.0", "2.2.0", True),
    ("release-20.3.0rc1", "20.3.0rc1", True),
    ("release_2023.3.post1", "2023.3.post1", True),
    ("release/1.2.3", "1.2.3", True),
    ("releases/v1.2.3", "1.2.3", True),
    ("refs/tags/v1.2", "1.2", True),
    ("refs/tags/1.2", "1.2", True),
    ("R-2.10.4.beta", "2.10.4b0", True),
    ("r1.2.3", "1.2.3", True),
    ("REL_14_BETA1", "14b1", True),
    ("rel_0_6_4", "0.6.4", False),
    ("rel_0_5beta3", "0.5b3", False),
    ("rel_0_4_7p1", "0.4.7.post1", False),
    ("rel_2_0_5_post1", "2.0.5.post1", False),
    ("rel-1-2-3", "1.2.3", False),
    ("release-1-2", "1.2", False),
    ("release-1-2-3", "1.2.3", False),
    ("release-1_2_3", "1.2.3", False),
    ("release_1_8_1_rc3", "1.8.1rc3", False),
    ("release_1_8_1release", "1.8.1", False),
    ("REL9_5_ALPHA1", "9.5a1", False),
    ("V_8_1_P1", "8.1.post1", False),
    ("v2-7-1", "2.7.1", False),
    ("stable-1.2", "1.2", False),
    ("release-1863", "1863", False),
    ("v42", "42", True),
    ("release-v42", "42", True),
    ("v1.2.3-stable", "1.2.3", False),
]
PROJECTS = [
    ("name-1.2.3", "1.2.3"),
    ("MySQLdb-0.9.2c3", "0.9.2rc3"),
    ("MySQLdb-1.2.1_p2", "1.2.1.post2"),
    ("Zope-2-8-0-b2", "2.8.0b2"),
    ("Zope-2.8.5", "2.8.5"),
    ("curl-7_79_1", "7.79.1"),
    ("deluge-0.5.5_RC1", "0.5.5rc1"),
    ("setuptools-scm-v10.1.0", "10.1.0"),
    ("vcs-versioning-1.0.0.dev", "1.0.0.dev0"),
    ("plugin-v0.2.0", "0.2.0"),
    ("@scope/base@1.0.0-rc.1", "1.0.0rc1"),
    ("@scope/base@2.0.0", "2.0.0"),
    ("azure-core_1.30.0", "1.30.0"),
    ("google-cloud-core-v1.2.3-beta.1", "1.2.3b1"),
    ("swift-5.3-RELEASE", "5.3"),
    ("boost-1.70.0.beta1", "1.70.0b1"),
    ("llvmorg-12.0.0-rc1", "12.0.0rc1"),
    ("python3.8-1.2", "1.2"),
    ("python-debian-0.1.49", "0.1.49"),
    ("name-2-1.2.3", "1.2.3"),
    ("name/1.2", "1.2"),
    ("name/v1.2", "1.2"),
    ("sub/dir/v1.2.3", "1.2.3"),
    ("upstream/0.8.4", "0.8.4"),
    ("name@1.2.3", "1.2.3"),
    ("@scope/name@1.2.3-beta.1", "1.2.3b1"),
    ("name==1.2.3", "1.2.3"),
]
# Letters that count releases, months, branches, packagers, copies, tickets, another product, and plain words.
NO_RELEASES = (
    "prerelease-v3.7.8 preview-1.2 staging/1.2 stable-2.10-branchpoint import-pyobjc-in-macosx-10.5 name-1.0-2.0",
    "pylint-debian-version-0.18.1-1 v1.2.3-4.5 releases/1.0/foo-1.2",
    "release_2011k release_2010b 2009p_release rel_0_4_2a rel_0_4_2b pytz-2004b tzdata2020a OpenSSL_1_1_1w",
    "v6r10p3 v7r2-pre33 kilo-eol ocata-em victoria-eom 2023.1-eol 2024.2-eom llvmorg-12-init trunk start origin",
    "grep latest unstable current edge refs/heads/1.2 remotes/origin/1.2 heads/1.2 feature/1.2 features/1.2.3",
    "bugfix/1.2.3 hotfix/1.2.3 topic/1.2 dependabot/pip/foo-1.2.3 maintenance/1.2 maint-1.2 branch-1.2 branch_1_2",
    "1.2-branch master-1.2 dev-1.2.3 devel/1.2 1.2-maint RELENG_1_2 REL9_6_STABLE 2-3-stable 1.0-stable",
    "archive/1.0-stable attic/1.2 backup-1.2 old-1.2 test-1.2 draft-1.2 backups/Zope-2.9@40221",
    "backups/tseaver-2.8-external_test@29729 ajung-2-11-prep-branch debian/0.5.4-7 debian/0.7.5-2etch1",
    "debian-0.9.X fail2ban_0.9.X ubuntu/1.2-3 CVE-2013-7176 pr-12 issue-1.2 Syncthing_v0.14.53 name-1 name/v1",
    "Zope-2-6 name-1.2a unknown-1.2 null-1.2 alpha-1.2 beta-1.2 pre-1.2 nightly-2019.11.30 nightly-20200101",
    "build-5.1 ci-1.2 deploy-2020-01-01 weekly.2012-03-27 cvs-to-svn-conversion before-black",
    "swift-DEVELOPMENT-SNAPSHOT-2020-01-01-a jdk8u252-b09 jdk-11+28 Finchley.SR2 boost-1.70.0.beta.rc1",
    "RELEASE.2020-01-01T00-00-00Z v{new_major}.{new_minor} -VERSION- {{VERSION}} @VERSION@ ${project.version}",
    "%VERSION% name.1.2.3 name:1.2.3 name=1.2.3 python3.8 go1.15 utf8 sha256 lib32",
)
NOTHING = [text for line in NO_RELEASES for text in line.split()]


@pytest.mark.parametrize(("text", "version", "exact"), RELEASES)
def test_a_word_that_says_release(text: str, version: str, exact: bool) -> None:
    answer = convert(text)
    assert (answer.version, answer.exact) == (version, exact)


@pytest.mark.parametrize(("text", "version"), PROJECTS)
def test_the_name_of_a_project_is_dropped_and_said_to_be(text: str, version: str) -> None:
    answer = convert(text)
    assert (answer.scheme, answer.version, answer.exact) == ("tag", version, False)
    assert "is dropped" in (answer.reason or "")


@pytest.mark.parametrize("text", NOTHING)
def test_what_is_no_release(text: str) -> None:
    answer = convert(text)
    assert (answer.version, answer.exact) == (None, False)
    assert answer.reason


def test_the_reason_names_the_word_or_the_letter() -> None:
    assert convert("dependabot/pip/foo-1.2.3").reason == "'dependabot' before a number doesn't make it a release"
    assert "letter after the release" in (convert("rel_0_4_2a").reason or "")
    assert "name of a branch" in (convert("REL9_6_STABLE").reason or "")
