"""Hostile setup.py files: none hangs, eats memory, ends the program or gets anything read outside its tree."""

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from relengtools.versions.discover import discover
from relengtools.versions.evaluate import regex
from relengtools.versions.evaluate.values import RaisedError, TooMuchError
from relengtools.versions.project import read

NESTED = "".join(f"{' ' * i}if os.a{i}:\n" for i in range(60)) + " " * 60 + "v = '2'\n"
COSTLY = {
    "a string that doubles": "v = 'a'\nfor i in range(100): v = v + v",
    "a list that doubles": "x = [0]\nwhile True: x = x + x\nv = 1",
    "a list that grows while it is read": "x = [1]\nfor i in x: x.append(i)\nv = str(x)",
    "a number that squares": "v = 1\nfor i in range(5000): v = v * v + 3",
    "a power": "v = 10 ** 10 ** 10",
    "a shift": "v = str(1 << 99999999)",
    "a width": "v = '%99999999d' % 1",
    "a width from the arguments": "v = '%*d' % (99999999, 1)",
    "a width in braces": "v = '{:{w}}'.format(1, w=99999999)",
    "a width in an f-string": "v = f'{1:>999999999}'",
    "padding": "v = 'x'.ljust(999999999) + 'x'.zfill(99999999)",
    "bytes by their number": "v = bytes(10 ** 9)",
    "a long list": "v = [0] * 10 ** 9",
    "a long range": "v = list(range(10 ** 8))",
    "loops in loops": "v = ''\nfor i in range(9999):\n  for j in range(9999): v = str(j)",
    "a comprehension": "v = '.'.join(a for b in range(3000) for c in range(3000) for a in 'x')",
    "copies of a large string": "a = 'x' * 900000\nfor i in range(9999): v = a + 'y'",
    "a recursion": "def f(n): return f(n + 1)\nv = f(0)",
    "a tree of calls": "def f(n):\n  if os.q: f(n)\n  if os.r: f(n)\n  return f(n)\nv = f(1)",
    "a combinator": "v = (lambda f: f(f))(lambda f: f(f))",
    "a dictionary in itself": "v = {}\nv['v'] = v\nv = str(v)",
    "a list in itself": "v = []\nv.append(v)\nv = str(v)",
    "a class that prints itself": "class A:\n  def __str__(self): return str(self)\nv = str(A())",
    "conditions in conditions": NESTED + "v = str(os.x)",
    "conditions side by side": "\n".join(f"if os.a{i}: v = str({i})" for i in range(1500)),
    "an expression that backtracks": "v = re.match('(a+)+$', 'a' * 50 + 'b').group()",
    "one that changes": "v = re.sub('(a|aa)+$', '', 'a' * 60 + 'b')",
    "many that backtrack": "for i in range(99): v = re.match('(a+)+$', 'a' * 50 + 'b')",
    "JSON in JSON": "import json\nv = json.loads('[' * 100000)",
    "a literal in brackets": "import ast\nv = ast.literal_eval('(' * 5000)",
    "exec of itself": "exec(open('setup.py').read())\nv = os.x",
    "an import of itself": "import setup as me\nv = me.v",
    "a module that isn't left": "import sys\nsys.path.append('/')\nimport etc.passwd as p\nv = p.v",
}
HEAD = "from setuptools import setup\nimport os, re\n"


def told(tree, text, **files):
    tree({"setup.py": f"{HEAD}{text}\nsetup(name='x', version=v)\n"} | files)
    (place,) = discover(["."]).places.values()
    return read(place)


