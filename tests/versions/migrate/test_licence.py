"""Licences of setup.py as SPDX expressions: what is certain, and what isn't."""

import pytest
from packaging.licenses import canonicalize_license_expression

from relengtools.versions.migrate import licence

OSI = "License :: OSI Approved :: "
BSD_3 = "Redistributions in binary form must … Neither the name of the copyright holder nor …"
BSD_2 = "Redistribution and use … Redistributions in binary form must reproduce the above copyright notice"
APACHE = "   Apache License\n   Version 2.0, January 2004\n"
CERTAIN = [
    ("MIT", [], "", "MIT"),
    ("mit", [], "", "MIT"),
    ("MIT License", [], "", "MIT"),
    ("Expat license", [], "", "MIT"),
    ("Apache 2.0", [], "", "Apache-2.0"),
    ("Apache License, Version 2.0", [], "", "Apache-2.0"),
    ("BSD-3-Clause", [f"{OSI}BSD License"], "", "BSD-3-Clause"),
    ("BSD (3-clause)", [], "", "BSD-3-Clause"),
    ("AGPL-3.0", [], "", "AGPL-3.0-only"),
    ("GPL-2.0+", [], "", "GPL-2.0-or-later"),
    ("GPL-2.0-or-later", [], "", "GPL-2.0-or-later"),
    ("AGPL-3.0-only", [], "", "AGPL-3.0-only"),
    ("GPL-3.0 OR MIT", [], "", "GPL-3.0-only OR MIT"),
    ("AGPLv3+", [f"{OSI}GNU Affero General Public License v3 or later (AGPLv3+)"], "", "AGPL-3.0-or-later"),
    ("", [f"{OSI}MIT License"], "", "MIT"),
    ("", [f"{OSI}Mozilla Public License 2.0 (MPL 2.0)"], "", "MPL-2.0"),
    ("BSD", [f"{OSI}BSD License"], BSD_3, "BSD-3-Clause"),
    ("BSD", [], BSD_2, "BSD-2-Clause"),
    ("", [f"{OSI}BSD License"], BSD_3, "BSD-3-Clause"),
    ("Apache Software License", [], APACHE, "Apache-2.0"),
    (f"{OSI}MIT License", [], "", "MIT"),
]
UNCERTAIN = [
    ("BSD", [], ""),
    ("BSD", [], APACHE),
    ("Apache", [], BSD_3),
    ("GPL", [], ""),
    ("Proprietary", [], ""),
    ("MIT", [f"{OSI}ISC License (ISCL)"], ""),
    ("AGPL-3.0", [f"{OSI}GNU Affero General Public License v3 or later (AGPLv3+)"], ""),
    ("", [f"{OSI}BSD License"], ""),
    ("", [f"{OSI}MIT License", f"{OSI}ISC License (ISCL)"], ""),
    ("", ["License :: Other/Proprietary License"], ""),
    ("The licence of this is long\nand has lines", [], ""),
]


@pytest.mark.parametrize(("text", "classifiers", "file", "expected"), CERTAIN)
def test_what_can_mean_one_licence_only(text, classifiers, file, expected):
    found = licence.expression(text, ["Topic :: Internet", *classifiers], file)
    assert found == expected == canonicalize_license_expression(expected)


@pytest.mark.parametrize(("text", "classifiers", "file"), UNCERTAIN)
def test_what_can_mean_several_is_asked_for(text, classifiers, file):
    with pytest.raises(licence.CannotCarryError):
        licence.expression(text, classifiers, file)


def test_no_licence_is_none():
    assert licence.expression("", ["Topic :: Internet"]) is None
    assert licence.expression("UNKNOWN", []) is None
    assert licence.expression("", ["License :: OSI Approved"]) is None


AGPL_3 = f"{OSI}GNU Affero General Public License v3"
LATER = " (where the sources say `or any later version`, it has to be -or-later)"
GOES = "goes: beside the expression {} PEP 639 allows none of a licence"


@pytest.mark.parametrize(
    ("text", "classifiers", "said"),
    [
        ("MIT", ["Topic :: Internet"], []),
        ("AGPL-3.0-only", [], []),
        ("AGPL-3.0", [], [f"license 'AGPL-3.0' becomes the SPDX expression AGPL-3.0-only{LATER}"]),
        ("GPL-2.0+", [], ["license 'GPL-2.0+' becomes the SPDX expression GPL-2.0-or-later"]),
        ("MIT License", [], ["license 'MIT License' becomes the SPDX expression MIT"]),
        ("", [AGPL_3], [f"the classifier '{AGPL_3}' {GOES.format('AGPL-3.0-only')}"]),
        ("MIT", [f"{OSI}MIT License"], [f"the classifier '{OSI}MIT License' {GOES.format('MIT')}"]),
    ],
)
def test_what_is_said_otherwise_is_told(text, classifiers, said):
    assert list(licence.changes(text, classifiers, licence.expression(text, classifiers) or "")) == said


def test_every_name_in_the_tables_is_spdx():
    tables = [name for names in licence._CLASSIFIERS.values() for name in names if name]
    for name in [*tables, *licence._TEXTS.values(), *licence._PHRASES]:
        assert canonicalize_license_expression(name) == name
