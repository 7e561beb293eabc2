"""Reading Python by its syntax tree."""

import ast

from relengtools.versions.locate import python


def test_statements_are_those_that_a_walk_finds():
    text = (
        "import a\n@d(lambda: 1)\nclass C:\n    def f(self):\n        global x, y\n"
        "        for _ in z: pass\n        else: del w\n"
        "async def g():\n    async with h: return\n    match q:\n        case 1: raise E\n        case _: assert t\n"
        "try: import b\nexcept E as e: from c import d\nelse: k = 1\nfinally:\n    while 1: break\n"
        "if p: pass\nelif r: n: int = 1\nelse: m += 1\n"
    )
    tree = ast.parse(text)
    found = {id(node) for node in python.statements(tree) if isinstance(node, ast.stmt)}
    assert found == {id(node) for node in ast.walk(tree) if isinstance(node, ast.stmt)}
    assert len(found) > 20
