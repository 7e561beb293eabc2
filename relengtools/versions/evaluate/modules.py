"""Files and modules of the tree, and what is imported from it."""

import ast
import os
import posixpath
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from pathlib import Path

from relengtools.versions.evaluate import known
from relengtools.versions.evaluate.havoc import disturb
from relengtools.versions.evaluate.heap import Heap, Jumped, Returned, is_container, is_spoilt
from relengtools.versions.evaluate.regex import PATIENCE_S
from relengtools.versions.evaluate.statements import Frame
from relengtools.versions.evaluate.values import (
    CLASS,
    SPOILT,
    Class,
    Deferred,
    Document,
    Function,
    Module,
    Namespace,
    Opaque,
    RaisedError,
    Scope,
    Spoilt,
    Text,
    TooMuchError,
    Unknown,
    UntoldError,
    Value,
    is_fixed,
    text_of,
)
from relengtools.versions.locate import python
from relengtools.versions.locate.source import Source, UnreadableError, is_inside

STEPS = 300_000
"""How much work a project is worth."""
HASTY, PATIENT = 40, 4
"""Of the work that is left a statement of setup.py may take one part in so many: most say nothing of the version."""
LARGEST_BYTES = 2_000_000
DEEPEST = 20
_DIRECTORY = "cwd"
# Variables that are set nearly everywhere; the others are taken as unset, as in a build in clean surroundings.
_ENVIRONMENT = ("PATH", "HOME", "USER", "PWD", "LANG", "SHELL", "TMPDIR", "TEMP", "APPDATA", "PYTHONPATH")


