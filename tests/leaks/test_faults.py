"""A recorder in trouble: killed, the disk full, its target stopped, a zombie, exec'ing, restarting, hidden."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import fault_record
import pytest

from relengtools.leaks.recording import load

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="procfs is Linux's")
ROOT = Path(__file__).parents[2]
PROGRAM = (sys.executable, "-m", "relengtools", "leaks", "record")
IDLE = "import sys; print(flush=True); sys.stdin.read()"
root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def record(out: Path, *arguments: object, duration: str = "1s") -> subprocess.CompletedProcess[str]:
    command = [*PROGRAM, "-o", str(out), "--interval", "50ms", "--duration", duration, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT)


@pytest.fixture
def idle():
    with subprocess.Popen([sys.executable, "-c", IDLE], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        yield process
        process.kill()


def test_kills_lose_no_committed_sample(tmp_path: Path) -> None:
    assert fault_record.kills(tmp_path, 5, longest=0.5) == []


def test_a_file_that_may_not_grow_is_a_gap_and_what_waits_is_told(idle, tmp_path: Path) -> None:
    # Blocks of 512 bytes: enough for the tables, not for all samples.
    shell = 'ulimit -f 240; exec "$@"'
    command = [*PROGRAM, "-o", str(tmp_path / "a.db"), "--interval", "10ms", "--duration", "8s", "--durable"]
    done = subprocess.run(
        ["sh", "-c", shell, "sh", *command, "--pid", str(idle.pid)],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
    )
    assert "recording: " in done.stderr
    assert "rows wait in memory; the recording goes on" in done.stderr
    assert (done.returncode, done.stderr.splitlines()[-1].count("samples could not be written")) == (2, 1)
    assert len(load(str(tmp_path / "a.db")).times) > 50


def test_a_stopped_target_is_recorded(idle, tmp_path: Path) -> None:
    idle.send_signal(signal.SIGSTOP)
    assert record(tmp_path / "a.db", "--pid", idle.pid).returncode == 0
    idle.send_signal(signal.SIGCONT)
    assert len(load(str(tmp_path / "a.db")).times) >= 15


def test_a_zombie_has_ended(tmp_path: Path) -> None:
    parent = "import subprocess, sys; p = subprocess.Popen(['true']); print(p.pid, flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        while f"{pid} (true) Z" not in Path(f"/proc/{pid}/stat").read_text():
            time.sleep(0.01)
        done = record(tmp_path / "a.db", "--pid", pid)
        process.kill()
    assert done.returncode == 2
    assert "has ended (a zombie" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_exec_is_the_same_process(tmp_path: Path) -> None:
    nap = "import time; time.sleep(0.4)"
    program = f"{nap}; import os, sys; os.execv(sys.executable, [sys.executable, '-c', {nap!r}])"
    done = record(tmp_path / "a.db", "--", sys.executable, "-c", program, duration="30s")
    assert done.returncode == 0
    found = load(str(tmp_path / "a.db"))
    assert len(found.processes) == 1
    assert len(found.times) >= 10


def test_a_restart_loop_is_a_regime_each(tmp_path: Path) -> None:
    named = tmp_path / f"looper{os.getpid()}"
    shutil.copy(shutil.which("sleep") or "/bin/sleep", named)
    with subprocess.Popen(["sh", "-c", f"while :; do {named} 0.8; sleep 0.1; done"], start_new_session=True) as loop:
        done = record(tmp_path / "a.db", "--name", named.name, duration="6s")
        os.killpg(loop.pid, signal.SIGKILL)
    assert done.returncode == 0
    found = load(str(tmp_path / "a.db"))
    assert 2 <= len(found.processes) <= 9
    assert len({process.pid for process in found.processes}) == len(found.processes)
    assert [event.text for event in found.events if event.kind == "killed"] == []


@root
@pytest.mark.skipif(not shutil.which("unshare") or not shutil.which("setpriv"), reason="needs util-linux")
def test_a_process_that_procfs_hides_is_told_of(idle, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    nobody = "setpriv --reuid 65534 --regid 65534 --clear-groups"
    script = f"mount -t proc -o hidepid=2 proc /proc && exec {nobody} {' '.join(PROGRAM)}"
    command = ["unshare", "--mount", "sh", "-c", f"{script} --pid {idle.pid} -o {tmp_path}/a.db --duration 10s"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT)
    if "relengtools" not in done.stderr or "ModuleNotFound" in done.stderr:
        pytest.skip("no mount namespace here, or this interpreter is not readable for other users")
    assert done.returncode == 2
    assert "hidepid" in done.stderr


@pytest.mark.skipif(not shutil.which("unshare"), reason="needs util-linux")
def test_a_full_disk_that_recovers_loses_nothing() -> None:
    """In a user and a mount namespace of its own: no rights are needed, where the system lets one have those."""
    command = ["unshare", "--map-root-user", "--mount", sys.executable, fault_record.__file__, "full_disk"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=ROOT)
    if "full_disk:" not in done.stdout or "not here" in done.stdout:
        pytest.skip(f"{done.stdout}{done.stderr}".strip().splitlines()[-1])
    assert (done.stdout, done.returncode) == ("full_disk: nothing lost that was committed\n", 0)


def unless_not_here(fault: Callable[[Path], list[str]], folder: Path) -> list[str]:
    try:
        return fault(folder)
    except (fault_record.NotHere, FileNotFoundError) as reason:
        pytest.skip(str(reason))


@root
@pytest.mark.skipif(not shutil.which("fsfreeze") or not shutil.which("mkfs.ext4"), reason="needs e2fsprogs")
def test_a_disk_that_hangs_loses_nothing(tmp_path: Path) -> None:
    assert unless_not_here(fault_record.frozen_disk, tmp_path) == []


def test_a_target_that_the_kernel_killed_for_memory_is_told_of(tmp_path: Path) -> None:
    assert unless_not_here(fault_record.out_of_memory, tmp_path) == []
