"""Small Python programs, made at random from the subset that is evaluated, and what they really leave when they run.

A program may ask `outside`, a module that the evaluator knows nothing of: what that answers, raises, calls and changes
differs from run to run, so that whatever the evaluator claims has to hold for all of them.
"""

import random
import sys
from types import ModuleType
from typing import Any

STRINGS, NUMBERS, LISTS, DICTS = ("s", "t", "u"), ("i", "j"), ("x", "y"), ("d", "e")
HEAD = """import outside
s = t = u = 'a'
i, j = 1, 2
x = ['p', 'q']
y = x
d = {'k': 'v'}
e = d
class C:
    level = 'c'
    def __init__(self, name='n'):
        self.name = name
    def put(self, value):
        self.name = value
        return self
    @property
    def both(self):
        return self.name + self.level
    @staticmethod
    def still(value):
        return value * 2
    @classmethod
    def made(cls, value):
        return cls(value)
o = C()
f = lambda value='z': value + s
"""


class Maker:
    """Makes one program from a seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.depth = 0
        self.loops = 0
        self.functions = 0

    def program(self) -> str:
        return HEAD + self.block(self.random.randint(3, 9), 0)

    def pick(self, *choices: Any) -> Any:
        return self.random.choice(choices)

    # expressions

    def string(self, depth: int = 0) -> str:
        inner = lambda: self.string(depth + 1)  # noqa: E731
        simple = [
            lambda: repr(self.pick("a", "b", "1.0", "", "x-y", "A b", "é")),
            lambda: self.pick(*STRINGS),
        ]
        if depth > 2:
            return self.pick(*simple)()
        return self.pick(
            *simple,
            *simple,
            lambda: f"({inner()} + {inner()})",
            lambda: f"({inner()} * {self.pick(0, 1, 2)})",
            lambda: f"({inner()} if {self.condition()} else {inner()})",
            lambda: f"({inner()} or {inner()})",
            lambda: f"({inner()} and {inner()})",
            lambda: f"f'{{{self.pick(*STRINGS)}}}.{{{self.pick(*NUMBERS)}:02d}}'",
            lambda: f"'%s.%d' % ({inner()}, {self.number()})",
            lambda: f"'{{}}-{{0}}'.replace('{{}}', '').format({inner()})",
            lambda: f"'{{}}:{{!r}}'.format({inner()}, {inner()})",
            lambda: f"'.'.join({self.list_()})",
            lambda: f"'.'.join(n + {inner()} for n in {self.list_()})",
            lambda: f"'-'.join(map(str, ({self.number()}, {self.number()})))",
            lambda: f"{inner()}.{self.pick('upper()', 'strip()', 'lower()', 'title()', 'lstrip(`a`)')}".replace(
                "`", "'"
            ),
            lambda: f"{inner()}[{self.pick('0:1', '-1:', '::-1', '1:', '-2:-1')}]",
            lambda: f"{inner()}.split('-')[0]",
            lambda: f"{inner()}.partition('-')[{self.pick(0, 2)}]",
            lambda: f"str({self.number()})",
            lambda: f"{self.pick(*DICTS)}.get('k', {inner()})",
            lambda: f"str({self.pick(*DICTS)}['k'])" if self.random.random() < 0.3 else "str(d.get('q'))",
            lambda: f"str(x[{self.pick(0, -1)}])" if self.random.random() < 0.3 else "str(len(x))",
            lambda: f"(t := {inner()})" if depth == 0 else inner(),
            lambda: self.pick(
                "o.name", "o.both", "C.level", "o.level", "o.put('w').name", "C.still(s)", "C.made(t).both"
            ),
            lambda: f"f({self.pick('', inner())})",
            lambda: f"next((n for n in {self.list_()} if n), {inner()})",
            lambda: f"[n for n in [{self.string(3)}] for m in {self.list_()}][0:1].pop()" if depth == 0 else inner(),
            lambda: self.pick("outside.text", "outside.call(x)", "str(outside.value)"),
            lambda: f"repr({self.pick(*LISTS, *DICTS)})",
            lambda: f"sorted({self.list_()})[-1:].__len__().__str__()" if depth == 0 else inner(),
            lambda: f"(lambda q={inner()}: q + u)()",
            lambda: f"getattr(o, {self.pick('`name`', '`absent`')}, {inner()})".replace("`", "'"),
            lambda: f"(b'a' + {inner()}.encode()).decode()",
            lambda: f"str({self.condition()})",
            lambda: f"str({inner()} < {inner()} <= {inner()})",
        )()

    def number(self) -> str:
        return self.pick(
            "0", "1", "3", "i", "j", "i + j", "i * 2", "len(s)", "len(x)", "-i", "i // 2", "i % 3", "outside.value"
        )

    def list_(self) -> str:
        strings = lambda: self.string(2)  # noqa: E731
        return self.pick(
            lambda: f"[{strings()}, {strings()}]",
            lambda: "[]",
            lambda: f"[{strings()}, *{self.pick('(`m`, s)', '[]')}]".replace("`", "'"),
            lambda: f"[n + 'n' for n in ({strings()}, {strings()}) if n != {strings()}]",
            lambda: f"list({strings()})",
            lambda: f"sorted([{strings()}, {strings()}], reverse={self.pick(True, False)})",
            lambda: f"[{strings()}] * {self.pick(0, 2)}",
            lambda: f"list(reversed([{strings()}, {strings()}]))",
            lambda: f"[str(n) for n, m in enumerate({strings()}, 1)]",
        )()

    def dictionary(self) -> str:
        strings = lambda: self.string(2)  # noqa: E731
        return self.pick(
            lambda: f"{{'k': {strings()}, 'q': {strings()}}}",
            lambda: f"dict(k={strings()}, w={strings()})",
            lambda: f"{{**{self.pick(*DICTS)}, 'k': {strings()}}}",
            lambda: f"{{n: {strings()} for n in ('k', 'q')}}",
            lambda: f"{{{strings()}: 'm', 'k': {strings()}}}",
            lambda: f"dict(zip('kq', ({strings()}, {strings()})))",
        )()

    def condition(self) -> str:
        return self.pick(
            "outside.flag()",
            "outside.flag()",
            "s == t",
            "s",
            "i > 1",
            "'k' in d",
            "'p' in x",
            "not t",
            "s is None",
            "x is y",
            "d is e",
            "len(x) > 2",
            "x == ['p', 'q']",
            "isinstance(s, str)",
            "s.startswith('a')",
            "any(n for n in x)",
            "outside.value == 1",
            "hasattr(o, 'extra')",
        )

    # statements

    def block(self, size: int, indent: int, **where: bool) -> str:
        lines = "".join(self.statement(indent, **where) for _ in range(size))
        return lines or "    " * indent + "pass\n"

    def statement(self, indent: int, loop: bool = False, function: bool = False) -> str:
        pad = "    " * indent
        where = {"loop": loop, "function": function}
        choices = [self.simple] * 12
        if indent < 4:
            choices += [self.if_] * 5 + [self.for_, self.for_, self.while_, self.try_, self.try_, self.with_]
        if indent < 2 and not loop:
            choices += [self.function] * 3
        if loop and self.random.random() < 0.25:
            return pad + self.pick("break", "continue") + "\n"
        if function and self.random.random() < 0.1:
            return pad + f"return {self.string(1)}\n"
        made: str = self.pick(*choices)(indent, where)
        return made

    def simple(self, indent: int, where: dict[str, bool]) -> str:
        return "    " * indent + self.one() + "\n"

    def one(self) -> str:
        s, other, i = self.pick(*STRINGS), self.pick(*STRINGS), self.pick(*NUMBERS)
        x, d = self.pick(*LISTS), self.pick(*DICTS)
        return self.pick(
            lambda: f"{s} = {self.string()}",
            lambda: f"{s} = {self.string()}",
            lambda: f"{s} = {self.string()}",
            lambda: f"{s} += {self.string(1)}",
            lambda: f"{s}, {other} = {self.string(1)}, {self.string(1)}",
            lambda: f"{s}, *{x} = {self.list_()}" if self.random.random() < 0.5 else f"*{x}, {s} = 'ab'",
            lambda: f"{i} = {self.number()}",
            lambda: f"{i} {self.pick('+=', '-=', '*=')} {self.pick(1, 2)}",
            lambda: f"{x} = {self.list_()}",
            lambda: f"{x} = {self.pick('y', 'x[:]', 'list(y)', 'x + y', 'y.copy()', '[x][0]', '(x or y)')}",
            lambda: f"{x}.{self.pick('append', 'remove')}({self.string(1)})",
            lambda: f"{x}.{self.pick('reverse()', 'sort()', 'clear()', 'pop()', 'insert(0, `m`)')}".replace("`", "'"),
            lambda: f"{x} += {self.list_()}",
            lambda: f"{x}.extend({self.pick(self.list_(), 'x', '(n for n in y)')})",
            lambda: f"{x}[{self.pick('0', '-1', '1:', ':0')}] = {self.pick('[`r`]', '`rr`')}".replace("`", "'"),
            lambda: f"{x}[0] += {self.string(1)}",
            lambda: f"del {x}[{self.pick('0', '-1', ':1')}]",
            lambda: f"{d} = {self.dictionary()}",
            lambda: f"{d} = {self.pick('e', 'dict(e)', 'd.copy()', '(d and e)', '[d, e][0]')}",
            lambda: f"{d}[{self.pick('`k`', '`q`', 's', 'outside.text', 'i')}] = {self.string(1)}".replace("`", "'"),
            lambda: f"{d}['k'] += {self.string(1)}",
            lambda: f"{d}.update({self.pick(self.dictionary(), 'k=s', 'd', '[(`k`, t)]')})".replace("`", "'"),
            lambda: f"{s} = str({d}.{self.pick('pop(`k`, None)', 'setdefault(`q`, t)', 'get(`k`)')})".replace("`", "'"),
            lambda: f"{d} |= {self.dictionary()}",
            lambda: f"{d}['l'] = {x}",
            lambda: f"{d}.get('l', []).append({self.string(1)})",
            lambda: f"del {d}['k']",
            lambda: f"o.name = {self.string(1)}",
            lambda: f"o.{self.pick('extra', 'name')} = {self.string(1)}",
            lambda: f"C.level = {self.string(1)}",
            lambda: "o = C(s)",
            lambda: f"f = lambda value={self.string(1)}: value + {self.string(1)}",
            lambda: f"globals()[{self.pick('`s`', '`t`')}] = {self.string(1)}".replace("`", "'"),
            lambda: f"exec({self.pick('`s = t + `', '`t = `')!r} + repr({self.string(1)}), globals())".replace("`", ""),
            lambda: f"outside.call({self.pick(x, d, 'o', 'f', '[x]', '{`d`: d}', 'C', 'globals()', 's')})".replace(
                "`", "'"
            ),
            lambda: f"g = (n + s for n in {self.list_()})" if self.random.random() < 0.5 else f"{s} = next(g, 'end')",
            lambda: f"{s} = str({self.pick(x, d)})",
            lambda: f"{s} = ','.join(sorted({d}))",
            lambda: f"del {s}" if self.random.random() < 0.3 else f"{s} = 'back'",
            lambda: f"raise ValueError({self.string(2)})" if self.random.random() < 0.3 else "pass",
            lambda: f"assert {self.condition()}" if self.random.random() < 0.3 else "pass",
            lambda: f"{s} = h({self.string(1)})" if self.functions else "pass",
            lambda: "h()" if self.functions else "pass",
        )()

    def if_(self, indent: int, where: dict[str, bool]) -> str:
        pad = "    " * indent
        test = self.pick(self.condition(), "(u := s) and t", self.condition())
        made = f"{pad}if {test}:\n{self.block(self.random.randint(1, 2), indent + 1, **where)}"
        if self.random.random() < 0.5:
            made += f"{pad}else:\n{self.block(self.random.randint(1, 2), indent + 1, **where)}"
        return made

    def for_(self, indent: int, where: dict[str, bool]) -> str:
        pad = "    " * indent
        row = self.pick("'ab'", "outside.items()", "list(d)", "x[:3]", "range(2)", "('a', s)", "outside.items()")
        name = self.pick("n", "n", "s")
        body = self.block(self.random.randint(1, 3), indent + 1, **(where | {"loop": True}))
        made = f"{pad}for {name} in {row}:\n{body}"
        return made + self.orelse(indent, where)

    def while_(self, indent: int, where: dict[str, bool]) -> str:
        pad, self.loops = "    " * indent, self.loops + 1
        count = f"w{self.loops}"
        body = self.block(self.random.randint(1, 2), indent + 1, **(where | {"loop": True}))
        test = self.pick(f"{count} < 2", f"{count} < 2 and outside.flag()", f"{count} < 2 and {self.condition()}")
        return f"{pad}{count} = 0\n{pad}while {test}:\n{pad}    {count} += 1\n{body}" + self.orelse(indent, where)

    def orelse(self, indent: int, where: dict[str, bool]) -> str:
        if self.random.random() < 0.7:
            return ""
        return f"{'    ' * indent}else:\n{self.block(1, indent + 1, **where)}"

    def try_(self, indent: int, where: dict[str, bool]) -> str:
        pad = "    " * indent
        made = f"{pad}try:\n{self.block(self.random.randint(1, 3), indent + 1, **where)}"
        kinds = self.pick(
            ["ValueError"], ["KeyError", "ValueError"], ["(KeyError, IndexError)"], ["Exception as error"], []
        )
        for kind in kinds:
            made += f"{pad}except {kind}:\n{self.block(1, indent + 1, **where)}"
        if kinds and self.random.random() < 0.3:
            made += f"{pad}else:\n{self.block(1, indent + 1, **where)}"
        if not kinds or self.random.random() < 0.3:
            made += f"{pad}finally:\n{self.block(1, indent + 1)}"
        return made

    def with_(self, indent: int, where: dict[str, bool]) -> str:
        pad = "    " * indent
        return f"{pad}with outside.manager() as m:\n{self.block(self.random.randint(1, 2), indent + 1, **where)}"

    def function(self, indent: int, where: dict[str, bool]) -> str:
        pad, self.functions = "    " * indent, self.functions + 1
        default = self.pick("s", "x[0:1]", "'d'", "outside.text", "[]")
        made = f"{pad}def h(p={default}):\n"
        declared = self.pick("", "global s, i", "global x, d", "global s, t, u, i, j, x, y, d, e")
        made += f"{pad}    {declared}\n" if declared else ""
        made += f"{pad}    l = [p]\n{pad}    l.append('m')\n"
        if self.random.random() < 0.3:
            made += f"{pad}    v = 'v'\n{pad}    def inner():\n{pad}        nonlocal v\n"
            made += f"{pad}        v += str(p)\n{pad}    inner()\n"
            made += f"{pad}    d['v'] = v\n" if "d" not in declared else ""
        size = self.random.randint(1, 4)
        made += "".join(self.statement(indent + 1, function=True) for _ in range(size))
        return made + f"{pad}    return str({self.pick('l', 'p', 's', 'x')})\n"


class Outside(ModuleType):
    """What no evaluator can know: it answers by chance, raises, and changes what it gets hold of."""

    def __init__(self, seed: int) -> None:
        super().__init__("outside")
        self.chance = random.Random(seed)
        self.text = self.chance.choice(["k", "a", "zz", "s"])
        self.value = self.chance.randint(0, 2)
        self.kept: list[Any] = []
        self.busy = False

    def flag(self) -> bool:
        self.meddle()
        return self.chance.random() < 0.5

    def items(self) -> list[str]:
        self.meddle()
        return [self.chance.choice("abk") for _ in range(self.chance.randint(0, 3))]

    def call(self, *given: Any) -> str:
        self.kept += given
        self.meddle()
        if self.chance.random() < 0.15:
            raise self.chance.choice([ValueError, KeyError])("outside")
        return self.chance.choice(["a", "called"])

    def manager(self) -> Any:
        chance = self.chance

        class Manager:
            def __enter__(self) -> str:
                return "entered"

            def __exit__(self, *error: Any) -> bool:
                return chance.random() < 0.5

        return Manager()

    def meddle(self) -> None:
        """Change what was once handed over."""
        if self.busy:
            return
        self.busy = True
        try:
            for given in self.kept[:4]:
                if self.chance.random() < 0.3:
                    self.change(given, 0)
        finally:
            self.busy = False

    def change(self, given: Any, depth: int) -> None:
        if depth > 3:
            return
        if isinstance(given, list):
            for item in given[:3]:
                self.change(item, depth + 1)
            given.append("meddled")
        elif isinstance(given, dict):
            for key, item in list(given.items())[:30]:
                if isinstance(item, list | dict) and key != "__builtins__":
                    self.change(item, depth + 1)
            given["k" if "__name__" not in given else self.chance.choice("stu")] = "meddled"
        elif isinstance(given, type):
            given.level = "meddled"  # type: ignore[attr-defined]
        elif callable(given):
            given("m")
        elif hasattr(given, "name"):
            given.name = "meddled"


class _TooLongError(BaseException):
    """The program does not come to an end soon, or makes much of little."""


def _watch(names: dict[str, Any]) -> Any:
    """What stops a program that isn't small."""
    steps = 0

    def trace(frame: Any, event: str, given: Any) -> Any:
        nonlocal steps
        steps += 1
        large = any(isinstance(value, str | list | dict) and len(value) > 500 for value in names.values())
        if steps > 2000 or large:
            raise _TooLongError
        return trace

    return trace


def run(program: str, seed: int) -> dict[str, Any] | None:
    """The names that the program leaves if `outside` behaves like this; None where it raises, or isn't small."""
    names: dict[str, Any] = {"__name__": "m", "__file__": "m.py"}
    before, tracing = sys.modules.get("outside"), sys.gettrace()
    sys.modules["outside"] = Outside(seed)
    sys.settrace(_watch(names))
    try:
        exec(compile(program, "m.py", "exec"), names)
    except (Exception, _TooLongError):
        return None
    finally:
        sys.settrace(tracing)
        if before is None:
            del sys.modules["outside"]
    return names
