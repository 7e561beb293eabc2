"""`leaks record` when nobody can be told: the recording goes on whatever becomes of stderr."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from relengtools.leaks.recording import load

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="procfs is Linux's")
NOWHERE = "http://127.0.0.1:9/metrics"


def command(out: Path, pid: int, redirected: str, duration: str = "1s") -> str:
    record = f"{sys.executable} -m relengtools leaks record --pid {pid} --metrics {NOWHERE}"
    return f"{record} -o {out} --interval 50ms --duration {duration} {redirected}"


@pytest.mark.parametrize(
    "redirected", ["2>&-", "2>/dev/full", "2>&1 | head -0", "<&- 2>&-", "2>&1 | (read line; exec sleep 0)"]
)
def test_a_stderr_that_cannot_be_written_ends_no_recording(tmp_path: Path, redirected: str) -> None:
    out = tmp_path / "a.db"
    subprocess.run(["sh", "-c", command(out, os.getpid(), redirected)], capture_output=True, timeout=60)
    for _ in range(100):
        if out.exists() and not (tmp_path / "a.db.lock").exists():
            break
        time.sleep(0.05)
    found = load(str(out))
    assert found.runs[0].reason == "end of the duration"
    assert len(found.times) > 10


def test_a_message_of_the_command_does_not_go_into_the_recording(tmp_path: Path) -> None:
    out = tmp_path / "a.db"
    noisy = "import os, time; [os.write(2, b'x' * 4096) for _ in range(3)]; time.sleep(0.3)"
    record = f"{sys.executable} -m relengtools leaks record -o {out} --interval 50ms"
    shell = f'{record} -- {sys.executable} -c "{noisy}" 2>&-'
    subprocess.run(["sh", "-c", shell], capture_output=True, timeout=60)
    assert load(str(out)).runs[0].reason == "the command ended with exit status 0"
