"""Version-control providers: the version that one of them would compute, where that can be stated exactly.

Sources: the documentation and the code of setuptools-scm 10 (vcs-versioning 2), hatch-vcs 0.5 and pdm-backend 2.5.
"""

import os
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from relengtools.versions import git
from relengtools.versions.locate.source import UnreadableError, is_inside, read_bytes
from relengtools.versions.scheme import describe, pep440
from relengtools.versions.scheme.describe import Description

Problem = Literal["shallow", "no-tags", "no-git", "dirty", "tag", "options", "environment", "unknown"]


class State(NamedTuple):
    """`version` is what the provider would say, exactly; where it is None, `reason` says why and `problem` names it.

    `configuration` is where the provider is told what to do.
    """

    version: str | None
    reason: str | None
    problem: Problem | None
    configuration: str


class CannotSayError(Exception):
    """Why there is no exact answer."""

    def __init__(self, problem: Problem, reason: str) -> None:
        super().__init__(reason)
        self.problem = problem


class _Options(NamedTuple):
    """What a provider is told, as far as it is implemented here.

    `describe` are git's arguments, `digits` cut the hash, `keeps_local` says that a tag's `+…` may stay in the version.
    """

    describe: Sequence[str]
    tag_regex: str
    version_scheme: str = "guess-next-dev"
    local_scheme: str = "node-and-date"
    digits: int | None = None
    keeps_local: bool = False


class _Known(NamedTuple):
    """A provider: where it is configured, what its environment variables begin with, and how its options are read."""

    configuration: str
    environment: Sequence[str]
    options: Callable[[Mapping[str, Any], Path, Path], _Options] | None
    command: str = ""


_SCM = "setuptools-scm"
_TAG_REGEX = r"^(?:[\w-]+-)?(?P<version>[vV]?\d+(?:\.\d+){0,2}[^\+]*)(?:\+.*)?$"
_DESCRIBE = ("describe", "--tags", "--long", "--abbrev=40", "--match")
# These say where files are written and what stands in for git where there is none.
_HARMLESS = {"version_file", "version_file_template", "write_to", "write_to_template", "write_to_source", "dist_name"}
_HARMLESS |= {"fallback_version", "fallback_root"}
_READ = {"root", "search_parent_directories", "version_scheme", "local_scheme", "tag_regex", "git_describe_command"}
_READ |= {"tag", "scm", "normalize"}
_DESCRIBE_FLAGS = re.compile(r"--(?:dirty|tags|long|first-parent|abbrev=[0-9]+|match=.*|exclude=.*)", re.DOTALL)
_VERSION_SCHEMES = ("guess-next-dev", "no-guess-dev", "post-release", "only-version")
_LOCAL_SCHEMES = ("node-and-date", "node-and-timestamp", "no-local-version", "dirty-tag")
_DATED = ("node-and-date", "node-and-timestamp")
_DIGITS = 9


def state(provider: str, document: Mapping[str, Any] | None, root: Path, tree: Path) -> State:
    """What `provider` would make of the clone at `tree` for the project at `root`.

    `document` is the project's pyproject.toml, None where it has none. Never raises; git is asked, nothing is run.
    """
    known = _PROVIDERS.get(provider)
    if known is None:
        return State(None, f"what {provider} computes is not known here", "unknown", "the build's configuration")
    try:
        return State(_version(provider, known, document or {}, root, tree), None, None, known.configuration)
    except CannotSayError as error:
        return State(None, str(error), error.problem, known.configuration)
    except git.GitError as error:
        return State(None, str(error), "no-git", known.configuration)


def _version(provider: str, known: _Known, document: Mapping[str, Any], root: Path, tree: Path) -> str:
    if name := next((name for name in sorted(os.environ) if name.startswith(tuple(known.environment))), None):
        raise CannotSayError("environment", f"the environment variable {name} has a say in it")
    if not (tree / ".git").exists():
        raise CannotSayError("no-git", f"there is no git repository, so {provider} has no tags to go by")
    if known.options is None:
        _clone(provider, tree)
        ask = f"; ask `{known.command}`" if known.command else ""
        raise CannotSayError("unknown", f"what {provider} makes of the tags is not known here{ask}")
    options = known.options(document, root, tree)
    found, dirty = _described(provider, options, tree), _dirty(tree)
    if dirty and options.local_scheme in _DATED:
        raise CannotSayError("dirty", "files are changed but not committed, which puts today's date into the version")
    return _formatted(provider, options, found._replace(dirty=dirty))


