"""scripts/leaky_process.py leaks what it's asked for, and ends."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from irc import until
from leaky_process import Leak, hold

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "leaky_process.py"
LINUX = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="reads /proc")


@pytest.mark.parametrize(
    ("rate_per_s", "unit", "duration_s", "made"),
    [(10, 1, 0.5, 5), (2.5, 1, 0.5, 1), (0.1, 1, 0.3, 0), (0, 1, 0.1, 0), (100_000, 4096, 0.5, 49152), (7, 1, 0, 0)],
)
def test_schedule_is_absolute(rate_per_s, unit, duration_s, made):
    pieces = []
    hold([Leak(rate_per_s, unit, lambda size: pieces.append(size) or [])], duration_s, clean=False)
    assert sum(pieces) == made


class Piece:
    open = 0

    def __init__(self):
        Piece.open += 1

    def close(self):
        Piece.open -= 1


@pytest.mark.parametrize(("clean", "left"), [(True, 0), (False, 6)])
def test_clean_releases(clean, left):
    Piece.open = 0
    hold([Leak(20, 1, lambda count: [Piece() for _ in range(count)])], 0.3, clean=clean)
    assert Piece.open == left


def start(*options: str) -> subprocess.Popen[str]:
    command = [sys.executable, SCRIPT, "--duration", "60", *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def fds(pid: int, kind: str) -> int:
    links = Path(f"/proc/{pid}/fd").iterdir()
    return sum(kind in str(link.readlink()) for link in links)


@LINUX
@pytest.mark.parametrize(("kind", "target"), [("pipe", "pipe:"), ("file", ".log"), ("socket", "socket:")])
def test_descriptors_of_the_kind_grow(kind, target):
    with start("--fds-per-s", "20", "--fd-kind", kind) as process:
        try:
            assert process.stdout.readline().startswith(f"leaky_process: pid {process.pid},")
            before = fds(process.pid, target)
            until("ten descriptors", lambda: fds(process.pid, target) >= before + 10)
        finally:
            process.send_signal(signal.SIGTERM)
    assert process.returncode == 0


@LINUX
def test_memory_and_close_wait_grow():
    def rss_kb() -> int:
        lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))

    def in_close_wait() -> int:
        inodes = {
            fields[9] for line in Path("/proc/net/tcp").read_text().splitlines() if (fields := line.split())[3] == "08"
        }
        return sum(fds(process.pid, f"socket:[{inode}]") for inode in inodes)

    with start("--rss-per-s", "8e6", "--close-wait-per-s", "10") as process:
        try:
            process.stdout.readline()
            before = rss_kb()
            until("four connections", lambda: in_close_wait() >= 4)
            until("4 MB", lambda: rss_kb() >= before + 4000)
        finally:
            process.terminate()
    assert process.returncode == 0


def test_ends_by_itself_and_at_the_limit_of_descriptors():
    done = subprocess.run([sys.executable, SCRIPT, "--duration", "0.2"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    limited = ["sh", "-c", 'ulimit -n 30; exec "$@"', "sh", sys.executable, SCRIPT, "--fds-per-s", "200"]
    done = subprocess.run(limited, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "Too many open files" in done.stderr


@pytest.mark.parametrize("value", ["-1", "nan", "inf", "many"])
def test_refuses_a_rate_that_is_none(value):
    done = subprocess.run([sys.executable, SCRIPT, "--rss-per-s", value], capture_output=True, text=True)
    assert done.returncode == 2
    assert "--rss-per-s" in done.stderr
