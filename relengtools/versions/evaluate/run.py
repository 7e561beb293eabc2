"""What the parts of the interpreter need of one another."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from relengtools.versions.evaluate.heap import Heap
from relengtools.versions.evaluate.values import Module, Scope, Text, Unknown, Value


class Run(Protocol):
    """One interpreter, as the expressions, statements and functions that it evaluates see it."""

    root: Path
    heap: Heap
    path: list[Value]
    where: dict[str, Value]
    environ: dict[str, Value]
    doubts: int
    floor: int
    lenient: bool
    whole: bool
    asked: set[str]
    depth: int

    def step(self, work: int = 1) -> None:
        """Count a piece of work; raises TooMuchError."""

    def share(self, hasty: bool = False) -> int:
        """Let what comes have only its part of the work; the floor before, to be put back."""

    def patience(self) -> float:
        """How long regular expressions may still take, in seconds; raises TooMuchError."""

    def impatient(self, seconds: float) -> None:
        """Count what a regular expression has taken."""

    def locate(self, path: str | Path) -> Path:
        """A path as the code under evaluation has it, made absolute; raises UntoldError."""

    def read(self, path: str | Path) -> Text | Unknown:
        """The text of a file in the tree; raises RaisedError where there is none."""

    def exists(self, path: str | Path, kind: str = "exists") -> bool | Unknown:
        """Whether there is such a file or folder in the tree."""

    def module_at(self, path: str | Path, name: str) -> Value:
        """The file as a module; raises RaisedError where there is none."""

    def import_(self, name: str) -> Value:
        """The module of this name, from the tree or from outside; raises RaisedError."""

    def lookup(self, scope: Scope, module: Module, name: str) -> Value:
        """The value of a name; raises RaisedError where there is none."""

    def import_from(self, module: Module, node: ast.ImportFrom) -> Value:
        """The module that a `from … import` in `module` names; raises RaisedError."""

    def imported(self, into: Module, module: Value, name: str) -> Value:
        """What `from module import name` binds."""

    def star(self, into: Module, scope: Scope, module: Value) -> None:
        """`from module import *`."""

    def loaded(self, name: str) -> Value:
        """The module of this name in `sys.modules`."""

    def execute(self, text: Value, globals_: dict[str, Value], locals_: dict[str, Value] | None) -> Value:
        """`exec(text, globals, locals)`."""

    def apply(self, function: Value, arguments: list[Value], keywords: dict[str, Value]) -> Value:
        """A call of any value; raises RaisedError."""

    def get(self, owner: Value, name: str) -> Value:
        """An attribute of any value; raises RaisedError where there surely is none."""

    def put(self, owner: Value, name: str, value: Value) -> None:
        """Assign to an attribute of any value."""

    def text(self, value: Value) -> Value:
        """`str(value)` where a class of the tree says what that is, else the value."""

    def items(self, value: Value) -> Iterator[Value]:
        """What a loop over a value gives; raises UntoldError."""

    def resolved(self, value: Value) -> Value:
        """What a deferred import stands for."""

    def disturb(self, *values: Value) -> None:
        """Forget what something unknown may change that gets hold of these values."""

    def hand_over(self, *values: Value) -> None:
        """Forget what a call of something unknown may change: these values, and those that such calls got before."""

    def seen(self, frame: Any, node: ast.Call, function: Value, keywords: dict[str, Value]) -> None:
        """Hear of a call."""