def _described(provider: str, options: _Options, tree: Path) -> Description:
    """What `git describe` says, from a clone that can know."""
    try:
        said = git.run(tree, *options.describe).decode(errors="surrogateescape").strip()
    except git.GitError:
        _clone(provider, tree)
        raise CannotSayError("no-tags", f"no tag that {provider} looks at is reached from here") from None
    found = describe.read(said) or Description(said, 0, None, False)
    if found.distance and git.shallow(tree):
        _clone(provider, tree)
    return found


def _clone(provider: str, tree: Path) -> None:
    """Raise CannotSayError for a clone in which nobody could tell."""
    if git.shallow(tree):
        raise CannotSayError("shallow", "the clone is shallow: `git fetch --unshallow --tags`, then again")
    if git.head(tree) is None:
        raise CannotSayError("no-tags", "nothing is committed yet")
    if not git.tags(tree):
        raise CannotSayError("no-tags", f"there is no tag, so {provider} would make a version up")


def _dirty(tree: Path) -> bool:
    """Whether tracked files differ from what is committed.

    git would run the programs that the repository's own configuration names as filters, and look into submodules,
    which have a configuration of their own: there nobody can say.
    """
    if (tree / ".gitmodules").exists():
        raise CannotSayError("dirty", "whether a submodule has changes is not looked at")
    if git.own_filters(tree):
        raise CannotSayError("dirty", "the clone's own configuration names filter programs, which are not run")
    return bool(git.run(tree, "status", "--porcelain", "--untracked-files=no", "--ignore-submodules=dirty").strip())


def _formatted(provider: str, options: _Options, found: Description) -> str:
    tag = _tag_version(provider, options, found.tag)
    exact = not found.distance and not found.dirty
    public = tag if exact else _SCHEMES[options.version_scheme](tag, found)
    version = pep440.read(public + _local(options, found)).canonical if public else None
    if version is None:
        raise CannotSayError("tag", f"no version follows the tag {found.tag} by {options.version_scheme}")
    return version


def _tag_version(provider: str, options: _Options, tag: str) -> str:
    """The version in the tag, by the provider's own pattern."""
    from relengtools.versions.evaluate.regex import search
    from relengtools.versions.evaluate.values import RaisedError, TooMuchError

    try:
        match = search(options.tag_regex, tag, 0, "match")
    except (RaisedError, TooMuchError):
        raise CannotSayError("options", f"the pattern of {provider} for tags can't be used") from None
    if match is None:
        raise CannotSayError("tag", f"{provider} finds no version in the tag {tag}")
    spans, names = match.spans, match.names
    group = 1 if len(spans) == 2 else names.get("version")
    text = tag[slice(*spans[group])] if group is not None and group < len(spans) and spans[group][0] >= 0 else ""
    canonical = pep440.read(text).canonical
    if canonical is None or "+" in canonical or (options.keeps_local and "+" in tag):
        raise CannotSayError("tag", f"{provider} can't use the tag {tag}, or not in every release of its own")
    return canonical


def _local(options: _Options, found: Description) -> str:
    if options.local_scheme == "dirty-tag":
        return "+dirty" if found.dirty else ""
    if options.local_scheme == "no-local-version" or not found.distance or found.hash is None:
        return ""
    return f"+g{found.hash[: options.digits]}"


def _guess_next_dev(tag: str, found: Description) -> str | None:
    text = describe.next_dev(Description(tag, found.distance, None, True))
    return None if text is None else text.partition("+")[0]


def _no_guess_dev(tag: str, found: Description) -> str | None:
    base, dev, number = tag.partition(".dev")
    if (dev and number != "0") or (not dev and "post" in tag):
        return None
    return f"{base}.dev{found.distance}" if dev else f"{tag}.post1.dev{found.distance}"


_SCHEMES: Mapping[str, Callable[[str, Description], str | None]] = {
    "guess-next-dev": _guess_next_dev,
    "no-guess-dev": _no_guess_dev,
    "post-release": lambda tag, found: f"{tag}.post{found.distance}",
    "only-version": lambda tag, found: tag,
}


