"""Statements: modules of the tree and the functions in them, evaluated as far as they can be without running them."""

import ast
import builtins
import posixpath
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from relengtools.versions.evaluate import known, methods, parsers
from relengtools.versions.evaluate.expressions import Frame, binary, first_unknown, same, truth
from relengtools.versions.evaluate.parsers import Parser, Tree
from relengtools.versions.evaluate.run import Standing
from relengtools.versions.evaluate.values import (
    SPOILT,
    Binding,
    Class,
    Deferred,
    Document,
    Fields,
    File,
    Function,
    Instance,
    Method,
    Module,
    Names,
    Object,
    Opaque,
    Property,
    RaisedError,
    Scope,
    Text,
    TooMuchError,
    Unknown,
    Value,
    spoil,
    text_of,
)
from relengtools.versions.locate import python
from relengtools.versions.locate.source import Source, UnreadableError

STEPS = 400_000
DEEPEST = 40
_BUILTINS = frozenset(dir(builtins)) | {"unicode", "execfile", "basestring", "xrange", "raw_input"}
_SAME = {"functools.lru_cache", "functools.cache", "functools.wraps", "staticmethod", "classmethod"}


class Returned(Exception):
    """A `return` in the code under evaluation."""

    def __init__(self, value: Value) -> None:
        super().__init__()
        self.value = value


class Jumped(Exception):
    """A `break` or `continue` in the code under evaluation."""

    def __init__(self, further: bool) -> None:
        super().__init__()
        self.further = further


@dataclass(frozen=True, slots=True)
class SetupCall:
    """A call of `setup()` that was reached: its node, its arguments, and the frame that it stands in."""

    node: ast.Call
    keywords: dict[str, Value]
    frame: Standing