@pytest.fixture
def little_memory():
    """600 MB more than there is now, for the process as a whole."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + 600_000_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.mark.timeout(120)
@pytest.mark.usefixtures("little_memory")
@pytest.mark.parametrize("text", COSTLY.values(), ids=COSTLY)
def test_little_stays_little(tree, text):
    found = told(tree, text)
    assert found.owner is None or text.startswith(("x = [0]", "x = [1]"))  # which never gets to `setup()`
    assert "\n" not in (found.reason or "")
    assert "MemoryError" not in (found.reason or "")


@pytest.mark.parametrize("text", ["'a' + " * 5000 + "'a'", "-" * 9000 + "1", "(" * 300 + ")" * 300, "'\0'"])
def test_what_python_refuses_to_parse_is_a_problem_of_its_file(tree, text):
    found = told(tree, f"v = {text}")
    assert found is None or found.owner is None


OUTSIDE = {
    "by its name": "open('/etc/hostname').read()",
    "upwards": "open('../out').read()",
    "by a link": "open('link').read()",
    "through a linked folder": "open('folder/out').read()",
    "as a module": "__import__('runpy').run_path('../out')['v']",
    "as bytes": "open('link', 'rb').read().decode()",
    "a device": "open('/dev/zero').read()",
    "a linked device": "open('zero').read()",
    "a pipe": "open('pipe').read()",
    "a folder": "open('.').read()",
    "a null character": "open('a\\0b').read()",
    "a name too long": f"open('{'a' * 5000}').read()",
    "whether it is there": "str(os.path.exists('../out'))",
    "whether a link leads there": "str(os.path.exists('link'))",
    "a link to itself": "open('circle').read()",
}


@pytest.mark.parametrize("text", OUTSIDE.values(), ids=OUTSIDE)
def test_nothing_outside_the_tree_is_read(tree, text):
    root = tree({"out": "1.0\n", "in/x": ""})
    (root / "in/link").symlink_to(root / "out")
    (root / "in/folder").symlink_to(root)
    (root / "in/zero").symlink_to("/dev/zero")
    (root / "in/circle").symlink_to("circle")
    os.mkfifo(root / "in/pipe")
    (root / "in/setup.py").write_text(f"{HEAD}setup(name='x', version={text})\n")
    found = read(next(iter(discover(["in"]).places.values())))
    assert found.owner is None
    assert found.reason


HERE = "os.path.basename(os.path.dirname(os.path.abspath(__file__)))"


def test_where_the_tree_lies_is_no_version(tree):
    root = tree({"x-1.2/y": ""})
    for text in ("os.path.basename(os.getcwd())", "os.path.abspath('.').split('-')[-1]", HERE):
        (root / "x-1.2/setup.py").write_text(f"{HEAD}setup(name='x', version={text})\n")
        found = read(next(iter(discover(["x-1.2"]).places.values())))
        assert found.owner is None or str(root) not in found.owner.value, text
        assert found.owner is None or "1.2" not in found.owner.value, text


def test_a_huge_file_is_not_read_for_a_version(tree):
    found = told(tree, "v = open('VERSION').read()", VERSION="1" * 3_000_000)
    assert "too long" in found.reason
    found = told(tree, f"x = '{'a' * 5_000_000}'\nv = '1.0'")
    assert found.owner is None
    assert "more Python" in found.problems[0].message


SLOW = ("(a+)+$", "a" * 50 + "b")


def test_an_expression_is_stopped_off_the_main_thread_too():
    raised = []

    def work():
        try:
            regex.search(*SLOW)
        except TooMuchError:
            raised.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(20)
    assert raised == [True]


def test_off_the_main_thread_the_same_is_found():
    found = []
    cases = [("(?P<v>[0-9.]+)", "a 1.0"), ("x", "a"), ("(", "a")]

    def work():
        for case in cases:
            try:
                found.append(regex.search(*case))
            except RaisedError:
                found.append("raised")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(20)
    assert [f and f != "raised" and f.group("v") for f in found] == ["1.0", None, False]


def test_an_alarm_that_was_set_before_still_rings():
    rung = []
    before = signal.signal(signal.SIGALRM, lambda *_: rung.append(True))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(TooMuchError):
            regex.search(*SLOW)
        time.sleep(0.2)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert rung == [True]


def test_the_next_project_sees_nothing_of_what_the_last_one_did(tree):
    first = "os.environ['V'] = '1'\nos.environ.update(W='1')\nimport sys\nsys.version_info = (1,)\nv = os.environ['V']"
    assert told(tree, first).owner.value == "1"
    assert told(tree, "v = os.environ.get('V', '2') + os.environ.get('W', '2')").owner.value == "22"
    assert told(tree, "import sys\nv = str(sys.version_info[0])").owner.value == "3"


def test_a_broken_link_or_a_locked_folder_is_told_of_and_the_rest_is_read(tree):
    """As somebody who isn't root, since root may read everything."""
    good = '[project]\nname = "g"\nversion = "1.0"\n'
    root = tree({"good/pyproject.toml": good, "np/setup.py": f"{HEAD}import np\nsetup(name='np', version=np.v)\n"})
    for name in ("pyproject.toml", "setup.cfg", "setup.py"):
        (root / f"loop-{name}").mkdir()
        (root / f"loop-{name}" / name).symlink_to(name)
    (root / "pkg").mkdir()
    (root / "pkg/pyproject.toml").write_text(good)
    (root / "pkg/g").symlink_to("g")
    (root / "np/np").mkdir()
    (root / "np/np/__init__.py").write_text("v = '1'\n")
    (root / "np/np").chmod(0)
    program = (
        "import os, sys; from relengtools import cli\n"
        "def run():\n"
        "    sys.argv = ['relengtools', 'versions', 'list']\n"
        "    try: cli.main()\n"
        "    except SystemExit as stopped: return stopped.code\n"
        "run()\n"
        "if os.getuid() == 0: os.seteuid(65534)\n"
        "print('--- code', run(), flush=True)\n"
    )
    for folder in (root, *root.parents):
        if folder.stat().st_uid == os.getuid() and folder != folder.parent:
            folder.chmod(folder.stat().st_mode | 0o5)
        if folder.name.startswith("pytest-of"):
            break
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=root, check=False)
    (root / "np/np").chmod(0o755)
    assert "Traceback" not in done.stderr
    assert "Permission denied" in done.stderr
    last = done.stdout.rpartition("PROJECT")[2]
    assert "good/pyproject.toml" in last
    assert "--- code 2" in last
    assert "pkg/pyproject.toml" in last
