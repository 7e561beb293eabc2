"""Statements, evaluated as far as they can be without running them."""

import ast
import builtins
import sys
from collections.abc import Callable, Iterable, Sequence

from relengtools.versions.evaluate import classes, havoc
from relengtools.versions.evaluate.expressions import Expressions
from relengtools.versions.evaluate.heap import Broken, Jumped, Outcome, Returned
from relengtools.versions.evaluate.operators import changes_in_place, in_place, truth
from relengtools.versions.evaluate.scopes import bind, unbind
from relengtools.versions.evaluate.values import (
    File,
    Function,
    Opaque,
    RaisedError,
    Scope,
    TooMuchError,
    Unknown,
    UntoldError,
    Value,
    Wrapped,
)

_SAME = {"functools.wraps", "functools.total_ordering", "typing.no_type_check", "typing.final", "typing.overload"}
_WRAPPING = {"builtins.property", "builtins.staticmethod", "builtins.classmethod"}
_THERE = {"setuptools", "distutils"}
"""What can be imported in a build of setuptools."""
_ROUNDS = 8
"""How often a loop is gone through of which nobody knows how often it runs, until nothing new comes of it."""


class Frame(Expressions):
    """The statements of one call or module.

    In a `lenient` one a statement that surely raises is left out, and what it would bind is unknown: where a version is
    given at all, the code came through.
    """

    def block(self, body: Iterable[ast.stmt]) -> None:
        """Execute statements in order; raises RaisedError, Returned, Jumped, TooMuchError."""
        for statement in body:
            floor = self.run.share() if self.lenient else None
            try:
                self.run.step()
                self._execute(statement)
            except RaisedError as error:
                if not self.lenient:
                    raise
                self._leave_out(statement, f"evaluating it raises {error.kind}{error.about}")
            except (TooMuchError, RecursionError):
                if not self.lenient:
                    raise
                self._leave_out(statement, "it takes more than a static reading is worth")
            finally:
                if floor is not None:
                    self.run.floor = floor

    def _execute(self, statement: ast.stmt) -> None:
        execute = getattr(self, f"_{type(statement).__name__}", None)
        if execute is None:
            self._unfollowed(statement)
        else:
            execute(statement)

    def _leave_out(self, statement: ast.stmt, reason: str) -> None:
        self.run.doubts += 1
        havoc.statement(self.run.heap, self.scope, statement, Unknown(reason))

    def _unfollowed(self, statement: ast.stmt) -> None:
        self._leave_out(statement, f"{type(statement).__name__} isn't followed")
        for part in ast.walk(statement):
            if isinstance(part, ast.MatchAs | ast.MatchStar) and part.name:
                bind(self.run, self.scope, part.name, Unknown("`match` isn't followed"))

    # -------------------------------------------------------------------------------------------- simple statements

    def _Pass(self, node: ast.Pass) -> None:
        """Nothing."""

    _Global = _Nonlocal = _Pass

    def _Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):
            self.value(node.value)

    def _Assign(self, node: ast.Assign) -> None:
        value = self.value(node.value)
        for target in node.targets:
            self.bind(target, value, node.value)

    def _AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.bind(node.target, self.value(node.value), node.value)

    def _AugAssign(self, node: ast.AugAssign) -> None:
        target = node.target
        if isinstance(target, ast.Name):
            old = self.value(ast.Name(target.id, ast.Load()))
            self.bind(target, self._changed(node.op, old, self.value(node.value)))
            return
        owner = self.value(target.value)
        if isinstance(target, ast.Attribute):
            old = self.run.get(owner, target.attr)
            self.run.put(owner, target.attr, self._changed(node.op, old, self.value(node.value)))
        elif isinstance(owner, list | dict):
            key = self.value(target.slice) if not isinstance(target.slice, ast.Slice) else Unknown("a part")
            old = self.element(owner, key)
            self.put(owner, key, self._changed(node.op, old, self.value(node.value)))
        else:
            self.value(node.value)
            self.run.disturb(owner)

    def _changed(self, op: ast.operator, old: Value, value: Value) -> Value:
        """What `old op= value` leaves."""
        if isinstance(old, Unknown) or isinstance(value, Unknown) or not changes_in_place(op, old):
            if not isinstance(old, str | int | float | tuple):
                self.run.disturb(old)
            return self.combined(op, old, value)
        if isinstance(old, list):
            self.run.apply(self.run.get(old, "extend"), [value], {})
            return old
        if isinstance(old, dict) and isinstance(op, ast.BitOr):
            self.run.apply(self.run.get(old, "update"), [value], {})
            return old
        self.run.heap.touch(old)
        return in_place(op, old, value)

    def _Return(self, node: ast.Return) -> None:
        raise Returned(None if node.value is None else self.value(node.value))

    def _Break(self, node: ast.Break) -> None:
        raise Jumped(False)

    def _Continue(self, node: ast.Continue) -> None:
        raise Jumped(True)

    def _Delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            if isinstance(target, ast.Name):
                if not unbind(self.run, self.scope, target.id):
                    raise RaisedError("NameError", target.id)
            elif isinstance(target, ast.Subscript):
                self._delete(self.value(target.value), target.slice)
            else:
                self._unfollowed(node)

    def _delete(self, owner: Value, at: ast.expr) -> None:
        key = None if isinstance(at, ast.Slice) else self.value(at)
        if isinstance(owner, dict) and isinstance(key, str | int):
            taken = self.run.apply(self.run.get(owner, "pop"), [key], {})
            self.run.doubts += isinstance(taken, Unknown)
        else:
            self.run.disturb(owner)

    def _Assert(self, node: ast.Assert) -> None:
        true = truth(self.value(node.test))
        if true is False:
            raise RaisedError("AssertionError")

    def _Raise(self, node: ast.Raise) -> None:
        if node.exc is None:
            raise RaisedError("Exception", certain=False)
        raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        if isinstance(node.exc, ast.Call):
            for argument in node.exc.args:
                self.value(argument)
        value = self.value(raised)
        if isinstance(value, Opaque) and value.name.startswith("builtins."):
            raise RaisedError(value.name.removeprefix("builtins."))
        name = raised.id if isinstance(raised, ast.Name) else "Exception"
        raise RaisedError(name, kinds=(name,), certain=False)

    # -------------------------------------------------------------------------------------------- definitions

    def _FunctionDef(self, node: ast.FunctionDef) -> None:
        decorators = [self.value(each) for each in node.decorator_list]
        value: Value = Function(node, self.scope, self.module, self.defaults(node.args))
        for by, each in zip(reversed(decorators), reversed(node.decorator_list), strict=True):
            value = self._decorated(value, by, each)
        bind(self.run, self.scope, node.name, value)

    _AsyncFunctionDef = _FunctionDef

    def _decorated(self, value: Value, by: Value, node: ast.expr) -> Value:
        if isinstance(by, Opaque) and by.name in _WRAPPING and isinstance(value, Function):
            return Wrapped(by.name.removeprefix("builtins."), value)
        name = self.value(node.func) if isinstance(node, ast.Call) else by
        if isinstance(name, Opaque) and name.name in _SAME:
            return value
        if isinstance(by, Function):
            return self.run.apply(by, [value], {})
        return Unknown("a function that is decorated", holds=(value, by))

    def _ClassDef(self, node: ast.ClassDef) -> None:
        bind(self.run, self.scope, node.name, classes.define(self, node))

    def body_of(self, node: ast.ClassDef, scope: Scope) -> None:
        """Evaluate a class's body in a scope of its own."""
        type(self)(self.run, scope, self.module).block(node.body)

    def _Import(self, node: ast.Import) -> None:
        for alias in node.names:
            module = self.run.import_(alias.name)
            self._doubted(module)
            top = alias.name.partition(".")[0]
            value = module if alias.asname or "." not in alias.name else self.run.import_(top)
            bind(self.run, self.scope, alias.asname or top, value)

    def _doubted(self, module: Value) -> None:
        """What is neither Python's nor setuptools' may not be installed."""
        top = module.name.partition(".")[0] if isinstance(module, Opaque) else ""
        self.run.doubts += not (top in sys.stdlib_module_names or top in _THERE)

    def _ImportFrom(self, node: ast.ImportFrom) -> None:
        module = self.run.import_from(self.module, node)
        self._doubted(module)
        for alias in node.names:
            if alias.name == "*":
                self.run.star(self.module, self.scope, module)
                continue
            bind(self.run, self.scope, alias.asname or alias.name, self.run.imported(self.module, module, alias.name))

    # -------------------------------------------------------------------------------------------- branches

    def _If(self, node: ast.If) -> None:
        true = truth(self.value(node.test))
        if isinstance(true, Unknown):
            self.run.doubts += 1
            self._either([node.body, node.orelse], true)
        else:
            self.block(node.body if true else node.orelse)

    def _either(self, branches: Sequence[Sequence[ast.stmt]], why: Unknown) -> None:
        """Execute branches of which nobody knows which one runs, and keep what all that end normally agree on.

        One that surely raises isn't the one that runs, where the code came through.
        """
        attempt = self.run.heap.attempt
        outcomes = [outcome for branch in branches for outcome in attempt(lambda branch=branch: self._strictly(branch))]  # type: ignore[misc]
        self.run.heap.proceed(outcomes, why)

    def _With(self, node: ast.With) -> None:
        swallows = None
        for item in node.items:
            value = self.value(item.context_expr)
            swallows = self._swallows(item.context_expr, value) or swallows
            if not isinstance(value, File | Unknown):
                value = Unknown("what a context manager gives", holds=(value,))
            if item.optional_vars is not None:
                self.bind(item.optional_vars, value)
        if swallows is None:
            self.block(node.body)
        else:
            self._guarded(lambda: self._strictly(node.body), [lambda: None], swallows, lambda error: [0, None])

    def _swallows(self, node: ast.expr, value: Value) -> Unknown | None:
        """Whether a context manager may keep an exception to itself: files don't, and few of Python's own."""
        if isinstance(value, File):
            return None
        maker = self.value(node.func) if isinstance(node, ast.Call) else None
        top = maker.name.partition(".")[0] if isinstance(maker, Opaque) else ""
        if top in sys.stdlib_module_names and top not in ("contextlib", "unittest"):
            return None
        return value if isinstance(value, Unknown) else Unknown("what a context manager gives")

    # -------------------------------------------------------------------------------------------- loops

    def _While(self, node: ast.While) -> None:
        def go() -> None:
            while True:
                true = truth(self.value(node.test))
                if isinstance(true, Unknown):
                    self._perhaps_often(lambda: self._strictly(node.body), node.test, true)
                    break
                if not true:
                    break
                self._round(node.body)

        self._whole(go, node.orelse)

    def _For(self, node: ast.For) -> None:
        row = self.value(node.iter)

        def go() -> None:
            try:
                for item in self.run.items(row):
                    self.run.step()
                    self.bind(node.target, item)
                    self._round(node.body)
            except UntoldError as error:
                unknown = error.unknown
                self.run.disturb(row)

                def once() -> None:
                    self.bind(node.target, unknown)
                    self._strictly(node.body)

                self._perhaps_often(once, None, unknown)

        self._whole(go, node.orelse)

    def _whole(self, go: Callable[[], None], orelse: Sequence[ast.stmt]) -> None:
        """A whole loop: those ways out of it that a `break` took go on behind it, the others by its `else`."""
        heap, found = self.run.heap, list[Outcome]()
        for outcome in heap.attempt(go, keep=True):
            if outcome.end is None:
                found += heap.after(outcome, lambda: self.block(orelse)) if orelse else [outcome]
            else:
                found.append(_without(outcome, False))
        heap.proceed(found, Unknown("how a loop ends"))

    def _round(self, body: Sequence[ast.stmt]) -> None:
        """Once through a loop's body: those ways that a `continue` took go on with the next round."""
        outcomes = self.run.heap.attempt(lambda: self.block(body), keep=True)
        self.run.heap.proceed([_without(outcome, True) for outcome in outcomes], Unknown("how a loop goes on"))

    def _perhaps_often(self, body: Callable[[], None], test: ast.expr | None, why: Unknown) -> None:
        """A loop of which nobody knows how often it runs: until what it leaves no longer changes."""
        self.run.doubts += 1

        def once() -> None:
            outcomes = self.run.heap.attempt(body, keep=True)
            self.run.heap.proceed([_without(outcome, True) for outcome in outcomes], why)
            if test is not None:
                self.value(test)

        since = self.run.heap.clock
        for _ in range(_ROUNDS):
            outcomes = [*self.run.heap.attempt(lambda: None), *self.run.heap.attempt(once)]
            if self.run.heap.settled(since, outcomes, why):
                return
        raise TooMuchError

    # -------------------------------------------------------------------------------------------- exceptions

    def _Try(self, node: ast.Try) -> None:
        def body() -> None:
            self._guarded(
                lambda: self._strictly(node.body),
                [lambda handler=handler: self._handle(handler) for handler in node.handlers],  # type: ignore[misc]
                Unknown("what an exception leaves"),
                lambda error: _candidates(node.handlers, error),
                lambda: self.block(node.orelse),
            )

        if node.finalbody:
            self._finally(body, node.finalbody)
        else:
            body()

    _TryStar = _Try

    def _strictly(self, body: Sequence[ast.stmt]) -> None:
        """What is tried may raise, and is not left out for it."""
        lenient, self.lenient = self.lenient, False
        try:
            self.block(body)
        finally:
            self.lenient = lenient

    def _handle(self, handler: ast.ExceptHandler) -> None:
        if handler.name:
            bind(self.run, self.scope, handler.name, Unknown("an exception"))
        self._strictly(handler.body)
        if handler.name:
            unbind(self.run, self.scope, handler.name)

    def _guarded(
        self,
        body: Callable[[], None],
        handlers: Sequence[Callable[[], None]],
        why: Unknown,
        candidates: "Callable[[RaisedError | None], list[int | None]]",
        orelse: Callable[[], None] = lambda: None,
    ) -> None:
        """Execute what is in a `try`; of what raised surely the handler, of what may have raised all that may fit."""
        doubts, heap = self.run.doubts, self.run.heap
        outcomes = heap.attempt(body)
        doubted = self.run.doubts > doubts or any(isinstance(outcome.end, Broken) for outcome in outcomes)
        found: list[Outcome] = []
        for outcome in outcomes:
            if isinstance(outcome.end, RaisedError):
                for at in candidates(outcome.end):
                    found += [outcome] if at is None else heap.after(outcome, handlers[at])
            elif not isinstance(outcome.end, Broken):
                found += heap.after(outcome, orelse) if outcome.end is None else [outcome]
        if doubted:
            interrupted = heap.interrupted(outcomes)
            for at in candidates(None):
                found += [Outcome(Broken(), interrupted.state)] if at is None else heap.after(interrupted, handlers[at])
        heap.proceed(found, why)

    def _finally(self, body: Callable[[], None], last: Sequence[ast.stmt]) -> None:
        """Execute the body, then what comes last whichever way the body ended."""
        found: list[Outcome] = []
        for outcome in self.run.heap.attempt(body):
            ended = self.run.heap.after(Outcome(None, outcome.state), lambda: self.block(last))
            found += [Outcome(outcome.end, each.state) if each.end is None else each for each in ended]
        self.run.heap.proceed(found, Unknown("how a `finally` was reached"))


