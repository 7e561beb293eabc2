"""`[tool.relengtools]` in pyproject.toml: which rules count, zero padding by place, schemes of the project's own."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from relengtools.errors import RelengError, printable
from relengtools.findings import Rule, selected
from relengtools.versions.catalogue import PADDING, RULES
from relengtools.versions.declaration import Kind
from relengtools.versions.locate.source import UnreadableError, is_inside, read_bytes, shown

if TYPE_CHECKING:
    from relengtools.versions.scheme.rule import Rule as Scheme

_NAME = "pyproject.toml"
_POLICIES = ("keep", "drop")


class Settings(NamedTuple):
    """What the table of the pyproject.toml in `folder` says.

    `padding` is the policy for zero padding (`keep` or `drop`) by kind of declaration, under `""` for all others,
    `calendar` whether versions are dates.
    """

    folder: Path | None = None
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    padding: Mapping[str, str] = {}
    schemes: "tuple[Scheme, ...]" = ()
    calendar: bool | None = None

    def drops(self, kind: str) -> bool:
        """Whether zero padding has to go from declarations of this kind."""
        return self.padding.get(kind, self.padding.get("", "keep")) == "drop"

    def on(self, rule: Rule) -> bool:
        """Whether the findings of `rule` count."""
        return selected(rule, self.select, self.ignore)

    def excludes(self, path: Path) -> bool:
        """Whether a pattern of `exclude` matches `path`, or a folder above it."""
        if not self.exclude or self.folder is None or not path.is_relative_to(self.folder):
            return False
        from fnmatch import fnmatchcase

        relative = path.relative_to(self.folder)
        names = [part.as_posix() for part in (relative, *relative.parents)]
        return any(fnmatchcase(name, pattern.strip("/")) for name in names for pattern in self.exclude)


DEFAULT = Settings()


def find(root: Path, tree: Path, known: dict[Path, Any]) -> Settings:
    """The settings for the project at `root`: those of the nearest pyproject.toml that has some, up to the work tree.

    Where there is no git, the tree is only what was named on the command line, and the table may be above it.
    `known` remembers the tables that were read. Raises RelengError where one can't be used.
    """
    for folder in (root, *root.parents):
        if folder not in known:
            known[folder] = _table(folder, tree)
        if known[folder] is not None:
            return _settings(folder, known[folder])
        if os.path.exists(f"{folder}/.git") and tree.is_relative_to(folder):  # noqa: PTH110  (of many projects)
            break
    return DEFAULT


def narrowed(settings: Settings, select: Sequence[str], ignore: Sequence[str]) -> Settings:
    """The settings under the command line: its `select` sets theirs aside, its `ignore` comes on top."""
    chosen = settings._replace(select=tuple(select), ignore=()) if select else settings
    chosen = chosen._replace(ignore=(*chosen.ignore, *ignore))
    named = {PADDING.code, PADDING.name}
    return chosen._replace(padding={"": "drop"}) if named & set(chosen.select) and chosen.on(PADDING) else chosen


def spelt(rule: str) -> str:
    """A code, a prefix of one or a name in the case that the catalogue has it in."""
    return rule.upper() if rule[:2].upper() == "RV" else rule.lower()


def rule_names(names: Iterable[str], where: str) -> tuple[str, ...]:
    """Codes, prefixes and names, checked: a misspelt one would silently select nothing. Raises RelengError."""
    chosen = tuple(map(spelt, names))
    for name in chosen:
        if not name or not any(rule.name == name or rule.code.startswith(name) for rule in RULES):
            raise RelengError(
                f"{where}{printable(name) or 'an empty text'}: no such rule; see `relengtools versions rules`"
            )
    return chosen


def _table(folder: Path, tree: Path) -> Any:
    """`[tool.relengtools]` in a folder, None without; that a file can't be read is told where the project is."""
    path = folder / _NAME
    try:
        data = read_bytes(_NAME, path) if path.exists() else b""
        # Like every other file, this one isn't followed out of the tree.
        if b"relengtools" not in data or not is_inside(path, tree if folder.is_relative_to(tree) else folder):
            return None
        import tomllib

        tool = tomllib.loads(data.decode()).get("tool")
    except (UnreadableError, OSError, ValueError, RecursionError):
        return None
    return tool.get("relengtools") if isinstance(tool, dict) else None


def _settings(folder: Path, table: Any) -> Settings:
    where = f"{printable(shown(folder / _NAME))}: [tool.relengtools]"
    if not isinstance(table, dict):
        raise RelengError(f"{where} has to be a table")
    if unknown := next((key for key in table if key not in _READERS), None):
        raise RelengError(f"{where} has no key {printable(unknown)!r}; it has {', '.join(_READERS)}")
    values: dict[str, Any] = {
        _FIELDS.get(key) or key: _READERS[key](value, f"{where} {key}") for key, value in table.items()
    }
    return Settings(folder, **values)


def _texts(value: Any, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise RelengError(f"{where} has to be a list of texts")
    return tuple(value)


def _rules(value: Any, where: str) -> tuple[str, ...]:
    return rule_names(_texts(value, where), f"{where}: ")


def _padding(value: Any, where: str) -> Mapping[str, str]:
    policies = value if isinstance(value, dict) else {"": value}
    if unknown := next((kind for kind in policies if kind and kind not in tuple(Kind)), None):
        raise RelengError(f"{where}: {printable(unknown)}: no kind of declaration; they are {', '.join(Kind)}")
    if not all(isinstance(policy, str) and policy in _POLICIES for policy in policies.values()):
        raise RelengError(f'{where} has to be "keep" or "drop", or a table of kinds of declarations with one of them')
    return policies


def _flag(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise RelengError(f"{where} has to be true or false")
    return value


def _schemes(value: Any, where: str) -> "tuple[Scheme, ...]":
    from relengtools.versions.scheme import rule

    return rule.from_table({"schemes": value}, where.removesuffix(" schemes"))


_FIELDS = {"zero-padding": "padding"}
_READERS: dict[str, Callable[[Any, str], Any]] = {
    "select": _rules,
    "ignore": _rules,
    "exclude": _texts,
    "zero-padding": _padding,
    "schemes": _schemes,
    "calendar": _flag,
}
