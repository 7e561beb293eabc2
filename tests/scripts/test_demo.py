"""The demo's crowd keeps to its wave, and what the demo started ends with it."""

import os
import re
import signal
import subprocess
import sys
import threading
import uuid
from pathlib import Path

import pytest
from crowd import wanted, waves
from irc import RigError, until

ROOT = Path(__file__).resolve().parents[2]
LEAKS_ONLY = """
import pathlib, sys, demo
demo.REPORTS, demo.versions, demo.SETTLE_S = pathlib.Path(sys.argv.pop()), lambda: None, 0
demo.main()
"""
LINUX = pytest.mark.skipif(not Path("/proc/self/environ").is_file(), reason="reads /proc")


class Client:
    """Stands for an IRC client: only the number of those that are there counts."""

    here = 0

    def __init__(self, number: int) -> None:
        Client.here += 1

    def quit(self) -> None:
        Client.here -= 1

    def drop(self) -> None:
        self.quit()


def test_a_wave_goes_from_low_to_high_and_back():
    assert [wanted(t, 2, 34, 16.0) for t in (0, 4, 8, 12, 16, 24)] == [2, 18, 34, 18, 2, 34]


def test_the_crowd_follows_its_wave_and_leaves_at_the_end():
    stop, done = threading.Event(), []
    thread = threading.Thread(target=lambda: done.append(waves(Client, 0, 6, 1.6, stop)))
    thread.start()
    until("a crowd", lambda: Client.here >= 5)
    until("most to go", lambda: Client.here <= 2)
    stop.set()
    thread.join()
    ((came, failure),) = done
    assert (came >= 5, failure, Client.here) == (True, "", 0)


def test_a_server_that_is_gone_ends_the_crowd():
    def refuse(number: int) -> Client:
        raise RigError("refused")

    assert waves(refuse, 2, 3, 1.0, threading.Event()) == (0, "refused")


def started(mark: str) -> list[str]:
    """Command lines of the processes that inherited MARK and are no zombies."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (folder / "environ").read_bytes():
                found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            pass
    return found


@LINUX
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_all_that_the_demo_started(tmp_path: Path, number: signal.Signals):
    mark = uuid.uuid4().hex
    with subprocess.Popen(
        [sys.executable, "-c", LEAKS_ONLY, tmp_path],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        cwd=ROOT / "scripts",
        env=os.environ | {"DEMO_MARK": mark},
    ) as demo:
        assert demo.stdout is not None
        assert demo.stderr is not None
        told = next(line for line in demo.stdout if "open descriptors" in line)
        assert re.match(r" +0 of 75 s; open descriptors: .*leaky \d+$", told)
        assert len(started(mark)) >= 3
        demo.send_signal(number)
        assert "Traceback" not in demo.stderr.read()
    assert demo.returncode == {signal.SIGTERM: 143, signal.SIGINT: 130}[number]
    until("all to end", lambda: not started(mark))
