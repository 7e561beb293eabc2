import subprocess
import sys
from pathlib import Path

import pytest

from relengtools.leaks import ending, limits, recorder
from relengtools.leaks.record import Settings, run
from relengtools.leaks.recording import load
from relengtools.leaks.target import selector

# As Linux 6 writes them; a record may have lines of its properties after it.
LOG = b"""6,1,100000000,-;EXT4-fs (loop0): mounted filesystem
 SUBSYSTEM=block
3,2,200000000,-;Out of memory: Killed process 4711 (soju) total-vm:9kB, anon-rss:8kB, UID:0 pgtables:4kB oom_score_adj:0
3,3,300000000,-;Memory cgroup out of memory: Killed process 4712 (x) y) total-vm:9kB, anon-rss:8kB, file-rss:0kB
4,4,400000000,-;mine: Killed process is what somebody else wrote
"""


@pytest.mark.parametrize(
    ("pid", "since", "killed"),
    [(4711, 0, True), (4711, 199, True), (4711, 201, False), (4712, 299, True), (471, 0, False), (4713, 0, False)],
)
def test_the_kernels_log_names_whom_it_killed(tmp_path: Path, pid: int, since: float, killed: bool) -> None:
    (tmp_path / "kmsg").write_bytes(LOG)
    records = ending.log(tmp_path / "kmsg")
    assert len(records) == 5
    assert ending.killed_for_memory(pid, since, records) is killed


def test_a_log_that_cannot_be_read_has_no_records(tmp_path: Path) -> None:
    assert ending.log(tmp_path / "none") == []


def test_the_log_of_this_machine_is_read_to_its_end_or_refused() -> None:
    assert isinstance(ending.log(), list)


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (0, "the command ended with exit status 0"),
        (3, "the command ended with exit status 3"),
        (-9, "the command was ended by SIGKILL"),
        (-35, "the command was ended by signal 35"),
    ],
)
def test_how_a_command_ended(status: int, text: str) -> None:
    assert ending.of_command(status) == text


def test_a_command_that_a_signal_ends_tells_which_and_how_long_it_lived(tmp_path: Path) -> None:
    command = (sys.executable, "-c", "import os, time; time.sleep(1); os.kill(os.getpid(), 11)")
    outcome = run(selector(command=command), tmp_path / "a", Settings(interval=0.05, duration=60))
    assert outcome.reason == "the command was ended by SIGSEGV"
    (process,) = load(str(tmp_path / "a")).processes
    assert process.reason is not None
    assert process.reason.startswith("the command was ended by SIGSEGV, after ")


@pytest.mark.parametrize("how", ["log", "group"])
def test_a_process_that_the_kernel_killed_for_memory_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    (tmp_path / "group").mkdir()
    events = tmp_path / "group" / "memory.events"
    events.write_text("oom 1\noom_kill 1\n")
    monkeypatch.setattr(recorder.cgroup, "folders", lambda *_: iter([tmp_path / "group"]))
    with subprocess.Popen(["sleep", "60"]) as idle:
        record = f"3,2,99999999999999,-;Out of memory: Killed process {idle.pid} (sleep) total-vm:9kB"
        monkeypatch.setattr(ending, "log", lambda: [record.encode()] if how == "log" else [])

        def kill(now: recorder.Progress) -> None:
            if now.samples == 2:
                if how == "group":
                    events.write_text("oom 2\noom_kill 2\n")
                idle.kill()

        outcome = run(selector(pid=idle.pid), tmp_path / "a", Settings(interval=0.1, duration=60), progress=kill)
    whom = "it" if how == "log" else "a process of its control group"
    assert outcome.reason == f"the process ended; the kernel killed {whom} for want of memory"
    found = load(str(tmp_path / "a"))
    assert [event.text for event in found.events if event.kind == "killed"] == [
        f"the kernel killed {whom} for want of memory"
    ]
    assert found.runs[0].reason == outcome.reason
    assert limits.oom_kills([tmp_path / "group"]) == (1 if how == "log" else 2)
