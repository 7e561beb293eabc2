"""The function that goes into a setup.py: `git describe` and what packagers pass in, as PEP 440.

The policy is TAG.postN+gHASH. It sorts above TAG and below every later release, whatever that will be called, so
nothing is guessed; TAG.devN would sort below TAG, and NEXT.devN has to guess and is a pre-release, which pip leaves
alone. After a tag that is a post- or dev-release itself there is no room for a second one: TAG+N.gHASH. The `g` stays,
because a hash of digits alone would compare as a number, and seven digits are kept, because a checkout and an archive
differ in how many they give. A snapshot that a packager dates (TAG_git20260603) comes after its TAG too:
TAG.post20260603.

An sdist has no git, or stands in somebody else's repository, so there the version is that of PKG-INFO. What is no
version even so ends the build with a line that says so: setuptools before 66 would have written it into the metadata.
"""

import re
from collections.abc import Sequence

NAME = "pep440"
_DOC = '''\
def NAME(ask):
    """PEP 440 for what git and packagers say: TAG-N-gHASH is TAG.postN+gHASH, TAG_gitDATE is TAG.postDATE."""
    import os
    import re

    info = os.path.join(os.path.dirname(os.path.abspath(__file__)), "PKG-INFO")
    # An sdist says what it was made as.
    if os.path.exists(info)UNLESS:
        with open(info, encoding="utf-8") as file:
            version = re.search("^Version: *(.*)$", file.read(), re.M).group(1)
    else:
        version = ask() or ""
    version = version.strip()
    if not version or version.startswith("fatal: ")ALWAYS:
        raise SystemExit("setup.py: no version: CURE")
    said = version
    dirty = version.endswith("-dirty")
    version = version[:-6] if dirty else version
PREFIX\
    described = re.match(r"(.+?)(?:[-_]|[.]r)([0-9]+)[-_.](g[0-9a-f]{4,7})[0-9a-f]*$", version)
    local = []
    if described:
        version, count, commit = described.groups()
    if described and int(count):
        if re.search(r"(post|dev|rev|r)[-_.]?[0-9]*$|[0-9]-[0-9]+$", version):
            local = [count, commit]
        else:
            version, local = version + ".post" + count, [commit]
    version = re.sub(r"_(?:git|svn|hg|cvs|p)([0-9]+)$", r".post\\1", version)
    local += ["dirty"] if dirty else []
    version += "+" + ".".join(local) if local else ""
    public = r"v?([0-9]+!)?[0-9]+([.][0-9]+)*([-_.]?(a|b|c|rc|alpha|beta|pre|preview)[-_.]?[0-9]*)?"
    public += r"(-[0-9]+|[-_.]?(post|rev|r)[-_.]?[0-9]*)?([-_.]?dev[-_.]?[0-9]*)?"
    if not re.match(public + r"([+][a-z0-9]+([-_.][a-z0-9]+)*)?$", version, re.I):
        raise SystemExit("setup.py: %r is no version of PEP 440: MEND" % said)
    return version
'''
_ALWAYS = ' or re.match("[0-9a-f]{7,40}$", version)'
"""What git says of a commit with no tag below it, if it has to say something."""


def present(setup_py: str) -> bool:
    """Whether setup.py has the function, so that what git says becomes PEP 440."""
    return re.search(r"^def _*pep440\(ask\):\r?\n    ...PEP 440 for what git", setup_py, re.MULTILINE) is not None


def text(name: str, variables: Sequence[str], always: bool, prefix: str, newline: str) -> str:
    """The function, called `name`; it takes what asks git, without an argument.

    `variables` are the environment variables that come first, `always` says whether git was told to name a commit
    where no tag is, `prefix` what stands in front of the version in tags.
    """
    given = " or ".join(f'os.environ.get("{variable}")' for variable in variables)
    unless = f" and not {given}" if len(variables) == 1 else f" and not ({given})" if variables else ""
    cure = f"set {variables[0]}, or fetch" if variables else "fetch"
    lines = (
        _DOC.replace("NAME", name, 1)
        .replace("UNLESS", unless)
        .replace("CURE", f"{cure} the tags (git fetch --tags)")
        .replace("MEND", f"set {variables[0]} to one, or tag one" if variables else "tag one")
        .replace("ALWAYS", _ALWAYS if always else "")
        .replace("PREFIX", f'    version = re.sub(r"^{re.escape(prefix)}", "", version)\n' if prefix else "")
    )
    return lines.replace("\n", newline)