class Interpreter:
    """Evaluates modules below `root`; `read` gives the file at a path, None where there is none.

    Environment variables are taken as unset, and what isn't in the tree as unknown. Nothing is ever run or imported.
    """

    def __init__(self, root: Path, tree: Path, read: Callable[[Path, bool], Source | None]) -> None:
        self.root, self.tree, self.reader = root, tree, read
        self.steps = STEPS
        self.depth = 0
        self.path: list[Value] = [str(root)]
        self.environ: dict[Value, Value] = {}
        self.modules: dict[Path, Module] = {}
        self.setups: list[SetupCall] = []
        self.lenient = False

    # -------------------------------------------------------------------------------------------- what known.py needs

    def step(self) -> None:
        """Count a piece of work; raises TooMuchError."""
        self.steps -= 1
        if self.steps < 0:
            raise TooMuchError

    def locate(self, path: str | Path) -> Path:
        """A path as the code under evaluation has it, below the root."""
        return Path(posixpath.normpath(posixpath.join(str(self.root), str(path))))

    def read(self, path: str | Path) -> Text | Unknown:
        """The text of a file in the tree; raises RaisedError where there is none."""
        file = self.locate(path)
        if not file.is_relative_to(self.tree):
            return Unknown(f"{path} is outside the tree")
        try:
            source = self.reader(file, file.suffix == ".py") if file.is_file() else None
        except (OSError, ValueError):
            source = None
        if source is None:
            raise RaisedError("FileNotFoundError")
        return text_of(source)

    def exists(self, path: str | Path) -> bool | Unknown:
        """Whether there is such a file or folder in the tree."""
        file = self.locate(path)
        if not file.is_relative_to(self.tree):
            return Unknown(f"{path} is outside the tree")
        try:
            return file.exists()
        except (OSError, ValueError):
            return False

    def module_at(self, path: str | Path, name: str) -> Value:
        """The file as a module; raises RaisedError where there is none."""
        file = self.locate(path)
        if file not in self.modules:
            text = self.read(file)
            if isinstance(text, Unknown):
                return text
            self.modules[file] = Module(str(name), file, file.name == "__init__.py", text.document)
            dunders = {"__file__": str(file), "__name__": str(name), "__doc__": None, "__package__": str(name)}
            self.modules[file].scope.names |= {key: Binding(value) for key, value in dunders.items()}
        return self.modules[file]

    def import_(self, name: str) -> Value:
        """The module of this name: from the tree, else something opaque; raises RaisedError."""
        name = str(name)
        if name.partition(".")[0] in known.PROVIDERS:
            return Opaque(name)
        below = name.replace(".", "/")
        for folder in [*self.path, str(self.root / "src"), str(self.root / "lib")]:
            for file in (f"{folder}/{below}/__init__.py", f"{folder}/{below}.py"):
                if isinstance(folder, str) and self.exists(file) is True:
                    return self.module_at(file, name)
        return self._missing(name)

    def _missing(self, name: str) -> Value:
        """A module of a package of the tree that isn't there surely can't be imported; others may be installed."""
        outer, _, last = name.rpartition(".")
        if outer:
            package = self.import_(outer)
            if isinstance(package, Module):
                if package.package and (package.path.parent / last).is_dir():
                    return Opaque(name)
                raise RaisedError("ModuleNotFoundError")
        return Opaque(name)

    def execute(self, text: Value, names: dict[str, Value] | Names | None) -> Value:
        """`exec(text, names)`: bind in `names` what the text binds."""
        if not isinstance(text, str) or names is None:
            self._spoil(names)
            return Unknown("exec() of something computed")
        source = text.document.source if isinstance(text, Text) else None
        if source is None or str(text) != text.document.text:  # type: ignore[attr-defined]
            source = Source("<exec>", self.root / "<exec>", str(text).encode("utf-8", "replace"), str(text))
        module = Module("<exec>", source.path, False, Document(source))
        if isinstance(names, Names):
            module.scope = Scope(names.scope.names, names.scope.outer)
        else:
            module.scope.names |= {str(key): Binding(value) for key, value in names.items()}
            module.scope.names.setdefault("__name__", Binding("builtins"))
        self.run(module)
        if isinstance(names, dict):
            names |= {key: self.resolved(binding.value) for key, binding in module.scope.names.items()}
        if module.state == "failed":  # what it bound before stands, what is missing may come later
            if isinstance(names, dict):
                names[SPOILT] = Unknown(f"an exec() that can't be followed{module.failure}")
            elif isinstance(names, Names):
                names.scope.vague = True
        return None

    @staticmethod
    def _spoil(names: dict[str, Value] | Names | None) -> None:
        if not isinstance(names, Names):
            spoil(names)
            return
        names.scope.vague = True
        for name, binding in names.scope.names.items():
            if binding.value is None or (isinstance(binding.value, str | int | tuple) and not name.startswith("__f")):
                names.scope.names[name] = Binding(
                    Unknown(f"`{name}` may be changed by an exec() of something computed")
                )

    # -------------------------------------------------------------------------------------------- names and attributes

    def lookup(self, scope: Scope, module: Module, name: str) -> Value:
        """The value of a name; raises RaisedError where there is none."""
        binding = scope.find(name) or self._starred(module, name)
        if binding is not None:
            return self.resolved(binding.value)
        if name in _BUILTINS:
            return Opaque(f"builtins.{name}")
        if any(not isinstance(starred, Module) for starred in module.starred):
            return Unknown(f"`{name}` may come from an import of `*`")
        if scope.is_vague():
            return Unknown(f"`{name}` may come from an exec() of something computed")
        raise RaisedError("NameError", name)

    def _starred(self, module: Module, name: str) -> Binding | None:
        for starred in reversed(module.starred):
            if isinstance(starred, Module) and not name.startswith("__"):
                self.run(starred)
                if (found := starred.scope.names.get(name)) is not None:
                    return found
        return None

    def resolved(self, value: Value) -> Value:
        """What a deferred import stands for; a circle of imports stands for nothing."""
        for _ in range(DEEPEST):
            if not isinstance(value, Deferred):
                return value
            value = self._of_module(value.module, value.name)
        return Unknown("modules that import one another")

    def outside(self, name: str) -> Value:
        """A constant from outside the tree; what the code may change is this interpreter's own."""
        own = {"sys.path": self.path, "os.environ": self.environ}
        return own[name] if name in own else known.constant(name)

    def get(self, owner: Value, name: str) -> Value:
        """An attribute; raises RaisedError where there surely is none."""
        if isinstance(owner, Unknown):
            return owner
        if isinstance(owner, Opaque):
            return self.outside(f"{owner.name}.{name}")
        if isinstance(owner, Module):
            return self.resolved(self._of_module(owner, name))
        if isinstance(owner, Class):
            binding = owner.names.get(name)
            return Unknown(f"{owner.name}.{name}") if binding is None else self.resolved(binding.value)
        if isinstance(owner, Object | Fields):
            return self._of_object(owner, name)
        if isinstance(owner, Instance):
            return owner.keywords.get(name, Method(owner, name))
        if owner is known.CONSTANTS["sys.version_info"] and name in ("major", "minor"):
            return owner[("major", "minor").index(name)]
        if isinstance(owner, File) and name == "name":
            return str(owner.path)
        if isinstance(owner, Tree):
            return parsers.attribute(owner, name)
        plain = methods.attribute(owner, name)
        return Method(owner, name) if plain is None else plain

    def _of_module(self, module: Module, name: str) -> Value:
        if name == "loader":  # of an importlib spec, which stands for its module
            return module
        if name in ("exec_module", "load_module"):
            return Method(module, name)
        self.run(module)
        binding = module.scope.names.get(name) or self._starred(module, name)
        if binding is not None:
            return binding.value
        if (submodule := self._submodule(module, name)) is not None:
            return submodule
        if module.state != "done" or any(not isinstance(starred, Module) for starred in module.starred):
            return Unknown(f"{module.name} can't be followed to `{name}`{module.failure}")
        raise RaisedError("AttributeError", name)

    def _submodule(self, module: Module, name: str) -> Value:
        """The module `name` in the package `module`, None where there is none."""
        for file in (module.path.parent / f"{name}.py", module.path.parent / name / "__init__.py"):
            if module.package and self.exists(file) is True:
                return self.module_at(file, f"{module.name}.{name}")
        return None

    def _of_object(self, owner: Object | Fields, name: str) -> Value:
        """An attribute of an instance: its own, a field, or a method or property of its class."""
        if isinstance(owner, Object) and name in owner.names:
            return owner.names[name].value
        if isinstance(owner, Fields) and name in (owner.of.fields or ()):
            return owner[(owner.of.fields or ()).index(name)]
        binding = owner.of.names.get(name)
        if binding is None:
            return Method(owner, name) if isinstance(owner, Fields) else Unknown(f"`.{name}` of {owner.of.name}")
        value = self.resolved(binding.value)
        if isinstance(value, Property):
            return self.apply(value.function, [owner], {})
        return Method(owner, name) if isinstance(value, Function) else value

    def text(self, value: Value) -> Value:
        """`str(value)` where a class of the tree says what that is, else the value."""
        if isinstance(value, Object | Fields) and "__str__" in value.of.names:
            return self.apply(self.resolved(value.of.names["__str__"].value), [value], {})
        return value

    def bind(self, frame: Standing, target: ast.expr, value: Value, node: ast.expr | None) -> None:
        """Assign to a name, a tuple, an attribute or an element."""
        if isinstance(target, ast.Name):
            frame.scope.bind(target.id, Binding(value, node, frame.document))
        elif isinstance(target, ast.Tuple | ast.List):
            self._unpack(frame, target.elts, value)
        elif isinstance(target, ast.Subscript):
            self._put(frame.value(target.value), frame.value(target.slice), value)
        elif isinstance(target, ast.Attribute):
            owner = frame.value(target.value)
            if isinstance(owner, Module):
                owner.scope.names[target.attr] = Binding(value, node, frame.document)
            elif isinstance(owner, Object):
                owner.names[target.attr] = Binding(value, node, frame.document)

    @staticmethod
    def _put(owner: Value, key: Value, value: Value) -> None:
        in_list = isinstance(owner, list) and isinstance(key, int) and -len(owner) <= key < len(owner)
        if in_list or (isinstance(owner, dict) and isinstance(key, str | int)):
            owner[key] = value

    def _unpack(self, frame: Standing, targets: Sequence[ast.expr], value: Value) -> None:
        row = self.items(value)
        starred = any(isinstance(target, ast.Starred) for target in targets)
        if isinstance(row, Unknown) or starred:
            row = [first_unknown(row if isinstance(row, Unknown) else None)] * len(targets)
        if len(row) != len(targets):
            raise RaisedError("ValueError")
        for target, item in zip(targets, row, strict=True):
            self.bind(frame, target.value if isinstance(target, ast.Starred) else target, item, None)

    def items(self, value: Value) -> list[Value] | Unknown:
        """What a loop over a value gives, or why that can't be told."""
        if isinstance(value, Unknown):
            return value
        if isinstance(value, File):
            return list(methods.call(value, "__iter__", [], {}))
        if type(value) in (list, tuple, set, frozenset, dict, Fields):
            vague = next((item for item in value if isinstance(item, Unknown)), None) if type(value) is list else None
            return list(value) if vague is None or len(value) > 1 else vague
        if isinstance(value, str):
            return [value[at] for at in range(len(value))]
        return Unknown("a loop over something computed")

    # -------------------------------------------------------------------------------------------- calls

    def seen(self, frame: Standing, node: ast.Call, function: Value, keywords: dict[str, Value]) -> None:
        """Note a call of `setup()`."""
        named = isinstance(node.func, ast.Name) and node.func.id == "setup"
        outside = isinstance(function, Opaque) and (named or function.name.endswith(".setup"))
        # One of several, by a condition: `from setuptools import setup` here, from distutils there.
        if outside or (named and isinstance(function, Unknown)):
            self.setups.append(SetupCall(node, keywords, frame))

    def apply(self, function: Value, arguments: list[Value], keywords: dict[str, Value]) -> Value:
        """The result of a call; raises RaisedError, TooMuchError."""
        self.step()
        if isinstance(function, Unknown):
            return function
        if isinstance(function, Opaque):
            return known.call(self, function.name, arguments, keywords)
        if isinstance(function, Method):
            return self._method(function.owner, function.name, arguments, keywords)
        if isinstance(function, Function):
            return self._function(function, arguments, keywords)
        if isinstance(function, Class):
            return self._object(function, arguments, keywords)
        return Unknown("a call of something computed")

    def _object(self, of: Class, arguments: list[Value], keywords: dict[str, Value]) -> Value:
        """An instance: a named tuple by its fields, else by what `__init__` assigns."""
        if of.fields is not None:
            defaults = {name: self.resolved(of.names[name].value) for name in of.fields if name in of.names}
            given = defaults | dict(zip(of.fields, arguments, strict=False)) | keywords
            return Fields(tuple(given.get(name, Unknown(f"the field `{name}`")) for name in of.fields), of)
        made = Object(of)
        init = of.names.get("__init__")
        if init is not None and isinstance(init.value, Function):
            self._function(init.value, [made, *arguments], keywords)
        return made

    def _method(self, owner: Value, name: str, arguments: list[Value], keywords: dict[str, Value]) -> Value:
        if isinstance(owner, Module):  # spec.loader.exec_module(module)
            return owner
        if isinstance(owner, Path) and name in ("read_text", "read_bytes", "open"):
            text = self.read(owner)
            return File(text, owner) if name == "open" and isinstance(text, Text) else text
        if isinstance(owner, Path) and name in ("exists", "is_file", "is_dir"):
            return self.exists(owner)
        if isinstance(owner, Instance):
            return self._instance(owner, name, arguments, keywords)
        if isinstance(owner, Parser):
            return parsers.call(self, owner, name, arguments, keywords)
        if isinstance(owner, Object | Fields) and name in owner.of.names:
            return self.apply(self.resolved(owner.of.names[name].value), [owner, *arguments], keywords)
        return methods.call(owner, name, arguments, keywords)

    def _instance(self, owner: Instance, name: str, arguments: list[Value], keywords: dict[str, Value]) -> Value:
        if owner.kind == "re.Pattern":
            return known.call(self, f"re.{name}", [owner, *arguments], keywords)
        if owner.kind == "incremental.Version" and name in ("public", "short", "base"):
            from relengtools.versions.evaluate.incremental import public

            return public(owner)
        return Unknown(f"`.{name}()` of {owner.kind}")

    def _function(self, function: Function, arguments: list[Value], keywords: dict[str, Value]) -> Value:
        if self.depth >= DEEPEST:
            raise TooMuchError
        node = function.node
        frame = Frame(self, Scope(outer=function.scope), function.module, self.lenient)
        self._parameters(frame, function, arguments, keywords)
        if isinstance(node, ast.Lambda):
            return frame.value(node.body)
        if any(isinstance(inner, ast.Yield | ast.YieldFrom | ast.Await) for inner in ast.walk(node)):
            return Unknown(f"{node.name}() is a generator")
        self.depth += 1
        value: Value = None
        try:
            self.block(frame, node.body)
        except Returned as returned:
            value = returned.value
        finally:
            self.depth -= 1
        return _agreed([value, *frame.returned], Unknown(f"what {node.name}() returns depends on a condition"))

    def _parameters(self, frame: Frame, function: Function, arguments: list[Value], keywords: dict[str, Value]) -> None:
        spec = function.node.args
        outer = Frame(self, function.scope, function.module)
        names = [parameter.arg for parameter in (*spec.posonlyargs, *spec.args)]
        values = dict(zip(names[len(names) - len(spec.defaults) :], spec.defaults, strict=True))
        given: dict[str, Value] = {name: outer.value(default) for name, default in values.items()}
        for parameter, default in zip(spec.kwonlyargs, spec.kw_defaults, strict=True):
            if default is not None:
                given[parameter.arg] = outer.value(default)
        given |= dict(zip(names, arguments, strict=False)) | keywords
        if spec.vararg:
            given[spec.vararg.arg] = tuple(arguments[len(names) :])
        if spec.kwarg:
            given[spec.kwarg.arg] = {key: value for key, value in keywords.items() if key not in names}
        for name in (*names, *(parameter.arg for parameter in spec.kwonlyargs)):
            given.setdefault(name, Unknown(f"the parameter `{name}`"))
        frame.scope.names = {name: Binding(value) for name, value in given.items()}

    # -------------------------------------------------------------------------------------------- modules and blocks

    def run(self, module: Module) -> None:
        """Evaluate a module, once; what can't be followed in it leaves its later names unknown."""
        if module.state != "new":
            return
        module.state = "running"
        try:
            body = python.parse(module.document.source).body
        except UnreadableError:
            module.state = "failed"
            return
        try:
            self.block(Frame(self, module.scope, module, lenient=module.name == "__main__"), body)
            module.state = "done"
        except RaisedError as error:
            module.state, module.failure = "failed", f": evaluating it raises {error.kind}{error.about}"
        except (TooMuchError, RecursionError, Returned, Jumped):
            module.state, module.failure = "failed", ": it takes more than a static reading is worth"

    def block(self, frame: Frame, body: Iterable[ast.stmt]) -> None:
        """Execute statements in order; raises what they raise."""
        for statement in body:
            self.step()
            execute = getattr(self, f"_{type(statement).__name__}", None)
            if execute is None:
                continue
            try:
                execute(frame, statement)
            except RaisedError as error:
                if not frame.lenient:
                    raise
                self._leave_out(frame, statement, f"evaluating it raises {error.kind}{error.about}")
            except TooMuchError:
                if not frame.lenient or self.steps < 0:
                    raise
                self._leave_out(frame, statement, "it takes more than a static reading is worth")

    @staticmethod
    def _leave_out(frame: Frame, statement: ast.stmt, reason: str) -> None:
        frame.scope.vague = True
        why = Unknown(reason)
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                frame.scope.bind(node.id, Binding(why))

    def _Assign(self, frame: Frame, node: ast.Assign) -> None:
        value = frame.value(node.value)
        for target in node.targets:
            self.bind(frame, target, value, node.value)

    def _AnnAssign(self, frame: Frame, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.bind(frame, node.target, frame.value(node.value), node.value)

    def _AugAssign(self, frame: Frame, node: ast.AugAssign) -> None:
        value = frame.value(node.value)
        if not isinstance(node.target, ast.Name):
            return
        old = frame.value(ast.Name(node.target.id, ast.Load()))
        unknown = next((v for v in (old, value) if isinstance(v, Unknown)), None)
        frame.scope.bind(node.target.id, Binding(unknown or binary(node.op, old, value), None, frame.document))

    def _Expr(self, frame: Frame, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):
            frame.value(node.value)

    def _Return(self, frame: Frame, node: ast.Return) -> None:
        raise Returned(None if node.value is None else frame.value(node.value))

    def _Global(self, frame: Frame, node: ast.Global) -> None:
        frame.scope.globals_.update(node.names)

    def _Break(self, frame: Frame, node: ast.Break) -> None:
        raise Jumped(False)

    def _Continue(self, frame: Frame, node: ast.Continue) -> None:
        raise Jumped(True)

    def _Delete(self, frame: Frame, node: ast.Delete) -> None:
        for target in node.targets:
            if isinstance(target, ast.Name):
                frame.scope.names.pop(target.id, None)

    def _FunctionDef(self, frame: Frame, node: ast.FunctionDef) -> None:
        value: Value = Function(node, frame.scope, frame.module)
        for decorator in node.decorator_list:
            by = frame.value(decorator.func if isinstance(decorator, ast.Call) else decorator)
            if by == Opaque("builtins.property") and isinstance(value, Function):
                value = Property(value)
            elif not isinstance(by, Opaque) or by.name.removeprefix("builtins.") not in _SAME:
                value = Unknown(f"{node.name}() is decorated")
        frame.scope.bind(node.name, Binding(value))

    def _ClassDef(self, frame: Frame, node: ast.ClassDef) -> None:
        inner = Frame(self, Scope(outer=frame.scope), frame.module)
        self.block(inner, node.body)
        bases = {ast.unparse(base).rpartition(".")[2] for base in (*node.bases, *node.decorator_list)}
        fields = None
        if any(base.startswith(("NamedTuple", "dataclass")) for base in bases):
            parts = (part.target for part in node.body if isinstance(part, ast.AnnAssign))
            fields = tuple(part.id for part in parts if isinstance(part, ast.Name))
        frame.scope.bind(node.name, Binding(Class(node.name, inner.scope.names, fields)))

    def _Import(self, frame: Frame, node: ast.Import) -> None:
        for alias in node.names:
            module = self.import_(alias.name)
            top = alias.name.partition(".")[0]
            value = module if alias.asname or "." not in alias.name else self.import_(top)
            frame.scope.bind(alias.asname or top, Binding(value))

    def _ImportFrom(self, frame: Frame, node: ast.ImportFrom) -> None:
        module = self._from(frame.module, node)
        for alias in node.names:
            if alias.name == "*":
                frame.module.starred.append(module)
                continue
            value: Value = module
            if isinstance(module, Module):
                itself = self._submodule(module, alias.name) if module is frame.module else None
                value = Deferred(module, alias.name) if itself is None else itself
            elif isinstance(module, Opaque):
                value = self.outside(f"{module.name}.{alias.name}")
            frame.scope.bind(alias.asname or alias.name, Binding(value))

    def _from(self, module: Module, node: ast.ImportFrom) -> Value:
        if not node.level:
            return self.import_(node.module or "")
        folder = module.path.parent
        for _ in range(node.level - 1):
            folder = folder.parent
        base = folder / (node.module or "").replace(".", "/") if node.module else folder
        for file in (base / "__init__.py", base.with_name(f"{base.name}.py")):
            if self.exists(file) is True:
                return self.module_at(file, node.module or folder.name)
        if base.is_dir():
            return Opaque(node.module or base.name)
        raise RaisedError("ModuleNotFoundError")

    def _With(self, frame: Frame, node: ast.With) -> None:
        for item in node.items:
            value = frame.value(item.context_expr)
            if not isinstance(value, File):
                value = value if isinstance(value, Unknown) else Unknown("what a context manager gives")
            if item.optional_vars is not None:
                self.bind(frame, item.optional_vars, value, None)
        self.block(frame, node.body)

    def _Raise(self, frame: Frame, node: ast.Raise) -> None:
        raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        raise RaisedError(raised.id if isinstance(raised, ast.Name) else "Exception")

    def _If(self, frame: Frame, node: ast.If) -> None:
        true = truth(frame.value(node.test))
        if isinstance(true, Unknown):
            self.either(frame, [node.body, node.orelse], true)
        else:
            self.block(frame, node.body if true else node.orelse)

    def _While(self, frame: Frame, node: ast.While) -> None:
        while not isinstance(true := truth(frame.value(node.test)), Unknown):
            if not true:
                return self.block(frame, node.orelse)
            try:
                self.block(frame, node.body)
            except Jumped as jumped:
                if not jumped.further:
                    return None
        return self.either(frame, [node.body, []], true)

    def _For(self, frame: Frame, node: ast.For) -> None:
        row = self.items(frame.value(node.iter))
        if isinstance(row, Unknown):
            for name in _stored(node.target):
                frame.scope.bind(name, Binding(row))
            return self.either(frame, [node.body, node.orelse], row)
        for item in row:
            self.bind(frame, node.target, item, None)
            try:
                self.block(frame, node.body)
            except Jumped as jumped:
                if not jumped.further:
                    return None
        return self.block(frame, node.orelse)

    def _Try(self, frame: Frame, node: ast.Try) -> None:
        try:
            lenient, frame.lenient = frame.lenient, False
            try:
                self.block(frame, node.body)
            finally:
                frame.lenient = lenient
        except RaisedError as error:
            handler = next((h for h in node.handlers if _catches(frame, h, error.kind)), None)
            if handler is None:
                self.block(frame, node.finalbody)
                raise
            if handler.name:
                frame.scope.bind(handler.name, Binding(Unknown("an exception")))
            self.block(frame, handler.body)
        else:
            self.block(frame, node.orelse)
        self.block(frame, node.finalbody)

    def either(self, frame: Frame, branches: Sequence[Sequence[ast.stmt]], why: Unknown) -> None:
        """Execute branches of which nobody knows which one runs, and keep what all that end normally agree on."""
        before = _copy(frame.scope)
        self.steps -= len(branches) * sum(map(len, before))
        ends: list[list[dict[str, Binding]]] = []
        returned: list[Value] = []
        for branch in branches:
            _restore(frame.scope, before)
            try:
                self.block(frame, branch)
                ends.append(_copy(frame.scope))
            except Returned as done:
                returned.append(done.value)
            except (RaisedError, Jumped):
                continue
        _restore(frame.scope, before)
        if returned and not ends:
            raise Returned(_agreed(returned, why))
        frame.returned += returned
        if ends:
            _restore(frame.scope, ends[0] if len(ends) == 1 else _merged(ends, why))


def _stored(target: ast.expr) -> list[str]:
    return [node.id for node in ast.walk(target) if isinstance(node, ast.Name)]


def _catches(frame: Frame, handler: ast.ExceptHandler, kind: str) -> bool:
    if handler.type is None:
        return True
    names = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    raised = getattr(builtins, kind, Exception)
    for name in names:
        last = name.attr if isinstance(name, ast.Attribute) else getattr(name, "id", "")
        caught = getattr(builtins, last, None)
        if isinstance(caught, type) and isinstance(raised, type) and issubclass(raised, caught):
            return True
    return False


def _copy(scope: Scope) -> list[dict[str, Binding]]:
    """The names of a scope and of those around it, with plain containers of their own."""
    found: list[dict[str, Binding]] = []
    inner: Scope | None = scope
    while inner is not None:
        found.append({n: Binding(_own(b.value), b.node, b.document) for n, b in inner.names.items()})
        inner = inner.outer
    return found


def _own(value: Value) -> Value:
    if type(value) is list:
        return [_own(item) for item in value]
    if type(value) is dict:
        return {key: _own(item) for key, item in value.items()}
    return File(value.text, value.path) if isinstance(value, File) else value


def _restore(scope: Scope, names: list[dict[str, Binding]]) -> None:
    inner: Scope | None = scope
    for each in names:
        assert inner is not None
        inner.names.clear()
        inner.names.update({n: Binding(_own(b.value), b.node, b.document) for n, b in each.items()})
        inner = inner.outer


def _merged(ends: list[list[dict[str, Binding]]], why: Unknown) -> list[dict[str, Binding]]:
    for level, names in enumerate(ends[0]):
        for name in {name for end in ends for name in end[level]}:
            found = [end[level].get(name) for end in ends]
            value = _agreed([b.value if b else Unknown(f"`{name}` may not be assigned") for b in found], why)
            first = next(binding for binding in found if binding)
            names[name] = Binding(value, first.node, first.document)
    return ends[0]


def _agreed(values: list[Value], why: Unknown) -> Value:
    """What several branches leave of a value: dictionaries and lists are compared element by element."""
    first = values[0]
    if all(value is first or same(first, value) for value in values):
        return first
    if all(type(value) is dict for value in values):
        keys = dict.fromkeys(key for value in values for key in value)
        return {key: _agreed([value.get(key, why) for value in values], why) for key in keys}
    if all(type(value) is list for value in values) and len({len(value) for value in values}) == 1:
        return [_agreed(list(row), why) for row in zip(*values, strict=True)]
    return first_unknown(*values, why)
