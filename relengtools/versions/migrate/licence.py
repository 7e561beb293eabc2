"""What `license` and the licence classifiers of setup.py say, as one SPDX expression (PEP 639)."""

import re
from collections.abc import Iterator, Sequence

CLASSIFIER = "License ::"


class CannotCarryError(Exception):
    """Something of setup.py has no certain place in pyproject.toml; says what and why."""


# What a classifier may stand for; the first is what it says where nothing else does, None where that isn't certain.
_OSI = "License :: OSI Approved :: "
_CLASSIFIERS: dict[str, tuple[str | None, ...]] = {
    f"{_OSI}Apache Software License": (None, "Apache-2.0", "Apache-1.1", "Apache-1.0"),
    f"{_OSI}BSD License": (None, "BSD-3-Clause", "BSD-2-Clause", "0BSD", "BSD-1-Clause", "BSD-4-Clause"),
    f"{_OSI}MIT License": ("MIT",),
    f"{_OSI}MIT No Attribution License (MIT-0)": ("MIT-0",),
    f"{_OSI}ISC License (ISCL)": ("ISC",),
    f"{_OSI}Mozilla Public License 2.0 (MPL 2.0)": ("MPL-2.0",),
    f"{_OSI}Python Software Foundation License": (None, "PSF-2.0", "Python-2.0"),
    f"{_OSI}The Unlicense (Unlicense)": ("Unlicense",),
    f"{_OSI}zlib/libpng License": ("Zlib",),
    f"{_OSI}Zope Public License": (None, "ZPL-2.1", "ZPL-2.0", "ZPL-1.1"),
    f"{_OSI}GNU Affero General Public License v3": ("AGPL-3.0-only",),
    f"{_OSI}GNU Affero General Public License v3 or later (AGPLv3+)": ("AGPL-3.0-or-later",),
    f"{_OSI}GNU General Public License (GPL)": (
        None,
        "GPL-2.0-only",
        "GPL-2.0-or-later",
        "GPL-3.0-only",
        "GPL-3.0-or-later",
    ),
    f"{_OSI}GNU General Public License v2 (GPLv2)": ("GPL-2.0-only",),
    f"{_OSI}GNU General Public License v2 or later (GPLv2+)": ("GPL-2.0-or-later",),
    f"{_OSI}GNU General Public License v3 (GPLv3)": ("GPL-3.0-only",),
    f"{_OSI}GNU General Public License v3 or later (GPLv3+)": ("GPL-3.0-or-later",),
    f"{_OSI}GNU Lesser General Public License v2 (LGPLv2)": ("LGPL-2.0-only", "LGPL-2.1-only"),
    f"{_OSI}GNU Lesser General Public License v2 or later (LGPLv2+)": ("LGPL-2.0-or-later", "LGPL-2.1-or-later"),
    f"{_OSI}GNU Lesser General Public License v3 (LGPLv3)": ("LGPL-3.0-only",),
    f"{_OSI}GNU Lesser General Public License v3 or later (LGPLv3+)": ("LGPL-3.0-or-later",),
    "License :: CC0 1.0 Universal (CC0 1.0) Public Domain Dedication": ("CC0-1.0",),
    "License :: OSI Approved": (),
}
# Free texts that can mean one licence only, without blanks, dashes and dots.
_TEXTS = {
    "mitlicense": "MIT",
    "themitlicense": "MIT",
    "mitlicence": "MIT",
    "expat": "MIT",
    "expatlicense": "MIT",
    "mit/expat": "MIT",
    "apache2": "Apache-2.0",
    "apache20": "Apache-2.0",
    "apachev2": "Apache-2.0",
    "apachelicense20": "Apache-2.0",
    "apachelicenseversion20": "Apache-2.0",
    "apachesoftwarelicense20": "Apache-2.0",
    "bsd3clause": "BSD-3-Clause",
    "3clausebsd": "BSD-3-Clause",
    "newbsd": "BSD-3-Clause",
    "newbsdlicense": "BSD-3-Clause",
    "bsd3clauselicense": "BSD-3-Clause",
    "modifiedbsd": "BSD-3-Clause",
    "bsd2clause": "BSD-2-Clause",
    "bsd2clauselicense": "BSD-2-Clause",
    "2clausebsd": "BSD-2-Clause",
    "simplifiedbsd": "BSD-2-Clause",
    "isclicense": "ISC",
    "mpl2": "MPL-2.0",
    "mplv2": "MPL-2.0",
    "mplv20": "MPL-2.0",
    "zpl21": "ZPL-2.1",
    "lgpl21+": "LGPL-2.1-or-later",
    "lgplv21+": "LGPL-2.1-or-later",
    "mozillapubliclicense20": "MPL-2.0",
    "agplv3": "AGPL-3.0-only",
    "agplv3+": "AGPL-3.0-or-later",
    "gplv2": "GPL-2.0-only",
    "gplv2+": "GPL-2.0-or-later",
    "gplv3": "GPL-3.0-only",
    "gplv3+": "GPL-3.0-or-later",
    "lgplv3": "LGPL-3.0-only",
    "lgplv3+": "LGPL-3.0-or-later",
}
_GNU = re.compile(r"\b((?:A|L)?GPL-[123]\.[01]|GFDL-1\.[123])(\+|(?!-|\.))")


