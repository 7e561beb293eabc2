"""Pid files, systemd units (by a systemctl that answers as the real one does) and control groups of all three kinds."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from leaks.fakeproc import FakeProc

from relengtools.errors import RelengError
from relengtools.leaks import cgroup, services, target
from relengtools.leaks.target import By, Selector

V2 = "29 23 0:26 / {0} rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
V1 = "33 25 0:29 / {0}/memory rw - cgroup cgroup rw,memory\n34 25 0:30 / {0}/pids rw - cgroup cgroup rw,pids\n"
HYBRID = V1 + "35 25 0:31 / {0}/unified rw - cgroup2 cgroup2 rw\n"
NAMESPACED = "33 25 0:29 /docker/abc {0} ro - cgroup cgroup rw,memory\n"


@pytest.fixture
def proc(tmp_path: Path) -> FakeProc:
    proc = FakeProc(tmp_path / "proc")
    proc.put(7)
    return proc


# ------------------------------------------------------------------------------------------------ pid files


@pytest.mark.parametrize(
    ("text", "pid"), [("7\n", 7), ("7", 7), (" 7 \n", 7), ("7\nsoju\n", 7), ("", None), ("\n", None)]
)
def test_a_pid_file(tmp_path: Path, text: str, pid: int | None) -> None:
    (tmp_path / "a.pid").write_text(text)
    assert services.pid_in(tmp_path / "a.pid") == pid


@pytest.mark.parametrize("text", ["soju", "-7", "0", "7" * 20, "x" * 1000, "٧", "\0", "1.5"])
def test_what_is_no_pid_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.pid").write_text(text)
    with pytest.raises(RelengError, match="not a pid"):
        services.pid_in(tmp_path / "a.pid")


def test_a_pid_file_that_is_not_there_or_stale_names_nobody(proc: FakeProc, tmp_path: Path) -> None:
    wanted = Selector(By.PIDFILE, str(tmp_path / "a.pid"))
    assert target.find(wanted, proc.root) == []
    (tmp_path / "a.pid").write_text("8")
    assert target.find(wanted, proc.root) == []
    (tmp_path / "a.pid").write_text("7")
    assert [each.pid for each in target.find(wanted, proc.root)] == [7]
    proc.put(7, state="Z")
    assert target.find(wanted, proc.root) == []
    assert wanted.endless


# ------------------------------------------------------------------------------------------------ units


@pytest.fixture
def systemctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def answers(text: str, status: int = 0) -> None:
        program = tmp_path / "bin" / "systemctl"
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$@\" > {tmp_path}/asked\n{text}\nexit {status}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")

    return answers


def show(pid: int, group: str = "/system.slice/soju.service", state: str = "loaded") -> str:
    return f"echo NRestarts=3; echo MainPID={pid}; echo ControlGroup={group}; echo LoadState={state}"


def test_a_unit(systemctl, proc: FakeProc, tmp_path: Path) -> None:
    systemctl(show(7))
    assert services.unit("soju") == services.Unit(7, "/system.slice/soju.service", 3)
    assert [each.pid for each in target.find(Selector(By.UNIT, "soju"), proc.root)] == [7]
    assert (tmp_path / "asked").read_text().split()[-2:] == ["--", "soju"]


def test_a_unit_that_does_not_run_names_nobody(systemctl, proc: FakeProc) -> None:
    systemctl(show(0, group=""))
    assert target.find(Selector(By.UNIT, "soju"), proc.root) == []


def test_a_unit_without_a_main_process_is_known_by_its_group(systemctl, proc: FakeProc, tmp_path: Path) -> None:
    systemctl(show(0))
    group = tmp_path / "sys/system.slice/soju.service"
    group.mkdir(parents=True)
    (group / "cgroup.procs").write_text("7\n")
    (proc.root / "self/mountinfo").write_text(V2.format(tmp_path / "sys"))
    assert [each.pid for each in target.find(Selector(By.UNIT, "soju"), proc.root)] == [7]


@pytest.mark.parametrize(
    ("text", "status", "part"),
    [
        (show(0, "", "not-found"), 0, "no such unit"),
        ("echo 'System has not been booted with systemd' >&2", 1, "can't tell: System has not been booted"),
        ("printf 'a\\033[2Jb' >&2", 1, "a\\x1b[2Jb"),
        ("echo nothing", 0, "can't tell"),
    ],
)
def test_what_systemd_does_not_know(systemctl, text: str, status: int, part: str) -> None:
    systemctl(text, status)
    with pytest.raises(RelengError) as caught:
        services.unit("soju")
    assert part in str(caught.value)


def test_without_systemd(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RelengError, match="no systemctl here"):
        services.unit("soju")


# ------------------------------------------------------------------------------------------------ control groups


@pytest.mark.parametrize(
    ("mounted", "place"), [(V2, "."), (V1, "memory"), (HYBRID, "memory"), (HYBRID, "unified"), (NAMESPACED, "")]
)
def test_the_processes_of_a_group(proc: FakeProc, tmp_path: Path, mounted: str, place: str) -> None:
    sys_fs = tmp_path / "a b"
    text = mounted.format(str(sys_fs).replace(" ", "\\040"))
    (proc.root / "self/mountinfo").write_text(f"22 1 8:1 / / rw - ext4 /dev/sda rw\n{text}")
    path = "/docker/abc/soju" if mounted == NAMESPACED else "/docker/soju"
    group = sys_fs / place / path.removeprefix("/docker/abc").strip("/")
    group.mkdir(parents=True)
    (group / "cgroup.procs").write_text("7\n9\n")
    assert cgroup.pids(path, proc.root) == [7, 9]
    assert cgroup.pids(str(group), proc.root) == [7, 9]
    assert cgroup.pids("/elsewhere", proc.root) == []
    assert cgroup.pids("/docker/../../../etc", proc.root) == []


def test_no_control_groups_here(proc: FakeProc) -> None:
    with pytest.raises(RelengError, match="no cgroup file system"):
        cgroup.pids("/soju", proc.root)


def test_a_group_is_led_by_the_process_that_started_the_others(proc: FakeProc) -> None:
    proc.put(8)
    proc.put(9, state="Z")
    stat = proc.root / "8/stat"
    stat.write_text(stat.read_text().replace(" S 1 ", " S 7 "))
    assert cgroup.leaders([7, 8, 9, 10], proc.root) == [7]


def test_limits_are_looked_for_in_the_group_and_its_parents(proc: FakeProc, tmp_path: Path) -> None:
    (proc.root / "self/mountinfo").write_text(HYBRID.format(tmp_path / "sys"))
    (proc.root / "7/cgroup").write_text("9:memory:/a/b\n8:pids:/a\n0::/u\n1:name=systemd:/a:c\n")
    inner = tmp_path / "sys/memory/a/b"
    inner.mkdir(parents=True)
    (inner / "memory.usage_in_bytes").write_text("1")
    unified = tmp_path / "sys/unified/u"
    unified.mkdir(parents=True)
    # Version 2 tells of it without having the controller.
    (unified / "memory.pressure").write_text("some avg10=0.00")
    found = list(cgroup.folders(7, "memory", proc.root))
    assert found == [inner, inner.parent, inner.parent.parent]
    assert cgroup.memberships(7, proc.root)["name=systemd"] == "/a:c"


@pytest.mark.skipif(sys.platform != "linux", reason="cgroups are Linux's")
def test_the_real_group_of_this_process_has_it() -> None:
    groups = cgroup.memberships(os.getpid())
    assert groups
    found = [cgroup.pids(path) for path in groups.values() if path != "/"]
    assert not found or any(os.getpid() in members for members in found)


@pytest.mark.skipif(sys.platform != "linux", reason="procfs is Linux's")
def test_the_selectors_reach_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "a.pid").write_text(str(os.getpid()))
    quick = ["--interval", "50ms", "--duration", "200ms", "-o", str(tmp_path / "a.db")]
    command = [sys.executable, "-m", "relengtools", "leaks", "record", "--pidfile", str(tmp_path / "a.pid"), *quick]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, f"{tmp_path / 'a.db'}\n")
