"""The rules of `versions release`, RV7xx.

RV70x the tag and the clone, RV71x one artefact, RV72x builds, RV73x what no honest archive holds.
"""

from relengtools.findings import Rule

UNREADABLE_TAG = Rule(
    "RV701",
    "unreadable-tag",
    "The tag names no version.",
    "Providers that compute the version from tags skip it or fail on it, and nobody finds the release by its number.",
    "git tag 1.2.x\ngit tag v1.2.3-4-g1a2b3c4  # what `git describe` said",
    "None: tag again, with the version that the project has (`v$(relengtools versions show)`).",
)
RELEASE_DISAGREEMENT = Rule(
    "RV702",
    "release-disagreement",
    "The tag, the project and the distributions don't all state one version.",
    "One of them was left over, or tagged too early. An index takes a file name once, for good: such a release is "
    "burnt.",
    "tag v1.2.4, dist/demo-1.2.3.tar.gz",
    "None: count up what lags behind, empty dist/, build again.",
)
OTHER_PROJECT = Rule(
    "RV703",
    "other-project",
    "A distribution is that of another project than the one that is released.",
    "It would be uploaded along with the release, most likely from a dist/ that several builds share.",
    "versions release --project alpha dist/beta-1.0.tar.gz",
    "None.",
)
TAG_ELSEWHERE = Rule(
    "RV704",
    "tag-elsewhere",
    "The tag names another commit than the one that is checked out.",
    "What is built here is not what the tag promises. A tag that was moved is two things to those who fetched it "
    "before.",
    "git tag v1.2.3 HEAD~1; versions release --tag v1.2.3",
    "None: check out the tag, or give the release the next number.",
)
GOES_BACK = Rule(
    "RV705",
    "release-goes-back",
    "The version doesn't sort above an earlier release of its line.",
    "pip and every index go on taking the earlier one for the newest. Compared are the tags that this commit descends "
    "from, and those with the same first two numbers, so that 1.4.9 may follow 2.0 on a branch of its own.",
    "tags 1.10.0, then 1.9.1 on the same branch",
    "None: take a higher number.",
)
VERSION_TAKEN = Rule(
    "RV706",
    "version-taken",
    "Another commit is tagged with the same version already.",
    "An index refuses the second upload, and what users get under one number depends on when they got it. `1.0` and "
    "`1.0.0` are one version.",
    "tags 1.0 and v1.0.0 on two commits",
    "None: take the next number.",
)
CUT_OFF = Rule(
    "RV707",
    "cut-off-history",
    "A shallow clone doesn't know the earlier releases.",
    "Whether the version sorts above them can't be told, and providers compute a wrong version from such a clone.",
    "git clone --depth 1 …",
    "None: fetch the history (`git fetch --unshallow --tags`, or `fetch-depth: 0` in GitHub's checkout action).",
)
DIRTY_TREE = Rule(
    "RV708",
    "dirty-tree",
    "Files are changed that are not committed, or a distribution holds files that git doesn't know, or not like that.",
    "Nobody can build such a release again: what is in it stands in no commit. What git ignores is made before the "
    "build, and no mistake; what a build may write by itself is no mistake either.",
    "M demo/__init__.py\nsrc/demo/local.py in the wheel, and in no commit",
    "None: commit, or take the change back; empty dist/, and build again.",
)
UNPUBLISHABLE_PLATFORM = Rule(
    "RV710",
    "unpublishable-platform",
    "An index refuses a wheel for a platform that it doesn't know, or for a Linux of no known kind.",
    "linux_x86_64 is what the machine calls itself that built it: which C library is needed stands nowhere. Who keeps "
    "an index of his own for such machines ignores this rule.",
    "demo-1.2.3-cp312-cp312-linux_x86_64.whl",
    "None: `auditwheel repair` makes a manylinux or musllinux wheel of it, or build it by cibuildwheel.",
)
FILE_NAME = Rule(
    "RV711",
    "artifact-file-name",
    "The file isn't called as the specification of its format wants it.",
    "The name of the project is lower case with `_` in it, the version canonical, an sdist ends in .tar.gz (PEP 625, "
    "and the binary distribution format). An index refuses other names, and tools that read a name and a version off "
    "the file's read something else: demo_pkg-1.0-1.tar.gz is version 1 of demo-pkg-1.0 to some of them.",
    "Demo.Pkg-1.0.0-rc1.tar.gz  # demo_pkg-1.0.0rc1.tar.gz",
    "None: build with a recent backend.",
)
RENAMED = Rule(
    "RV712",
    "renamed-artifact",
    "The file's name, its folders, its metadata and its compiled modules don't all say the same.",
    "pip takes the name's word when it chooses and the metadata's when it installs, and refuses where they differ; "
    "other installers install one release under the number of another. A module that was compiled for another system "
    "or Python than the wheel is for can't be imported by anybody who gets it.",
    "demo-1.2.4-py3-none-any.whl with demo-1.2.3.dist-info in it",
    "None: build again; a file is not released anew by a new name.",
)
MODULE_VERSION = Rule(
    "RV713",
    "module-version",
    "What the package says of itself is not the version of the distribution that holds it.",
    "Logs, reports of bugs and `--version` tell of another release: `__version__` in a wheel, or the pyproject.toml or "
    "setup.cfg of an sdist.",
    'demo-1.2.4-py3-none-any.whl: __version__ = "1.2.3"',
    "None: let one place own the version (`versions check` finds the copies).",
)
INCOMPLETE = Rule(
    "RV714",
    "incomplete-artifact",
    "A distribution lacks what makes it one.",
    "Without its metadata it can't be installed, and without pyproject.toml or setup.py an sdist can't be built; an "
    "empty wheel installs nothing. An index looks for the files that License-File names (PEP 639). A script whose "
    "module isn't in the wheel fails, and types without py.typed aren't seen (PEP 561).",
    "demo-1.0.tar.gz without demo-1.0/PKG-INFO",
    "None.",
)
INVALID_METADATA = Rule(
    "RV715",
    "invalid-metadata",
    "A field of the metadata breaks the core metadata specification.",
    "An index refuses the upload, or installers read other fields than the author wrote, or refuse the wheel: for a "
    "Wheel-Version or a folder of .data that they don't know, or a script in entry_points.txt that can't be made.",
    "Name: demo\nName: other",
    "None: it is what the build backend was given.",
)
METADATA_DISAGREEMENT = Rule(
    "RV716",
    "metadata-disagreement",
    "A wheel's metadata is not what the sdist of the same release promises.",
    "A field that the sdist doesn't call dynamic is the same in every wheel (PEP 643): resolvers rely on it, and a "
    "dependency that only one of the two has is missing somewhere. Another Summary or licence shows that the two were "
    "made of two trees.",
    "PKG-INFO: Requires-Dist: pyyaml\nMETADATA: no Requires-Dist",
    "None: build both from one tree.",
)
RECORD_MISMATCH = Rule(
    "RV717",
    "record-mismatch",
    "RECORD and the files of a wheel differ.",
    "Somebody changed the wheel after it was built. An index refuses it, and installers that verify do too.",
    "demo/__init__.py: the digest in RECORD is another",
    "None: build again, or change it with `wheel unpack` and `wheel pack`.",
)
UNPUBLISHABLE = Rule(
    "RV718",
    "unpublishable-version",
    "An index refuses a version with a local label.",
    "`+g1a2b3c4` says that this isn't a release but something built between two. Who keeps an index of his own that "
    "takes them ignores this rule.",
    "demo-1.1.dev3+g1a2b3c4.tar.gz",
    "None: build from the tag.",
)
DIRECT_REFERENCE = Rule(
    "RV719",
    "direct-reference",
    "A dependency is given by a URL.",
    "The public index refuses such a release, because it can't answer for what is behind the URL. Who keeps an index "
    "of his own ignores this rule.",
    "Requires-Dist: foo @ https://example.org/foo-1.0.tar.gz",
    "None.",
)
BUILD_FAILS = Rule(
    "RV721",
    "build-fails",
    "The project can't be built in isolation.",
    "It needs something that it doesn't declare, or a file that its sdist lacks.",
    "wheel from the sdist: No such file or directory: 'requirements.txt'",
    "None.",
)
WHEEL_DIFFERS = Rule(
    "RV722",
    "wheel-differs",
    "A wheel isn't what its sdist gives, or what the tree gives; or the sdist isn't what the tree gives.",
    "A file that isn't in the sdist, or one left over in the tree: what users get depends on which of the two they "
    "install. `python -m build` builds the wheel from the sdist, `pip install .` from the tree. Without --build only "
    "what is certain is told: files that the sdist beside the wheel hasn't got though its backend only copies, and "
    "modules that are others there.",
    "only in the wheel built from the tree: demo/data.json\ndifferent in demo-1.0.tar.gz: demo/main.py",
    "None: tell the backend what belongs into the sdist.",
)
UNSAFE_MEMBER = Rule(
    "RV731",
    "unsafe-member",
    "An archive holds a file that would be unpacked outside of its folder, or that is none.",
    "An absolute path, `..`, a link that leads out, a device: whoever unpacks it carelessly loses a file. `aux.py` is "
    "a device on Windows, and so can't be installed there.",
    "../../.ssh/authorized_keys",
    "None: don't install it, and find out where it comes from.",
)
DUPLICATE_MEMBER = Rule(
    "RV732",
    "duplicate-member",
    "An archive holds two files of one name.",
    "Which of the two is installed depends on the installer, so nobody knows what was reviewed. Windows and macOS make "
    "no difference between upper and lower case, so names that differ in nothing else are one there. A name can't be "
    "that of a file and of a folder.",
    "demo/__init__.py, twice",
    "None.",
)
EXCESSIVE = Rule(
    "RV733",
    "excessive-archive",
    "An archive holds more than a distribution has any use for.",
    "Megabytes become terabytes, or a header of one file fills the memory: what reads it dies. The rest isn't read, "
    "and so not judged.",
    "42 kB, unpacked 4.5 PB",
    "None.",
)
BROKEN = Rule(
    "RV734",
    "broken-archive",
    "A file is not the archive that its name says, is damaged, or reads differently to different programs.",
    "It can't be installed, or not everywhere. An upload that was cut off looks like this.",
    "demo-1.0.tar.gz: ends in the middle of demo-1.0/setup.py",
    "None: build again.",
)

RELEASE_RULES = (
    UNREADABLE_TAG,
    RELEASE_DISAGREEMENT,
    OTHER_PROJECT,
    TAG_ELSEWHERE,
    GOES_BACK,
    VERSION_TAKEN,
    CUT_OFF,
    DIRTY_TREE,
    UNPUBLISHABLE_PLATFORM,
    FILE_NAME,
    RENAMED,
    MODULE_VERSION,
    INCOMPLETE,
    INVALID_METADATA,
    METADATA_DISAGREEMENT,
    RECORD_MISMATCH,
    UNPUBLISHABLE,
    DIRECT_REFERENCE,
    BUILD_FAILS,
    WHEEL_DIFFERS,
    UNSAFE_MEMBER,
    DUPLICATE_MEMBER,
    EXCESSIVE,
    BROKEN,
)