# What only the text of a licence says, where its name can mean several.
_PHRASES = {
    "BSD-3-Clause": r"redistributions? in binary form.*neither the names? of",
    "BSD-2-Clause": r"redistributions? in binary form(?!.*neither the names? of)(?!.*all advertising materials)",
    "Apache-2.0": r"apache license,? version 2\.0, january 2004",
}
_FAMILIES = {"bsd": "BSD", "bsdlicense": "BSD", "apache": "Apache", "apachelicense": "Apache"}
_FAMILIES |= {"apachesoftwarelicense": "Apache", "asl": "Apache"}


def expression(text: str, classifiers: Sequence[str], file: str = "") -> str | None:
    """The SPDX expression; None where setup.py names no licence.

    `file` is the text of the licence, which decides where BSD or Apache is all that setup.py says. SPDX's older names
    of the GNU licences become the present ones (AGPL-3.0 is AGPL-3.0-only). Raises CannotCarryError where text and
    classifiers disagree or can mean several licences. Source: PEP 639, the SPDX License List.
    """
    if text.strip() in _CLASSIFIERS:
        classifiers, text = [*classifiers, text.strip()], ""
    named = [name for name in classifiers if name.startswith(CLASSIFIER)]
    candidates = [_CLASSIFIERS.get(name, (None,)) for name in named]
    text = text.strip()
    if not text or text.upper() == "UNKNOWN":
        return _by_classifiers(named, candidates, file)
    found = spdx(text) or _by_file(_FAMILIES.get(_letters(text)), file)
    if found is None:
        raise CannotCarryError(f"license {_short(text)} is no SPDX expression and can't be told for certain: {_ADVICE}")
    for name, possible in zip(named, candidates, strict=True):
        known = [licence for licence in possible if licence]
        if known and not any(licence in _parts(found) for licence in known):
            raise CannotCarryError(f"license {_short(text)} and the classifier {name!r} disagree: {_ADVICE}")
    return found


def changes(text: str, classifiers: Sequence[str], found: str) -> Iterator[str]:
    """What is said otherwise once the licence is the expression `found`: a line for each."""
    text = text.strip()
    if text and text != found:
        yield f"license {_short(text)} becomes the SPDX expression {found}{_or_later(text, found)}"
    for name in classifiers:
        if name.startswith(CLASSIFIER):
            yield f"the classifier {name!r} goes: beside the expression {found} PEP 639 allows none of a licence"


def _or_later(text: str, found: str) -> str:
    """What to look at where a name of a GNU licence says nothing of later versions."""
    if "-only" not in found or "only" in text.lower():
        return ""
    return " (where the sources say `or any later version`, it has to be -or-later)"


def spdx(text: str) -> str | None:
    """The SPDX expression that a text is, or can only mean; None where there is none."""
    from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

    try:
        canonical = str(canonicalize_license_expression(text))
    except InvalidLicenseExpression:
        return _TEXTS.get(_letters(text))
    return _GNU.sub(lambda match: f"{match[1]}-{'or-later' if match[2] else 'only'}", canonical)


def _letters(text: str) -> str:
    return re.sub(r"[\s.,()-]+", "", text.lower())


def _by_classifiers(named: Sequence[str], candidates: Sequence[tuple[str | None, ...]], file: str) -> str | None:
    several = list(dict.fromkeys(possible for possible in candidates if possible))
    if not several:
        return None
    if len(several) == 1 and (found := several[0][0] or _by_file(_family(several[0]), file)):
        return found
    raise CannotCarryError(f"the classifier {', '.join(map(repr, named))} can mean several licences: {_ADVICE}")


def _family(possible: tuple[str | None, ...]) -> str | None:
    return next((family for family in ("BSD", "Apache") if f"{family}-" in str(possible[1:2])), None)


def _by_file(family: str | None, file: str) -> str | None:
    """The member of a family of licences whose text this is."""
    text = " ".join(file.lower().split())
    names = [
        name for name, phrase in _PHRASES.items() if family and name.startswith(family) and re.search(phrase, text)
    ]
    return names[0] if len(names) == 1 else None


def _parts(expression: str) -> list[str]:
    return re.split(r"[\s()]+", expression)


def _short(text: str) -> str:
    line = text.splitlines()[0]
    return repr(line if len(line) <= 40 and line == text else f"{line[:40]}…")


_ADVICE = "write an SPDX expression into setup.py first, such as license='BSD-3-Clause'"
