"""The rules of `versions check`: RV1xx form, RV2xx agreement, RV9xx what could not be read."""

from relengtools.findings import Rule

INVALID = Rule(
    "RV101",
    "invalid-version",
    "The version is no PEP 440 version.",
    "pip, build, setuptools (from 66 on) and every index refuse it: the package can't be built or installed.",
    'version = "0.62.4-2-ga73a73b"',
    "Unsafe, and only where the text is the output of `git describe`: TAG-N-gHASH becomes NEXT.devN+gHASH, the last "
    "number of the tag's release (or pre- or post-release) counted up by one, as setuptools-scm does. This sorts after "
    "TAG and before the next release, and the hash goes on to name the commit. An index accepts no local version, so "
    "`+gHASH` has to go before an upload; it isn't dropped here, because two branches would then share one version. "
    "Other invalid texts get no fix: nobody knows what they mean.",
)
SPELLING = Rule(
    "RV102",
    "version-spelling",
    "The version is valid, but not in the canonical spelling.",
    "File names, METADATA and indexes hold the canonical form, so a search for the source's text finds nothing, and "
    "comparisons of strings fail.",
    'version = "v1.2-rc1"  # canonical: 1.2rc1',
    "Safe where both texts parse and are equal as versions: `v` prefix, case, separators, `alpha`/`c`/`pre`/`rev`, an "
    "implied 0. The number of release segments and zero padding stay as they are.",
)
PADDING = Rule(
    "RV103",
    "zero-padding",
    "A number of the version has leading zeros.",
    "The built files say 2026.8.10 where the source says 2026.08.10. Many calendar-versioned projects want just that, "
    "so this rule is off unless selected by its own code or name.",
    'version = "2026.08.10"  # canonical: 2026.8.10',
    "Safe: both texts are equal as versions. It writes the canonical form of the whole version.",
    default=False,
)
DISAGREEMENT = Rule(
    "RV201",
    "version-disagreement",
    "Two places of one project state different versions.",
    "The build takes one of them (the owner); the others tell users and logs something that is not so.",
    'pyproject.toml: version = "1.3.0"\nalpha/__init__.py: __version__ = "1.2.0"',
    "Unsafe: the copy becomes what the owner says. Without an owner in the sources there is no fix.",
)
MISSING = Rule(
    "RV901",
    "no-version",
    "The project has no version.",
    "A build fails or calls the package 0.0.0.",
    '[project]\nname = "alpha"',
    'None: add a `version`, or name its provider with `dynamic = ["version"]`.',
)
UNREADABLE = Rule(
    "RV902",
    "unreadable-file",
    "A file that can declare the version can't be read.",
    "What it says is unknown, to this tool and most likely to the build.",
    "pyproject.toml: byte 17 is no UTF-8",
    "None.",
)
SYNTAX = Rule(
    "RV903",
    "syntax-error",
    "A file that can declare the version is not what its name says.",
    "The build fails on it.",
    "[project\nname = 'alpha'",
    "None.",
)
BYTE_ORDER_MARK = Rule(
    "RV904",
    "byte-order-mark",
    "pyproject.toml or setup.cfg begins with a byte-order mark.",
    "pip, build and setuptools refuse it: a TOML document or a section can't begin with U+FEFF.",
    "EF BB BF [project]",
    "None: save the file as UTF-8 without a byte-order mark.",
)

RULES = (INVALID, SPELLING, PADDING, DISAGREEMENT, MISSING, UNREADABLE, SYNTAX, BYTE_ORDER_MARK)