class Modules(ABC):
    """Reads and evaluates modules below `root`; `read` gives the file at a path, None where there is none."""

    def __init__(self, root: Path, tree: Path, read: "Callable[[Path, bool], Source | None]") -> None:
        self.root, self.tree, self.reader = root, tree, read
        self.heap = Heap(self.step)
        self.steps, self.floor, self.patience_s = STEPS, 0, PATIENCE_S
        self.doubts = self.depth = 0
        self.part, self.gave_up = HASTY, False
        self.lenient = False
        self.whole = False  # also what setup() is given that says nothing of a version
        self.path: list[Value] = [str(root)]
        self.argv: list[Value] | None = None
        self.asked: set[str] = set()
        self.syntax: Callable[[Source], ast.Module] = python.syntax
        self.python_2 = False
        self.where: dict[str, Value] = {_DIRECTORY: root}
        self.environ: dict[str, Value] = {name: Unknown(f"the variable {name}") for name in _ENVIRONMENT}
        self.patched: dict[str, Value] = {}
        self.modules: dict[Path, Module] = {}
        self.inside: dict[Path, bool] = {}
        self.escaped: dict[int, Value] = {}

    def step(self, work: int = 1) -> None:
        """Count a piece of work; raises TooMuchError."""
        self.steps -= work
        if self.steps < self.floor:
            self.gave_up = True
            raise TooMuchError

    def share(self, hasty: bool = False) -> int:
        """Let what comes have only its part of the work; the floor before, to be put back."""
        before = self.floor
        self.floor = max(before, self.steps - self.steps // (HASTY if hasty else self.part))
        return before

    def patience(self) -> float:
        """How long regular expressions may still take, in seconds; raises TooMuchError."""
        if self.patience_s <= 0:
            raise TooMuchError
        return self.patience_s

    def impatient(self, seconds: float) -> None:
        """Count what a regular expression has taken."""
        self.patience_s -= seconds

    def disturb(self, *values: Value) -> None:
        """Forget what something unknown may change that gets hold of these values."""
        self.step(len(disturb(self.heap, *values)))

    @abstractmethod
    def frame(self, scope: Scope, module: Module, lenient: bool = False) -> Frame:
        """What evaluates code in a scope of a module."""

    def hand_over(self, *values: Value) -> None:
        """Forget what a call of something unknown may change: these values, and those that such calls got before."""
        again = [value for value in self.escaped.values() if not is_spoilt(value)]
        loose = [value for value in values if not is_fixed(value)]
        if again or loose:
            reached = disturb(self.heap, *again, *loose)
            self.step(len(reached))
            self.escaped |= {key: value for key, value in reached.items() if is_container(value)}
            self.escaped |= {id(value): value for value in loose if isinstance(value, Function | Class)}

    def as_python_2(self) -> None:
        """Read all modules as Python 2, by whose version some of them may go."""
        from relengtools.versions.locate import python2

        self.syntax, self.python_2 = python2.syntax, True
        self.patched |= {f"sys.{name}": Unknown("the version of Python") for name in ("version_info", "version")}
        self.patched["sys.hexversion"] = Unknown("the version of Python")

    # -------------------------------------------------------------------------------------------- files

    def locate(self, path: str | Path) -> Path:
        """A path as the code under evaluation has it, made absolute; raises UntoldError."""
        directory = self.where[_DIRECTORY]
        if isinstance(directory, Unknown):
            raise UntoldError(directory)
        return Path(posixpath.normpath(posixpath.join(str(directory), str(path))))

    def read(self, path: str | Path) -> Text | Unknown:
        """The text of a file in the tree; raises RaisedError where there is none."""
        file = self._inside(path)
        if isinstance(file, Unknown):
            return file
        try:
            size = file.stat().st_size if file.is_file() else -1
            if size > LARGEST_BYTES:
                return Unknown(f"{file.name} is too long to be read for a version")
            source = self.reader(file, file.suffix == ".py") if size >= 0 else None
        except (OSError, ValueError):
            size, source = -1, None
        if source is None:
            if size >= 0:
                return Unknown(f"{file.name} can't be read")
            raise RaisedError("FileNotFoundError")
        return text_of(source)

    def exists(self, path: str | Path, kind: str = "exists") -> bool | Unknown:
        """Whether there is such a file or folder in the tree."""
        file = self._inside(path)
        if isinstance(file, Unknown):
            return file
        try:
            return bool(getattr(file, kind)())
        except (OSError, ValueError):
            return False

    def _inside(self, path: str | Path) -> Path | Unknown:
        """A path in the tree, links followed."""
        try:
            file = self.locate(path)
            if file not in self.inside:
                self.inside[file] = file.is_relative_to(self.tree) and is_inside(file, self.tree)
            inside = self.inside[file]
        except UntoldError as error:
            return error.unknown
        except (OSError, ValueError):
            return Unknown("a path that leads nowhere")
        return file if inside else Unknown("a path that leads out of the tree")

    # -------------------------------------------------------------------------------------------- modules

    def module_at(self, path: str | Path, name: str) -> Value:
        """The file as a module; raises RaisedError where there is none."""
        file = self._inside(path)
        if isinstance(file, Unknown):
            return file
        if file not in self.modules:
            text = self.read(file)
            if isinstance(text, Unknown):
                return text
            module = Module(str(name), file, file.name == "__init__.py", text.document)
            package = str(name) if module.package else str(name).rpartition(".")[0]
            self.modules[file] = module.known(__package__=package)
        return self.modules[file]

    def loaded(self, name: str) -> Value:
        """The module of this name in `sys.modules`."""
        found = next((module for module in self.modules.values() if module.name == name), None)
        return found or Unknown(f"the module {name}, if it is loaded")

    def import_(self, name: str) -> Value:
        """The module of this name: from the tree, else something opaque; raises RaisedError."""
        if f"sys.modules.{name}" in self.patched or "sys.modules" in self.patched:
            return Unknown(f"{name} may be another module")
        if name.partition(".")[0] in known.PROVIDERS:
            return Opaque(name)
        name = "re" if name == "regex" else name  # a drop-in for it, as far as both go
        below = name.replace(".", "/")
        for folder in [*self.path, str(self.root / "src"), str(self.root / "lib")]:
            if not isinstance(folder, str | Path):
                continue
            for file in (f"{folder}/{below}/__init__.py", f"{folder}/{below}.py"):
                if self._is_file(file):
                    return self.module_at(file, name)
        return self._missing(name)

    def _is_file(self, path: str | Path) -> bool:
        """Whether there is such a file, quick where there is none."""
        directory = self.where[_DIRECTORY]
        found = os.path.isfile(os.path.join(str(directory), str(path)))  # noqa: PTH113, PTH118
        return found and self.exists(path, "is_file") is True

    def _missing(self, name: str) -> Value:
        """A module of a package of the tree that isn't there surely can't be imported; others may be installed."""
        outer, _, last = name.rpartition(".")
        package = self.import_(outer) if outer else None
        if isinstance(package, Module) and not (package.package and self._may_be_there(package.path.parent, last)):
            raise RaisedError("ModuleNotFoundError")
        return package if isinstance(package, Unknown) else Opaque(name)

    @staticmethod
    def _may_be_there(folder: Path, name: str) -> bool:
        """A folder without `__init__.py`, or a module in C, once it is built."""
        try:
            return (folder / name).is_dir() or any(folder.glob(f"{name}.*"))
        except (OSError, ValueError):
            return False

    def import_from(self, module: Module, node: ast.ImportFrom) -> Value:
        """The module that a `from … import` in `module` names; raises RaisedError."""
        if not node.level:
            return self.import_(node.module or "")
        folder = module.path.parent
        for _ in range(node.level - 1):
            folder = folder.parent
        base = folder / (node.module or "").replace(".", "/") if node.module else folder
        for file in (base / "__init__.py", base.with_name(f"{base.name}.py")):
            if self._is_file(file):
                outer = module.name if module.package else module.name.rpartition(".")[0]
                return self.module_at(file, f"{outer}.{node.module}" if node.module else outer)
        if self._may_be_there(base.parent, base.name):
            return Opaque(node.module or base.name)
        raise RaisedError("ModuleNotFoundError")

    def imported(self, into: Module, module: Value, name: str) -> Value:
        """What `from module import name` binds; raises RaisedError."""
        if isinstance(module, Opaque):
            return self.outside(f"{module.name}.{name}")
        if not isinstance(module, Module):
            return module
        itself = self.submodule(module, name) if module is into else None
        return Deferred(module, name) if itself is None else itself

    def outside(self, name: str) -> Value:
        """What is called so outside the tree."""
        if name in self.patched:
            return self.patched[name]
        if name == "sys.path":
            return self.path
        if name == "sys.argv" and self.argv is not None:
            return self.argv
        return self.environ if name == "os.environ" else known.constant(name)

    def submodule(self, module: Module, name: str) -> Value:
        """The module `name` in the package `module`, None where there is none."""
        for file in (module.path.parent / f"{name}.py", module.path.parent / name / "__init__.py"):
            if module.package and self._is_file(file):
                return self.module_at(file, f"{module.name}.{name}")
        return None

    def settle(self) -> None:
        """Evaluate all modules that were imported, before something is changed that they may have seen."""
        for module in list(self.modules.values()):
            self.run(module)

    def run(self, module: Module) -> None:
        """Evaluate a module, once; what can't be followed in it leaves its later names unknown."""
        if module.state != "new":
            return
        module.state = "running"
        layers, self.heap.layers = self.heap.layers, []  # it is the same whoever asks first
        where, self.where = self.where, {_DIRECTORY: self.root}
        try:
            body = self.syntax(module.document.source).body
            self._body(self.frame(module.scope, module, module.name == "__main__"), body, module)
        except UnreadableError:
            module.state = "failed"
        finally:
            self.heap.layers, self.where = layers, where

    def _body(self, frame: Frame, body: Iterable[ast.stmt], module: Module) -> None:
        try:
            frame.block(body)
            module.state = "done"
        except RaisedError as error:
            module.state, module.failure = "failed", f": evaluating it raises {error.kind}{error.about}"
        except (TooMuchError, RecursionError, Returned, Jumped):
            module.state, module.failure = "failed", ": it takes more than a static reading is worth"
            floor, self.floor = self.floor, -STEPS  # to forget is work that has to be done
            self.disturb(frame.scope.names)
            self.floor = floor
            frame.scope.names[SPOILT] = Spoilt("what follows there takes more than a static reading is worth")

    # -------------------------------------------------------------------------------------------- exec

    def execute(self, text: Value, globals_: dict[str, Value], locals_: dict[str, Value] | None) -> Value:
        """`exec(text, globals, locals)`: bind what the text binds."""
        inside = globals_ if locals_ is None else locals_
        if not isinstance(text, str):
            self.heap.spoil(inside) if not isinstance(inside, Namespace) else self._spoil(inside)
            self.disturb(globals_)
            return Unknown("exec() of something computed")
        source = text.document.source if isinstance(text, Text) and len(text) == len(text.document.text) else None
        if source is None:
            source = Source("<exec>", self.root / "<exec>", text.encode("utf-8", "replace"), str.__str__(text))
        self.heap.touch(globals_)
        globals_.setdefault("__builtins__", Opaque("builtins"))
        globals_.setdefault("__name__", "builtins")
        outer = Scope(globals_)
        module = Module("<exec>", source.path, False, Document(source), outer)
        scope = outer if locals_ is None else Scope(inside, outer, CLASS)
        self._run_text(self.frame(scope, module), source, module)
        if module.state == "failed":
            self.heap.touch(inside)
            inside[SPOILT] = Spoilt(f"an exec() that can't be followed{module.failure}")
        return None

    def _run_text(self, frame: Frame, source: Source, module: Module) -> None:
        try:
            body = self.syntax(source).body
        except UnreadableError:
            raise RaisedError("SyntaxError") from None
        self._body(frame, body, module)

    def _spoil(self, names: dict[str, Value]) -> None:
        self.disturb(names)
        names[SPOILT] = Spoilt("something computed that `exec()` may have bound")
