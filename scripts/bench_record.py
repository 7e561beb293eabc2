#!/usr/bin/env python3
"""What recording costs beside psutil, psrecord, Procpath and pidstat, on targets of 20 and of 10,000 descriptors.

    scripts/bench_record.py [SECONDS]          the table goes to reports/benchmarks/record.md, what follows it stays

The ratios matter, not the times: all take turns in one run. Whole tools run at 1 Hz and are
charged with the CPU time of their threads in SECONDS (default 20), after their start.
Disk is that of simulated days at 1 Hz and at 10 s.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median

import psutil
from bench_stall import stalls

from relengtools.leaks import descriptors
from relengtools.leaks.process import Base, ProcfsReader
from relengtools.leaks.recording import Moment, load, open_for_writing
from relengtools.leaks.target import Build, Target

TABLE = Path(__file__).parents[1] / "reports" / "benchmarks" / "record.md"
HOLD = """
import resource, socket, sys
most = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_NOFILE, (most + 100, max(most + 100, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))
kept = []
if most > 1000:
    listener = socket.create_server(("127.0.0.1", 0), backlog=1000)
    for _ in range(most // 2 - 100):
        client = socket.create_connection(listener.getsockname())
        kept += [client, listener.accept()[0]]
kept += [open("/dev/null") for _ in range(most - len(kept) - 3)]
print(flush=True)
sys.stdin.read()
"""
# 200 series of /metrics, as a Go program serves them: some stand still, some move, some count.
SERVE = """
import http.server, random, sys
dice, rows = random.Random(1), 0
class Metrics(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        global rows
        rows += 1
        values = {n: n if n % 4 == 0 else rows * n + dice.randint(0, n) for n in range(200)}
        text = "".join(f"series_{n} {value}\\n" for n, value in values.items()).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
    def log_message(self, *_):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Metrics)
print(server.server_port, flush=True)
server.serve_forever()
"""
WINDOWS, WINDOW_S = 10, 6.0
META = {"selector": "--pid 7", "page_bytes": "4096", "ticks_per_s": "100"}
BUILD = Build("bench", "", None, False, None)
BIN = Path(sys.executable).parent


@contextmanager
def target(fds: int) -> Iterator[int]:
    """A process with so many descriptors; of a large one most are sockets connected to each other."""
    command = [sys.executable, "-c", HOLD, str(fds)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid
        process.kill()


def cpu_us(work: Callable[[], object], times: int, pause: float = 0.0) -> float:
    """CPU microseconds a call."""
    spent = 0.0
    for _ in range(times):
        time.sleep(pause)
        before = time.process_time()
        work()
        spent += time.process_time() - before
    return spent / times * 1e6


def oneshot(process: psutil.Process) -> None:
    """The base fields by psutil."""
    with process.oneshot():
        process.memory_info()
        process.num_fds()
        process.num_threads()
        process.cpu_times()
        process.num_ctx_switches()


def base_tier(pid: int, folder: Path, seconds: int) -> Iterator[str]:
    """Reading, parsing and committing one base sample beside psutil's oneshot."""
    reader = ProcfsReader(pid)
    recording = open_for_writing(folder / f"base-{pid}.sqlite", META)
    recording.begin_run(Moment(0, 0, 0), 1.0)
    recording.begin_process(Target("", pid, reader.start_ticks), BUILD, 0.0)
    process = psutil.Process(pid)

    rows = 0

    def ours() -> None:
        nonlocal rows
        now = time.monotonic()
        recording.add(Moment(now, now, now), reader.sample())
        rows += 1
        if not rows % every:
            recording.flush()

    fds = reader.sample().fds
    # At 1 Hz, the recorder commits groups of 5 s.
    for label, times, pause, every in (("hot loop, each", 1000, 0.0, 1), ("at 1 Hz, in fives", seconds, 1.0, 5)):  # noqa: B007
        both, theirs = cpu_us(ours, times, pause), cpu_us(lambda: oneshot(process), min(times, 200), pause)
        numbers = f"{both:,.0f} µs | {theirs:,.0f} µs | {both / theirs:.2f}"
        yield f"| base sample, parsed and committed {label}, {fds:,} fds | {numbers} |"
    recording.close()
    reader.close()


def running_ms(pid: int) -> float:
    """CPU milliseconds of all threads of a process so far, exactly (Documentation/scheduler/sched-stats.rst)."""
    return sum(int(task.read_text().split()[0]) for task in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e6


def whole(command: list[str], seconds: int, warm: float = 6.0) -> tuple[float, float]:
    """CPU milliseconds a second once a command runs, and its largest memory in MiB."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        time.sleep(warm)
        before = running_ms(process.pid)
        time.sleep(seconds)
        spent = running_ms(process.pid) - before
        lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
        peak = int(next(line for line in lines if line.startswith("VmHWM:")).split()[1])
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(20)
        process.kill()
    return spent / seconds, peak / 1024


def tools(pid: int, folder: Path) -> dict[str, list[str]]:
    """Whole recorders at 1 Hz."""
    record = [sys.executable, "-m", "relengtools", "leaks", "record", "--pid", str(pid), "--interval", "1s"]
    query = f"$..children[?(@.stat.pid == {pid})]"
    procpath = [str(BIN / "procpath"), "record", "-i", "1", "-d", str(folder / f"{random.random()}.sqlite"), query]
    return {
        "relengtools": [*record, "-o", str(folder / f"whole-{pid}.sqlite")],
        "relengtools --profile light": [
            *record,
            "--profile",
            "light",
            "-o",
            str(folder / f"light-{random.random()}.sqlite"),
        ],
        "psrecord": [str(BIN / "psrecord"), str(pid), "--interval", "1", "--log", str(folder / "psrecord.txt")],
        "pidstat -r -v": ["pidstat", "-r", "-v", "-p", str(pid), "1"],
        "Procpath stat,fd": [*procpath[:-1], "-f", "stat,fd", procpath[-1]],
    }


def beside_psrecord(pid: int, folder: Path, scan_ms: float) -> str:
    """Ours and psrecord at once on one target, by windows: what the machine does meanwhile happens to both."""
    commands = {name: command for name, command in tools(pid, folder).items() if name.endswith(("light", "psrecord"))}
    running = [subprocess.Popen(c, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for c in commands.values()]
    time.sleep(6)
    windows: list[list[float]] = []
    for _ in range(WINDOWS):
        before = [running_ms(process.pid) for process in running]
        time.sleep(WINDOW_S)
        spent = zip(running, before, strict=True)
        windows.append([(running_ms(process.pid) - was) / WINDOW_S for process, was in spent])
    for process in running:
        process.send_signal(signal.SIGINT)
        process.wait()
    ours, theirs = ([window[column] for window in windows] for column in (0, 1))
    ours = [used + scan_ms / 60 for used in ours]
    ratio = median(a / b for a, b in zip(ours, theirs, strict=True))
    low, high = interval(ours, theirs, random.Random(1))
    numbers = f"{median(ours):.2f} ms/s | {median(theirs):.2f} ms/s | {ratio:.2f} ({1 + low:.2f} to {1 + high:.2f})"
    return f"| relengtools and (2nd column) psrecord at once, {fds_of(pid):,} fds | {numbers} |"


def simulated(path: Path, days: float, step: float) -> float:
    """Bytes of a recording of so many days, per day."""
    recording = open_for_writing(path, META)
    recording.begin_run(Moment(0, 0, 0), step)
    recording.begin_process(Target("", 7, 1), BUILD, 0.0)
    dice = random.Random(1)
    rss, anon, fds, cpu, voluntary, involuntary, faults = 5000, 12_000, 200, 10_000, 50_000, 900, 40_000
    for row in range(round(days * 86_400 / step)):
        rss += dice.randint(-40, 41)
        anon += dice.randint(-150, 151)
        fds += dice.randint(-2, 2)
        cpu += dice.randint(0, 4)
        voluntary += dice.randint(0, 40)
        involuntary += dice.randint(0, 3)
        faults += dice.randint(0, 60)
        now = row * step + dice.random() / 1000
        base = Base(rss, anon, 0, 458_000 + row % 3, fds, 9, cpu, voluntary, involuntary, faults, 7)
        recording.add(Moment(1.7e9 + now, now, now), base)
        if row % 500 == 0:
            recording.flush()
    recording.close()
    return path.stat().st_size / days


def scraped(path: Path, days: float, series: int = 60) -> float:
    """Bytes of a recording that scrapes each minute, per day: a third stands still, a third moves, a third counts."""
    recording = open_for_writing(path, META)
    recording.begin_run(Moment(0, 0, 0), 60.0)
    recording.begin_process(Target("", 7, 1), BUILD, 0.0)
    dice = random.Random(1)
    values = {f"series_{n}": 1000.0 * n for n in range(series)}
    for row in range(round(days * 1440)):
        for n, name in enumerate(values):
            values[name] += (0, dice.randint(-50, 50), dice.randint(0, 500))[n % 3]
        now = row * 60.0
        number = recording.add(Moment(1.7e9 + now, now, now), Base(*[5000] * 11))
        recording.add_scrape(number or 0, values, 0.002)
        if row % 500 == 0:
            recording.flush()
    recording.close()
    return path.stat().st_size / days


def interval(here: Sequence[float], away: Sequence[float], dice: random.Random) -> tuple[float, float]:
    """The 95 % bootstrap interval of the median ratio within pairs, less 1."""
    ratios = [a / b - 1 for a, b in zip(here, away, strict=True)]
    medians = sorted(median(dice.choices(ratios, k=len(ratios))) for _ in range(2000))
    return medians[50], medians[1949]


def with_metrics(folder: Path, pid: int, seconds: int) -> str:
    """The whole recorder on a target that serves 200 series."""
    with subprocess.Popen([sys.executable, "-c", SERVE], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = f"http://127.0.0.1:{int(server.stdout.readline())}/metrics"
        record = [sys.executable, "-m", "relengtools", "leaks", "record", "--pid", str(pid), "--interval", "1s"]
        used, peak = whole([*record, "--metrics", url, "-o", str(folder / f"metrics-{pid}.sqlite")], seconds)
        server.kill()
    return f"| whole tool with 200 series of /metrics, {fds_of(pid):,} fds | {used:.2f} ms/s, VmHWM {peak:.0f} MB | | |"


def fds_of(pid: int) -> int:
    """How many descriptors it has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def disk(folder: Path) -> Iterator[str]:
    """Bytes for 30 days, and time to read them back."""
    for step, days, most in ((1.0, 4.0, 100), (10.0, 30.0, 15)):
        size = simulated(folder / f"disk-{step}.sqlite", days, step) * 30 / 1e6
        yield f"| 30 days of the base tier, a row every {step:g} s | {size:.0f} MB | | at most {most} MB |"
    size = scraped(folder / "scraped.sqlite", 10.0) * 30 / 1e6
    yield f"| 30 days of 60 series of /metrics, scraped once a minute | {size:.0f} MB | | at most as the base tier |"
    before = time.process_time()
    rows = len(load(str(folder / "disk-1.0.sqlite")).times)
    yield f"| reading a recording back, a million rows | {(time.process_time() - before) * 1e6 / rows:.1f} s CPU | | |"


def compared(fds: int, folder: Path, seconds: int) -> Iterator[str]:
    """All rows about one target."""
    with target(fds) as pid:
        yield from base_tier(pid, folder, seconds)
        before = descriptors.scan(pid)
        cost = cpu_us(lambda: descriptors.scan(pid, before), 15 if fds > 1000 else 100) / 1e3
        sockets = len(Path("/proc/net/tcp").read_text().splitlines()) - 1
        yield f"| scan of {fds:,} descriptors, {sockets:,} TCP sockets in the namespace | {cost:.2f} ms | | |"
        mine = light = 0.0
        for name, command in tools(pid, folder).items():
            if not shutil.which(command[0]):
                continue
            used, peak = whole(command, seconds)
            mine = used if name == "relengtools" else mine
            light = used if name.endswith("light") else light
            ratio = "" if name.startswith("relengtools") else f"{(light + cost / 60) / used:.2f}" if used > 0 else ""
            numbers = f"{used:.2f} ms/s, VmHWM {peak:.0f} MB"
            yield f"| whole tool at 1 Hz, {fds:,} fds: {name} | {numbers} | | {ratio} |"
        if fds < 1000:
            yield beside_psrecord(pid, folder, cost)
        yield with_metrics(folder, pid, seconds)
        steady = light + cost / 60
        numbers = f"{steady:.2f} ms/s: {steady / 10:.3f} % of a core"
        yield f"| relengtools once it scans each minute, {fds:,} fds | {numbers} | | |"


HEAD = """# What recording costs

Made by `scripts/bench_record.py` on a machine with {cpus} CPUs, Linux {kernel}, Python {python}, all in one run.
Ratio: ours by theirs. A recorder scans descriptors often at first (bounded by 1 % of a core), later once a minute: that
is `--profile light`, which doesn't scan, and a sixtieth of a scan a second; the ratios to other tools are of this.
Intervals hold 95 %, by bootstrap: of the median ratio of windows that both tools share, and (`scripts/bench_stall.py`)
of a window with the recorder and one without of the same round, 600 rounds of which each row is.

| what | relengtools | psutil | ratio |
|---|---:|---:|---:|
"""


def main() -> None:
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    with tempfile.TemporaryDirectory() as name:
        lines = list(compared(20, Path(name), seconds))
        with target(10_000):  # so that the namespace has 20,000 sockets
            lines += compared(10_000, Path(name), seconds)
        lines += disk(Path(name))
        lines += stalls(Path(name))
    uname = os.uname()
    head = HEAD.format(cpus=os.cpu_count(), kernel=uname.release, python=sys.version.split()[0], seconds=seconds)
    _, marker, faults = TABLE.read_text().partition("\n## ")
    TABLE.write_text(head + "\n".join(lines) + "\n" + marker + faults)
    print(TABLE.read_text())


if __name__ == "__main__":
    main()
