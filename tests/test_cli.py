"""The program from outside: what every command has in common, exit codes, pipes, signals and help."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest

from relengtools import __version__, cli

ROOT = Path(__file__).parents[1]
PROGRAM = (sys.executable, "-m", "relengtools")
GROUPS = {"versions": cli.VERSIONS, "leaks": cli.LEAKS}
COMMANDS = [(group, name) for group, commands in GROUPS.items() for name in commands]


def program(*arguments: str, **options) -> subprocess.CompletedProcess[str]:
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "cwd": ROOT} | options
    return subprocess.run([*PROGRAM, *arguments], **options)


def command(group: str, name: str) -> click.Command:
    found = getattr(cli, group).get_command(click.Context(getattr(cli, group)), name)
    assert found is not None
    return found


def test_the_version() -> None:
    done = program("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"relengtools {__version__}\n", "")


def test_the_installed_script_is_the_same_program() -> None:
    script = Path(sys.executable).with_name("relengtools")
    done = subprocess.run([script, "-V"], capture_output=True, text=True)
    assert done.stdout == f"relengtools {__version__}\n"


@pytest.mark.parametrize("group", [(), *((group,) for group in GROUPS)])
def test_without_arguments_the_help_is_shown_and_nothing_is_done(group: tuple[str, ...]) -> None:
    done = program(*group)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == program(*group, "--help").stdout
    assert "Exit codes:" in done.stderr


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_lists_its_commands_each_in_one_line(group: str) -> None:
    text = program(group, "--help", env=os.environ | {"COLUMNS": "120"}).stdout
    listed = dict(re.findall(r"^  (\S+)  +(\S.*)$", text, re.MULTILINE))
    assert {name: listed.get(name) for name in GROUPS[group]} == {n: line for n, (_, line) in GROUPS[group].items()}


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("nope",), "No such command 'nope'"),
        (("leaks", "nope"), "No such command 'nope'"),
        (("leaks", "\x1b]0;evil\x07"), "No such command"),
        (("--nope",), "--nope"),
        (("leaks", "analyze", "--nope"), "--nope"),
        (("leaks", "analyze"), "RECORDING"),
        (("leaks", "analyze", "--output-format", "xml", "x"), "'xml'"),
        (("leaks", "record", "--interval", "soon", "--pid", "1"), "500ms, 10s, 5min, 2h or 7d"),
        (("leaks", "analyze", "no/such\x1bfile"), r"no/such\x1bfile: cannot be read: No such file or directory"),
    ],
)
def test_a_call_that_cannot_be_meant_is_one_line_and_2(arguments: tuple[str, ...], named: str) -> None:
    done = program(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert named in done.stderr
    assert done.stderr.startswith("relengtools")
    assert done.stderr.endswith("\n")
    assert done.stderr[:-1].isprintable()


# ------------------------------------------------------------------------------------------------ help


@pytest.mark.parametrize(("group", "name"), COMMANDS)
def test_help_says_what_a_command_does_and_what_each_option_is(group: str, name: str) -> None:
    found = command(group, name)
    context = click.Context(found, info_name=name, terminal_width=80)
    text = found.get_help(context)
    assert found.help
    assert found.name == name
    assert text.startswith(f"Usage: {name} ")
    for option in found.params:
        if isinstance(option, click.Option):
            assert option.help or option.default is not None, option.name
    assert max(map(len, text.splitlines())) <= 120


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_is_the_answer_and_goes_to_stdout(flag: str) -> None:
    done = program("leaks", "analyze", flag)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Usage: relengtools leaks analyze ")


def test_a_shell_completes_commands() -> None:
    words = {"_RELENGTOOLS_COMPLETE": "bash_complete", "COMP_WORDS": "relengtools leaks re", "COMP_CWORD": "2"}
    done = program(env=os.environ | words)
    assert done.returncode == 0
    assert done.stdout.split() == ["plain,record", "plain,report"]


# ------------------------------------------------------------------------------------------------ the far ends


@pytest.mark.parametrize("arguments", [("--help",), ("versions", "rules"), ("leaks", "record", "--help")])
def test_a_reader_that_left_ends_the_program_quietly_with_141(arguments: tuple[str, ...]) -> None:
    read, write = os.pipe()
    os.close(read)
    done = program(*arguments, stdout=write)
    os.close(write)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is Linux's")
@pytest.mark.parametrize("arguments", [("--help",), ("versions", "rules")])
def test_a_full_disk_behind_stdout_is_one_line(arguments: tuple[str, ...]) -> None:
    with Path("/dev/full").open("w") as full:
        done = program(*arguments, stdout=full)
    assert (done.returncode, done.stderr) == (2, "relengtools: the answer can't be written: No space left on device\n")


@pytest.mark.parametrize("arguments", ["convert -", "history --tags-file -", "check --baseline - tests/fleet/alpha"])
def test_a_closed_input_is_told(arguments: str) -> None:
    shell = ["sh", "-c", f'exec "$@" versions {arguments} <&-', "sh", *PROGRAM]
    done = subprocess.run(shell, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 2
    assert done.stderr.startswith("relengtools: standard input is closed")


def test_nothing_is_imported_from_the_working_directory(tmp_path: Path) -> None:
    for name in ("signal", "typing", "click", "tomllib", "ast", "gc"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported')\n")
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\nversion = "1.0"\n')
    command = [sys.executable, "-m", "relengtools", "versions", "check"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "relengtools: 1 project, 0 findings\n")


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&-"])
@pytest.mark.parametrize("arguments", ["versions rules", "leaks analyze no-such-file", "leaks analyze -"])
def test_closed_streams_leave_no_traceback(arguments: str, closed: str) -> None:
    shell = ["sh", "-c", f'exec "$@" {arguments} {closed}', "sh", *PROGRAM]
    done = subprocess.run(shell, capture_output=True, text=True, cwd=ROOT, stdin=subprocess.DEVNULL)
    assert done.returncode == (0 if arguments == "versions rules" and ">&-" not in closed.split() else 2)
    assert all(line.startswith("relengtools: ") for line in done.stderr.splitlines())


FAULTY = """
import sys
from relengtools import cli
def broken(**options): raise ZeroDivisionError("a \\x1b[31mtext")
cli.relengtools.main = broken
cli.main()
"""


def test_a_fault_of_the_program_itself_is_one_line_and_2_and_its_traceback_is_to_be_had() -> None:
    done = subprocess.run([sys.executable, "-c", FAULTY], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith(
        "relengtools: a fault in relengtools itself, please report it: ZeroDivisionError at <string>:4"
    )
    assert "\x1b" not in line
    shown = subprocess.run([sys.executable, "-X", "dev", "-c", FAULTY], capture_output=True, text=True, cwd=ROOT)
    assert "Traceback" in shown.stderr


INTERRUPTED = """
import os, signal, sys, threading
from relengtools.__main__ import main
sys.argv[1:] = ["leaks", "analyze", "-"]
threading.Timer(DELAY, os.kill, (os.getpid(), signal.SIGINT)).start()
main()
"""


@pytest.mark.parametrize("delay", [0.05, 0.5, 1.5])
def test_ctrl_c_is_130_and_no_traceback(delay: float) -> None:
    program = INTERRUPTED.replace("DELAY", str(delay))
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as running:
        running.wait(30)
        out, err = running.communicate()
    # While the program is imported, the signal itself ends it; to a shell that is 130 too.
    assert running.returncode in (130, -signal.SIGINT)
    assert (out, err.strip()) == ("", "")
