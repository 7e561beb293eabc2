"""The rules of `versions check`, and all rules together.

RV1xx form, RV2xx agreement, RV3xx meaning and order, RV4xx requirements, RV5xx portability, RV6xx the clone, RV7xx a
release (`catalogue_release`), RV9xx what can't be read.
"""

from relengtools.findings import Rule
from relengtools.versions.catalogue_release import RELEASE_RULES

INVALID = Rule(
    "RV101",
    "invalid-version",
    "The version is no PEP 440 version.",
    "pip, build, setuptools (from 66 on) and every index refuse it: the package can't be built or installed.",
    'version = "0.62.4-2-ga73a73b"',
    "Unsafe, because an invalid text has no meaning to compare with; the note says how it was read. The output of `git "
    "describe`, TAG-N-gHASH, becomes NEXT.devN+gHASH, the last number of the tag's release (or pre- or post-release) "
    "counted up by one, as setuptools-scm does. This sorts after TAG and before the next release, and the hash goes on "
    "to name the commit. An index accepts no local version, so `+gHASH` has to go before an upload; it isn't dropped "
    "here, because two branches would then share one version. A text of another scheme (1.0~rc1, 1.0.Final, one of "
    "`schemes` in the project's settings) becomes what `versions convert` makes of it, where that has an answer.",
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
    "Unsafe: the copy becomes what the owner says. Without an owner in the sources there is no fix, nor where it "
    "states a placeholder such as 0.0.0.",
)
PACKAGING_LAGS = Rule(
    "RV202",
    "packaging-disagreement",
    "A file in the tree that may lag behind, or has a version of its own, states another one than the project.",
    "Who packages from this tree (debian/changelog, an RPM spec, APKBUILD, PKGBUILD, conda's meta.yaml) ships the "
    "sources under a wrong version. These files often follow a release only later; while the next one is in the making "
    "CITATION.cff and documentation are of the last; package.json is most often of something else. So the rule is off "
    "by default.",
    'pyproject.toml: version = "1.3.0"\ndebian/changelog: alpha (1.2.0-1) unstable; urgency=medium',
    "Unsafe: the copy becomes what the owner says, but for a packager's version, which has more in it.",
    default=False,
)
MISLEADING = Rule(
    "RV301",
    "misleading-version",
    "The version is valid, but PEP 440 reads something else in it than its author probably meant.",
    "`1.0-1` is no first packaging of 1.0 but the post-release 1.0.post1, which an index and pip take for newer; "
    "`2010b` is a beta, so pip doesn't install it.",
    'version = "1.0-1"  # read as 1.0.post1: a Debian revision?\nversion = "v6r21"  # read as 6.post21: or is it 6.21?',
    "Unsafe, and only where one of `schemes` in the project's settings says what it means. Otherwise it is for the "
    "author to write what is meant; version-spelling writes out what PEP 440 reads.",
)
FALLBACK = Rule(
    "RV302",
    "fallback-version",
    "The version is what a tool writes that found none.",
    "It looks like success: the build goes through, and everything that it publishes is called 0.0.0. The cause is a "
    "missing tag, a shallow clone, an archive without version control, or a placeholder that nothing replaced.",
    'version = "0.0.0"\nversion = "0+unknown"\nversion = "1.6.0+fallback"',
    "None: mend the cause that the message names.",
)
HASH_ORDER = Rule(
    "RV303",
    "hash-order",
    "Only a commit's hash tells this version from that of another commit.",
    "Local versions are compared as text, and hashes are in no order: which of two builds is newer is left to chance. "
    "A count of commits before the hash gives them an order. Who never compares two builds doesn't need one, so the "
    "rule is off by default.",
    'version = "1.0+ga73a73b"  # with an order: 1.0+2.ga73a73b, 1.1.dev2+ga73a73b',
    "None: the number of commits isn't in the text.",
    default=False,
)
INVALID_SPECIFIER = Rule(
    "RV401",
    "invalid-specifier",
    "A requirement that PEP 508 refuses.",
    "pip, build and other installers refuse the file or, in published metadata, the whole release. Old ones took it.",
    "dependencies = ['torch>=1.9.*', 'plotly>=5.24<6']",
    "Unsafe, because an invalid text has no meaning to compare with. Where all the tools that read it agree on what it "
    "says (a `.*` behind >= or <, a missing comma, =>, stray quotes, `^1.2`), it becomes that, and the note names the "
    "readers. Where they disagree (`!=~5.0`, `<=3.4.*`, `~=1`, `>dev`, no operator) nothing is touched.",
)
ODD_SPECIFIER = Rule(
    "RV402",
    "odd-specifier",
    "A requirement that is valid, but oddly spelt.",
    "Built metadata, lock files and other tools show another text, and some parsers are less lenient than packaging.",
    "install_requires=['foo>=v1.0', 'bar~=1.5.0.dev', 'baz>=2,']",
    "Safe: both texts parse, with equal name, extras, URL and marker, and `SpecifierSet.to_range()` of both is equal.",
)
INVALID_PYTHON = Rule(
    "RV403",
    "invalid-requires-python",
    "Requires-Python is no version specifier.",
    "Builds fail; from an index pip ignores such a value, and installs on every Python.",
    "requires-python = '>=3.6.*'",
    "Unsafe, and only where all readers agree. `3.8` stays: it is a series in PEP 345, exactly 3.8 in Poetry, and "
    "often meant as `>=3.8`.",
)
ARBITRARY_EQUALITY = Rule(
    "RV404",
    "arbitrary-equality",
    "A requirement uses `===`.",
    "`===` compares plain strings: `===1.0` doesn't accept 1.0.0. It is meant for versions that PEP 440 refuses, and "
    "indexes have none of them any more.",
    "foo===2011k",
    "None: the operand is a string, and nobody may rewrite it.",
)
SIBLING_PIN = Rule(
    "RV405",
    "sibling-pin",
    "A requirement on another project of the tree doesn't accept the version that this has.",
    "The projects of one tree can't be installed together, most often because a release counted up one of them alone. "
    "Build requirements and files of pip are not meant, nor what lies in folders of tests and examples.",
    'packages/core: version = "2.1"\npackages/cli: dependencies = ["core==2.0"]',
    "Unsafe, and only for a single `==`: it becomes the version that the sibling has.",
)
MARKER = Rule(
    "RV406",
    "marker-looks-wrong",
    "A marker holds always, never, or by accident.",
    "The requirement is silently installed everywhere or nowhere.",
    "foo; python_version < '3,8'\nbar; sys_platform == 'windows'\n"
    "baz; python_version >= '3.10' and python_version < '3'",
    "Unsafe for a decimal comma, which becomes a dot; none otherwise.",
)
PARENTHESES = Rule(
    "RV407",
    "parenthesized-specifier",
    "Version specifiers stand in parentheses.",
    "This is the form of PEP 345; PEP 508 takes it for compatibility. Old metadata is full of it, so the rule is off "
    "by default.",
    "foo (>=1.0)",
    "Safe, proved as for odd-specifier.",
    default=False,
)
PADDED_SPECIFIER = Rule(
    "RV408",
    "padded-specifier",
    "A version in a requirement has leading zeros.",
    "The canonical form has none. Who requires a calendar-versioned project may want its own spelling, so the rule is "
    "off by default.",
    "certifi>=2023.07.22",
    "Safe, proved as for odd-specifier.",
    default=False,
)
CONTRADICTION = Rule(
    "RV409",
    "contradictory-specifier",
    "A requirement or Requires-Python accepts no version at all.",
    "Its conditions exclude each other, so nothing can be installed, or on no Python. A release with such metadata is "
    "useless to everybody, and all tools take it without a word until somebody installs it. `<0` in a file of pip or "
    "in the overrides and constraints of uv keeps a package out on purpose, and is not meant.",
    "dependencies = ['foo>3,<2']\nrequires-python = '>3.12,<3.8'",
    "None: which of the conditions is the mistake can't be told. That no version is in all of them is proved by "
    "packaging (`SpecifierSet.is_unsatisfiable()`), pre-releases included.",
)
OVERSIZED = Rule(
    "RV501",
    "oversized-number",
    "A number of the version has more than 64 bits.",
    "packaging and pip take it, uv and other tools that keep numbers in 64 bits refuse the whole version.",
    'version = "1.99999999999999999999"',
    "None.",
)
LOCAL = Rule(
    "RV502",
    "local-version",
    "The version has a local label.",
    "Indexes refuse local versions, and the tag of a container image can't hold the `+`. Who only installs from files "
    "or keeps an index of his own may want one, so the rule is off by default.",
    'version = "1.0+ubuntu1"',
    "None: without the label it is another version.",
    default=False,
)
EPOCH = Rule(
    "RV503",
    "version-epoch",
    "The version has an epoch.",
    "It is the only way back from a numbering that went too high, and for good: every later version needs it too, and "
    "`!` is refused by dpkg, apk and rpm, in the tags of container images, and by shells that take it for history. The "
    "rule is off by default.",
    'version = "1!2.0"',
    "None: without the epoch it is another version.",
    default=False,
)
UNPACKAGEABLE = Rule(
    "RV504",
    "unpackageable-version",
    "A distribution's package can't carry the version, or not in its order.",
    "Alpine has no place for dev releases, epochs and local versions; dpkg and RPM order local versions otherwise. "
    "Only who makes such packages of every commit has to care, so the rule is off by default.",
    'version = "1.1.dev3"  # Alpine has no place for a dev release',
    "None: see `versions convert --to alpine`, or debian, or rpm.",
    default=False,
)
SHALLOW = Rule(
    "RV601",
    "shallow-clone",
    "A shallow clone hides the tags from which the version is computed.",
    "Providers such as setuptools-scm then compute a version that looks right and isn't: 0.1.dev1, or the fallback.",
    "git clone --depth 1 …  # setuptools-scm says 0.1.dev1+g1a2b3c4",
    "None: fetch the history (`git fetch --unshallow --tags`, or `fetch-depth: 0` in GitHub's checkout action).",
)
NO_TAGS = Rule(
    "RV602",
    "no-version-tag",
    "The version is computed from tags, and the repository has none that fits.",
    "The build fails, or calls the package 0.0.0, 0.1.dev123 or what the fallback is.",
    "[tool.setuptools_scm] in a repository whose tags were never pushed",
    "None: fetch the tags (`git fetch --tags`), or make the first one.",
)
GIT_DESCRIBE = Rule(
    "RV603",
    "git-describe-version",
    "The version is the output of `git describe` as it is.",
    "Between two tags that is TAG-N-gHASH, which PEP 440 and setuptools from 66 on refuse, and without a tag it is "
    "empty: only a tagged commit can be built.",
    'version=os.environ.get("PKGVER") or subprocess.run(["git", "describe", "--tags"], …)',
    "None here: `relengtools versions migrate` rewrites the expression, or moves the project to setuptools-scm.",
)
MISSING = Rule(
    "RV901",
    "no-version",
    "The project has no version.",
    "A build fails or calls the package 0.0.0. In folders of tests, examples and documentation nobody needs one.",
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

UNUSED_WAIVER = Rule(
    "RV905",
    "unused-waiver",
    "A comment waives a rule that has nothing to say there.",
    "It is left over, misspelt, or stands on the wrong line; the next real finding there would go unseen.",
    '# relengtools: ignore[RV102]\nversion = "1.0"',
    "None: take the comment, or the rule in it, away.",
)

RULES = (
    INVALID,
    SPELLING,
    PADDING,
    DISAGREEMENT,
    PACKAGING_LAGS,
    MISLEADING,
    FALLBACK,
    HASH_ORDER,
    INVALID_SPECIFIER,
    ODD_SPECIFIER,
    INVALID_PYTHON,
    ARBITRARY_EQUALITY,
    SIBLING_PIN,
    MARKER,
    PARENTHESES,
    PADDED_SPECIFIER,
    CONTRADICTION,
    OVERSIZED,
    LOCAL,
    EPOCH,
    UNPACKAGEABLE,
    SHALLOW,
    NO_TAGS,
    GIT_DESCRIBE,
    *RELEASE_RULES,
    MISSING,
    UNREADABLE,
    SYNTAX,
    BYTE_ORDER_MARK,
    UNUSED_WAIVER,
)