def _without(outcome: Outcome, further: bool) -> Outcome:
    """An outcome, as it looks where a jump of this kind has got."""
    end = outcome.end
    reached = isinstance(end, Jumped) and end.further == further
    return Outcome(None, outcome.state) if reached else outcome


def _candidates(handlers: Sequence[ast.ExceptHandler], error: RaisedError | None) -> list[int | None]:
    """The handlers that may get an exception (None: any); without a number where it may go on."""
    found: list[int | None] = []
    for at, handler in enumerate(handlers):
        fits = True if handler.type is None else _fits(handler.type, error)
        if fits is not False:
            found.append(at)
        if fits is True and error is not None:
            return found
    return [*found, None]


def _fits(kind: ast.expr, error: RaisedError | None) -> bool | None:
    """Whether `except kind` catches an exception; None where that can't be told."""
    fits = [_one_fits(each, error) for each in (kind.elts if isinstance(kind, ast.Tuple) else [kind])]
    return True if True in fits else None if None in fits else False


def _one_fits(kind: ast.expr, error: RaisedError | None) -> bool | None:
    name = kind.attr if isinstance(kind, ast.Attribute) else kind.id if isinstance(kind, ast.Name) else ""
    known = getattr(builtins, name, None)
    if error is None:
        return None
    if name in error.kinds or (isinstance(known, type) and known.__name__ in error.kinds):
        return True
    if not error.certain:
        return True if name in ("Exception", "BaseException") else None
    return False if isinstance(known, type) else None
