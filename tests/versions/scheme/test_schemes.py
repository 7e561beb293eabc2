"""Alpine, Arch, conda, SemVer and CalVer, each read strictly when it is asked for."""

import pytest

from relengtools.versions.scheme.convert import convert

ROWS = {
    "alpine": [
        ("1.0", "1.0", True),
        ("1.0_rc1", "1.0rc1", True),
        ("1.2.3_alpha", "1.2.3a0", True),
        ("1.2.3_alpha20200101", "1.2.3a20200101", True),
        ("1.2.3_rc1_p2", "1.2.3rc1.post2", True),
        ("1.0_p2", "1.0.post2", True),
        ("9999", "9999", True),
        ("1.0-r0", "1.0", False),
        ("2.0_pre3", "2.0rc3", False),
        ("0_git20200916-r1", "0.post20200916", False),
        ("3.0_beta1_git20200101", "3.0b1.post20200101", False),
        ("1.0_svn123", "1.0.post123", False),
        ("1.2.3_git20200101~abcdef1-r0", "1.2.3.post20200101+gabcdef1", False),
        ("2022.5.18", "2022.5.18", True),
        ("2022.05.18", "2022.5.18", False),
        ("1.1.1l-r0", None, False),
        ("1.2.3a", None, False),
        ("1.2.3b_p4-r1", None, False),
        ("1.0_p1_git20200101", None, False),
        ("1.0_rc1_rc2", None, False),
        ("1.0-1", None, False),
        ("1.0.0-beta1", None, False),
    ],
    "arch": [
        ("0.1.0_6_g35517d1", "0.1.0.post6+g35517d1", True),
        ("0.1.0.r6.g35517d1", "0.1.0.post6+g35517d1", True),
        ("0.1.0+6+g35517d1", "0.1.0.post6+g35517d1", True),
        ("v1.2.3.r5.gabcdef1", "1.2.3.post5+gabcdef1", True),
        ("1.2.3.r5.1a2b3c4", "1.2.3.post5+g1a2b3c4", True),
        ("0.r123.abc1234", "0.post123+gabc1234", True),
        ("1.0.0_rc1.r3.gabcdef1", "1.0.0rc1.post3+gabcdef1", True),
        ("2.0.0.alpha.1.r2.gabcdef1", "2.0.0a1.post2+gabcdef1", True),
        ("1.2_rc1", "1.2rc1", True),
        ("1:1.2.3-1", "1.2.3", False),
        ("1.2.3-1.1", "1.2.3", False),
        ("1.0+3+g1234567-2", "1.0.post3+g1234567", False),
        ("1.2.3.r0.gabcdef1", "1.2.3", False),
        ("1.2.3.45.gabcdef1", "1.2.3.post45+gabcdef1", False),
        ("1_2_3", "1.2.3", False),
        ("1.2.3_p4", "1.2.3.post4", False),
        ("20200101.abcdef1", "20200101+gabcdef1", False),
        ("1.2.3+4+1a2b3c4", "1.2.3.post4+g1a2b3c4", True),
        ("1.0.gabcdef1", "1.0+gabcdef1", False),
        ("1234.abcdef1", None, False),
        ("r123.abcdef1", None, False),
        ("r123", None, False),
        ("2011k", None, False),
        ("1.1.1.l", None, False),
        ("name.1.2.3.r5.gabcdef1", None, False),
        ("latest", None, False),
    ],
    "conda": [
        ("1.0.post1", "1.0.post1", True),
        ("1!1.0rc1", "1!1.0rc1", True),
        ("1.0+abc", "1.0+abc", True),
        ("1.0=py311_0", "1.0", False),
        ("1.0-h1234567_0", "1.0", False),
        ("0.1.0_alpha", "0.1.0a0", False),
        ("1.0.0-rc1", "1.0.0rc1", False),
        ("1.0.0-0", "1.0.0", False),
        ("1.1.1w", None, False),
        ("2021a", None, False),
        ("9e", None, False),
        ("1.0_1", None, False),
        ("2.3.1_20200101", None, False),
        (">=1.0", None, False),
    ],
    "semver": [
        ("1.0.0", "1.0.0", True),
        ("1.0.0-alpha", "1.0.0a0", True),
        ("3.0.0-alpha.11", "3.0.0a11", True),
        ("1.0.0-beta-1", "1.0.0b1", True),
        ("1.0.0-rc.0", "1.0.0rc0", True),
        ("1.0.0-beta.01", "1.0.0b1", False),
        ("1.0.0-rc1", "1.0.0rc1", True),
        ("1.0.0-preview.2", "1.0.0rc2", False),
        ("1.0.0-dev.3", "1.0.0.dev3", False),
        ("1.20.0-SNAPSHOT", "1.20.0.dev0", False),
        ("1.0.0-RC1-SNAPSHOT", "1.0.0rc1.dev0", False),
        ("1.0.0-canary.1", "1.0.0.dev1", False),
        ("1.0.0-post.1", "1.0.0.post1", False),
        ("1.0.0-final", "1.0.0", False),
        ("1.0.0+5.abc", "1.0.0+5.abc", False),
        ("1.0.0-beta+exp.sha.5114f85", "1.0.0b0+exp.sha.5114f85", False),
        ("2.11.1-stable+timestamp.2015.05.28", "2.11.1+timestamp.2015.5.28", False),
        ("2.9.5-trunk+timestamp.2014.05.16", "2.9.5.dev0+timestamp.2014.5.16", False),
        ("1.0.0-0.20200101000000-abcdef123456", "1.0.0.dev20200101000000+gabcdef123456", False),
        ("1.0", "1.0", False),
        ("01.0.0", "1.0.0", False),
        *((text, None, False) for text in ("1.0.0-alpha.beta", "1.0.0-0.3.7", "1.0.0-x.7.z.92", "1.0.0-1", "1.0.0-M1")),
        *(
            (text, None, False)
            for text in ("1.0.0-alpha.1.2", "1.0.0-next.1", "1.0.0-unstable", "1.0.0-20200101", "1.0.0-")
        ),
        *(
            (text, None, False)
            for text in ("1.0.0+21AF26D3---117B344092BD", "1.0.0+", "1.0.0-alpha_1", "1.0.0-2-gabcdef1")
        ),
    ],
    "calver": [
        ("2022-07-09", "2022.7.9", True),
        ("2022_07_09", "2022.7.9", True),
        ("2022-07", "2022.7", True),
        ("22_07", "22.7", True),
        ("20.04.1", "20.4.1", True),
        ("2020.12-beta1", "2020.12b1", True),
        ("2020-01-01.1", "2020.1.1.1", True),
        ("20220709", "20220709", True),
        ("v2020.01", "2020.1", True),
        ("2020-01-01-1", "2020.1.1.post1", False),
        ("2020Q1", "2020.1", False),
        ("2020.Q3", "2020.3", False),
        ("20q3", "20.3", False),
        ("2020-Q1.1", "2020.1.1", False),
        *(
            (text, None, False)
            for text in ("2020a", "2020.01a", "2020Q5", "2020W05", "20.04-LTS", "Jan2020", "1.0", "2020-13-01")
        ),
    ],
    "pep440": [
        ("1.0-1", "1.0.post1", True),
        ("0.0.0", "0.0.0", True),
        ("1.0~rc1", None, False),
        ("release-1.0", None, False),
    ],
}


@pytest.mark.parametrize(
    ("source", "row"),
    [(source, row) for source, rows in ROWS.items() for row in rows],
    ids=[f"{source} {row[0]}" for source, rows in ROWS.items() for row in rows],
)
def test_a_named_scheme_is_read_strictly(source: str, row: tuple[str, str | None, bool]) -> None:
    answer = convert(row[0], source)
    assert (answer.scheme, answer.version, answer.exact) == (source, *row[1:])
    assert (answer.reason is None) is answer.exact
