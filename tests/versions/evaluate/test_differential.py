"""The law: whatever the evaluator claims, Python gives too, however the world outside the tree behaves."""

from pathlib import Path
from typing import Any

import pytest
from versions.evaluate import programs

from relengtools.versions.evaluate.interpreter import Interpreter
from relengtools.versions.evaluate.values import Bytes, Document, Fields, Module, Object, is_known, vague
from relengtools.versions.locate.source import Source

ROOT = Path("/nowhere")
UNTOLD = object()


def evaluated(program: str, name: str = "m") -> Module:
    """The program as a module, evaluated; that of the name `__main__` leniently, as setup.py is."""
    run = Interpreter(ROOT, ROOT, lambda path, is_python: None)
    path = ROOT / "m.py"
    module = Module(name, path, False, Document(Source("m.py", path, program.encode(), program))).known()
    run.modules[path] = module
    run.run(module)
    module.scope.names = {key: run.resolved(value) for key, value in module.scope.names.items()}
    return module


def claimed(value: Any) -> Any:
    """What is claimed of a value, in Python's own terms; UNTOLD where that is nothing, or not all."""
    if isinstance(value, Object):
        inner = {name: claimed(item) for name, item in value.names.items()}
        return UNTOLD if not value.of.plain or UNTOLD in inner.values() else inner
    if not is_known(value) or vague(value) is not None:
        return UNTOLD
    return plain(value)


def plain(value: Any) -> Any:
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, Bytes):
        return value.text.encode()
    if isinstance(value, list | tuple | set) and not isinstance(value, Fields):
        return type(value)(map(plain, value))
    if isinstance(value, dict):
        return {plain(key): plain(item) for key, item in value.items()}
    return value


def really(value: Any) -> Any:
    return dict(vars(value)) if type(value).__name__ == "C" else value


def violations(program: str, seeds: range, name: str = "m") -> list[str]:
    """What is claimed of the program and isn't so in some run of it."""
    module = evaluated(program, name)
    found = []
    for seed in seeds:
        names = programs.run(program, seed)
        if names is None:
            continue
        if name == "m" and "evaluating it raises" in module.failure:
            found.append(f"run {seed}: it surely raises{module.failure}")
        for key, value in module.scope.names.items():
            told = claimed(value)
            if told is UNTOLD or key.startswith("__"):
                continue
            real = really(names.get(key, UNTOLD))
            if type(told) is not type(real) or repr(told) != repr(real):
                found.append(f"run {seed}: {key} is {told!r}, really {real!r}")
    return found


@pytest.mark.parametrize("start", range(0, 400, 40))
def test_no_claim_is_wrong(start: int) -> None:
    for seed in range(start, start + 40):
        program = programs.Maker(seed).program()
        for name in ("m", "__main__"):
            assert violations(program, range(8), name) == [], program