def _setuptools_scm(document: Mapping[str, Any], root: Path, tree: Path) -> _Options:
    tool = _table(document, "tool")
    table = next((tool[name] for name in ("vcs-versioning", "setuptools_scm") if name in tool), None)
    if table is None:
        table = _activated(document, root)
    if not isinstance(table, dict):
        raise CannotSayError("options", "[tool.setuptools_scm] is no table")
    return _scm_options(table, document, root, tree)


def _activated(document: Mapping[str, Any], root: Path) -> Mapping[str, Any]:
    """The options where pyproject.toml has no table: none, if setuptools-scm is switched on otherwise."""
    requires = _table(document, "build-system").get("requires")
    simple = r"setuptools[-_.]scm\s*\[[^]]*\bsimple\b"
    if isinstance(requires, list) and any(re.match(simple, text, re.I) for text in requires if isinstance(text, str)):
        return {}
    try:
        setup = read_bytes("setup.py", root / "setup.py") if is_inside(root / "setup.py", root) else b""
    except UnreadableError:
        setup = b""
    if re.search(rb"\buse_scm_version\s*=\s*True\b", setup):
        return {}
    raise CannotSayError("options", "what setuptools-scm is told stands in setup.py, or nothing switches it on")


def _hatch_vcs(document: Mapping[str, Any], root: Path, tree: Path) -> _Options:
    version = _table(_table(_table(document, "tool"), "hatch"), "version")
    table = dict(_table(version, "raw-options"))
    if pattern := version.get("tag-pattern"):
        table["tag_regex"] = pattern
    return _scm_options(table, document, root, tree)


def _scm_options(table: Mapping[str, Any], document: Mapping[str, Any], root: Path, tree: Path) -> _Options:
    """The options of setuptools-scm; raises CannotSayError for all that would change the outcome unseen."""
    unread = sorted(set(table) - _HARMLESS - _READ)
    version_scheme = table.get("version_scheme", "guess-next-dev")
    local_scheme = table.get("local_scheme", "node-and-date")
    unread += ["version_scheme"] * (version_scheme not in _VERSION_SCHEMES)
    unread += ["local_scheme"] * (local_scheme not in _LOCAL_SCHEMES)
    unread += ["normalize"] * (table.get("normalize", True) is not True)
    unread += [".config/python-vcs-versioning.toml"] * (tree / ".config" / "python-vcs-versioning.toml").exists()
    unread += [name for name in (".jj", ".hg") if (tree / name).exists()]
    if unread:
        raise CannotSayError("options", f"what {unread[0]} does to the version is not known here")
    _check_root(table, root, tree)
    tag = _table(table, "tag")
    regex = table.get("tag_regex", tag.get("regex", _TAG_REGEX))
    if not isinstance(regex, str):
        raise CannotSayError("options", "tag_regex is no text")
    digits = None if _pinned(document) else _DIGITS
    command = _describe_command(table)
    if command is None:
        command = [*_DESCRIBE, _match(tag)]
        if digits is None and local_scheme in _DATED:
            command = [argument for argument in command if argument != "--abbrev=40"]
    return _Options(command, regex or _TAG_REGEX, version_scheme, local_scheme, digits, keeps_local=True)


def _match(tag: Mapping[str, Any]) -> str:
    """The pattern of the tags that setuptools-scm looks at."""
    unread = set(tag) - {"regex", "prefix", "strict"}
    if unread or not isinstance(tag.get("prefix", ""), str) or tag.get("prefix"):
        raise CannotSayError("options", "what [tool.setuptools_scm.tag] does to the version is not known here")
    return "*[0-9]*.*[0-9]*" if tag.get("strict") is True else "*[0-9]*"


def _describe_command(table: Mapping[str, Any]) -> list[str] | None:
    """The arguments of a `git describe` of the project's own; only options that look for a tag are passed on."""
    scm = _table(table, "scm")
    settings = _table(scm, "git")
    if set(scm) - {"git"} or set(settings) - {"describe_command", "pre_parse"}:
        raise CannotSayError("options", "what [tool.setuptools_scm.scm] does to the version is not known here")
    given = table.get("git_describe_command", settings.get("describe_command"))
    if given is None:
        return None
    try:
        words = shlex.split(given) if isinstance(given, str) else [str(word) for word in given]
    except (TypeError, ValueError):
        words = []
    program, arguments = words[:2], _joined(words[2:])
    if program != ["git", "describe"] or not all(map(_DESCRIBE_FLAGS.fullmatch, arguments)):
        raise CannotSayError("options", "the project has a git_describe_command of its own, which is not run")
    return ["describe", *(argument for argument in arguments if argument != "--dirty")]


