"""What the pieces of the evaluation need of the interpreter, which knows them all."""

import ast
from pathlib import Path
from typing import Protocol

from relengtools.versions.evaluate.values import Document, Module, Names, Scope, Text, Unknown, Value


class Standing(Protocol):
    """Code that stands in a scope of a module: a frame."""

    scope: Scope
    module: Module

    @property
    def document(self) -> Document:
        """The file that the code stands in."""

    def value(self, node: ast.expr) -> Value:
        """What an expression gives there."""


class Run(Protocol):
    """What the functions need of the interpreter."""

    root: Path

    def read(self, path: str | Path) -> Text | Unknown:
        """The text of a file in the tree; raises RaisedError where there is none."""

    def exists(self, path: str | Path) -> bool | Unknown:
        """Whether there is such a file or folder in the tree."""

    def module_at(self, path: str | Path, name: str) -> Value:
        """The file as a module."""

    def import_(self, name: str) -> Value:
        """The module of this name, from the tree or from outside."""

    def execute(self, text: Value, names: "dict[str, Value] | Names | None") -> Value:
        """`exec(text, names)`."""

    def apply(self, function: Value, arguments: list[Value], keywords: dict[str, Value]) -> Value:
        """A call of any value."""

    def get(self, owner: Value, name: str) -> Value:
        """An attribute of any value."""

    def text(self, value: Value) -> Value:
        """`str(value)` where a class of the tree says what that is, else the value."""

    def step(self) -> None:
        """Count a piece of work; raises TooMuchError."""

    def lookup(self, scope: Scope, module: Module, name: str) -> Value:
        """The value of a name; raises RaisedError where there is none."""

    def bind(self, frame: Standing, target: ast.expr, value: Value, node: ast.expr | None) -> None:
        """Assign to a name, a tuple, an attribute or an element."""

    def items(self, value: Value) -> list[Value] | Unknown:
        """What a loop over a value gives, or why that can't be told."""

    def seen(self, frame: Standing, node: ast.Call, function: Value, keywords: dict[str, Value]) -> None:
        """Note a call of `setup()`."""
