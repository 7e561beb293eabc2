"""The laws of the house, read off the source: layers, doors, no cycles, and nothing heavy at start-up."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import relengtools

PACKAGE = Path(relengtools.__file__).parent
MODULES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
LAYERS = ["relengtools.errors", "relengtools.findings", "relengtools.output", "relengtools.figure"]
DOORS = {
    "click": {
        "relengtools.cli",
        "relengtools.versions.commands",
        "relengtools.leaks.commands",
        "relengtools.leaks.commands_live",
        "relengtools.leaks.commands_plan",
        "relengtools.leaks.commands_recording",
        "relengtools.leaks.commands_verdict",
        "relengtools.versions.commands_bump",
        "relengtools.versions.commands_convert",
        "relengtools.versions.commands_history",
        "relengtools.versions.commands_migrate",
        "relengtools.versions.commands_parts",
        "relengtools.versions.commands_release",
    },
    "packaging": {
        "relengtools.versions.scheme",
        "relengtools.versions.specifiers",
        "relengtools.versions.artifacts",
        "relengtools.versions.migrate.licence",
    },
    "build": {"relengtools.versions.artifacts.backend"},
    "psutil": {"relengtools.leaks.target", "relengtools.leaks.process"},
    "sqlite3": {"relengtools.leaks.recording", "relengtools.leaks.importers"},
    "matplotlib": {"relengtools.figure"},
}
WITH_NUMPY = {"series", "scene", "identity", "survivors", "counts", "memory", "levels", "trend", "survival", "judge"}
WITH_NUMPY |= {"compare", "exhaustion", "plan", "lacks", "plot", "power", "report", "shapes", "tabular"}


def imports(path: Path) -> Iterator[str]:
    """Every module that `path` imports anywhere, function bodies and type-checking blocks included."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            assert node.module is not None
            yield from ([f"{node.module}.{a.name}" for a in node.names] if node.module == "relengtools" else [])
            yield from (
                f"{node.module}.{a.name}" if f"{node.module}.{a.name}" in MODULES else node.module for a in node.names
            )


GRAPH = {name: set(imports(path)) for name, path in MODULES.items()}
INNER = {name: {i for i in found if i in MODULES and i != "relengtools"} for name, found in GRAPH.items()}


def half(name: str) -> str:
    return name.split(".")[1] if name.count(".") else ""


def test_there_is_no_import_cycle() -> None:
    assert list(TopologicalSorter(INNER).static_order())


def test_the_halves_do_not_know_each_other() -> None:
    crossing = [(a, b) for a, found in INNER.items() for b in found if {half(a), half(b)} == {"versions", "leaks"}]
    assert crossing == []


@pytest.mark.parametrize("layer", [m for m in LAYERS if m in MODULES])
def test_a_layer_knows_only_those_below_it(layer: str) -> None:
    below = set(LAYERS[: LAYERS.index(layer)])
    assert INNER[layer] <= below


def test_only_the_command_line_knows_commands() -> None:
    commands = {"relengtools.versions.commands", "relengtools.leaks.commands", "relengtools.cli"}
    knowing = {a for a, found in INNER.items() if found & commands}
    assert knowing <= {"relengtools.cli", "relengtools.__main__"} | DOORS["click"]


@pytest.mark.parametrize("dependency", DOORS)
def test_a_dependency_has_one_door(dependency: str) -> None:
    users = {name for name, found in GRAPH.items() if any(i.split(".")[0] == dependency for i in found)}
    strangers = {u for u in users if not any(u == door or u.startswith(f"{door}.") for door in DOORS[dependency])}
    assert strangers == set()


def test_numpy_is_known_only_where_the_report_extra_is_needed() -> None:
    users = {name for name, found in GRAPH.items() if any(i.split(".")[0] == "numpy" for i in found)}
    assert {u for u in users if u.split(".")[-1] not in WITH_NUMPY and u != "relengtools.figure"} == set()


def test_nothing_below_the_commands_prints() -> None:
    def prints(node: ast.AST) -> bool:
        return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"print", "input"}

    printing = [name for name, path in MODULES.items() if any(map(prints, ast.walk(ast.parse(path.read_bytes()))))]
    assert printing == []


def test_relengerror_is_caught_once_in_the_command_line() -> None:
    catching = {name for name, path in MODULES.items() if "except RelengError" in path.read_text()}
    assert catching == {"relengtools.cli"}


HEAVY = {
    "numpy",
    "matplotlib",
    "psutil",
    "sqlite3",
    "packaging",
    "build",
    "asyncio",
    "http",
    "importlib.metadata",
}


@pytest.mark.parametrize("command", [["--help"], ["versions", "--help"], ["leaks", "--help"]])
def test_help_imports_nothing_heavy(command: list[str]) -> None:
    program = (
        "import sys; from relengtools.cli import main\n"
        f"sys.argv[1:] = {command!r}\n"
        "try: main()\n"
        "finally: print(*sys.modules, sep='\\n', file=sys.stderr)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.startswith("Usage:")
    assert {m for m in run.stderr.split() if m in HEAVY} == set()


def test_the_package_itself_imports_nothing() -> None:
    assert GRAPH["relengtools"] == set()