def _joined(words: Sequence[str]) -> list[str]:
    """`--match X` as `--match=X`."""
    joined: list[str] = []
    for word in words:
        if joined and joined[-1] in ("--match", "--exclude", "--abbrev"):
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return joined


def _check_root(table: Mapping[str, Any], root: Path, tree: Path) -> None:
    """setuptools-scm looks for the repository in `root` alone, unless it is told to go up."""
    told = table.get("root", ".")
    start = Path(os.path.realpath(root / told)) if isinstance(told, str) and "\0" not in told else None
    top = Path(os.path.realpath(tree))
    if start != top and not (table.get("search_parent_directories") is True and start and start.is_relative_to(top)):
        raise CannotSayError("options", "it looks for the repository in the project's folder alone: set `root`")


def _pinned(document: Mapping[str, Any]) -> bool:
    """Whether the build may get a setuptools-scm before 9, which has git say how long a hash is."""
    requires = _table(document, "build-system").get("requires")
    named = [text for text in requires if isinstance(text, str)] if isinstance(requires, list) else []
    return any(re.match(r"(?:setuptools[-_.]scm|hatch[-_.]vcs)\b[^;]*(?:<|==|~=)", text, re.I) for text in named)


def _pdm(document: Mapping[str, Any], root: Path, tree: Path) -> _Options:
    version = _table(_table(_table(document, "tool"), "pdm"), "version")
    unread = set(version) - {"source", "write_to", "write_template", "tag_regex", "tag_filter", "fallback_version"}
    regex, tags = version.get("tag_regex") or _TAG_REGEX, version.get("tag_filter") or "*.*"
    if unread or not isinstance(regex, str) or not isinstance(tags, str):
        raise CannotSayError(
            "options", f"what {min(unread, default='tag_regex')} does to the version is not known here"
        )
    return _Options(["-c", "core.abbrev=auto", "describe", "--tags", "--long", f"--match={tags}"], regex)


def _table(table: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = table.get(key)
    return value if isinstance(value, dict) else {}


_SCM_ENVIRONMENT = ("SETUPTOOLS_SCM_", "VCS_VERSIONING_")
_PROVIDERS: Mapping[str, _Known] = {
    _SCM: _Known(
        "[tool.setuptools_scm] in pyproject.toml or use_scm_version in setup.py", _SCM_ENVIRONMENT, _setuptools_scm
    ),
    "vcs-versioning": _Known("[tool.vcs-versioning] in pyproject.toml", _SCM_ENVIRONMENT, _setuptools_scm),
    "hatch-vcs": _Known("[tool.hatch.version] in pyproject.toml", _SCM_ENVIRONMENT, _hatch_vcs),
    "pdm-scm": _Known("[tool.pdm.version] in pyproject.toml", ("PDM_BUILD_SCM_VERSION",), _pdm),
    "setuptools-git-versioning": _Known(
        "[tool.setuptools-git-versioning] in pyproject.toml", (), None, "setuptools-git-versioning"
    ),
    "versioningit": _Known("[tool.versioningit] in pyproject.toml", (), None, "versioningit"),
    "poetry-dynamic-versioning": _Known(
        "[tool.poetry-dynamic-versioning] in pyproject.toml",
        ("POETRY_DYNAMIC_VERSIONING_",),
        None,
        "poetry dynamic-versioning show",
    ),
    "dunamai": _Known("the arguments of dunamai", (), None, "dunamai from git"),
    "pbr": _Known("pbr=True in setup.py", ("PBR_VERSION",), None, "pbr info"),
    "versioneer": _Known("[tool.versioneer] in pyproject.toml or [versioneer] in setup.cfg", (), None),
    "incremental": _Known("_version.py of the package", (), None),
    "uv-dynamic-versioning": _Known(
        "[tool.uv-dynamic-versioning] in pyproject.toml", ("UV_DYNAMIC_VERSIONING_",), None
    ),
    "flit-scm": _Known("[tool.setuptools_scm] in pyproject.toml", _SCM_ENVIRONMENT, None),
    "git-describe": _Known("the code that runs git", (), None),
}
