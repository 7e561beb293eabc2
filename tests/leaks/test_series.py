"""CSV and recordings → frames: what is read, what is refused in one line, regimes and blocks."""

import io
import os
import sys
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relengtools.errors import RelengError
from relengtools.leaks import series, tabular
from relengtools.leaks.series import Frame


def write(tmp_path, text, name="r.csv"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def frame(starts=(), **columns):
    n = len(next(iter(columns.values())))
    arrays = {name: np.asarray(values, dtype=float) for name, values in columns.items()}
    return Frame("test", np.arange(n, dtype=float) + 1e9, arrays, np.asarray(starts, dtype=float))


READABLE = {
    "plain": ("ts_unix,a\n1,10\n2,20\n", {"a": [10, 20]}),
    "no newline at the end": ("ts_unix,a\n1,10\n2,20", {"a": [10]}),
    "no newline at all": ("ts_unix,a\n1,10", {"a": [10]}),
    "cr lf": ("ts_unix,a\r\n1,10\r\n2,20\r\n", {"a": [10, 20]}),
    "byte order mark": (b"\xef\xbb\xbfts_unix,a\n1,10\n2,20\n", {"a": [10, 20]}),
    "time is not first": ("a,ts_unix\n10,1\n,2\n", {"a": [10, np.nan]}),
    "runs of empty cells": ("ts_unix,a,b,c\n1,,,\n2,,,5\n", {"c": [np.nan, 5]}),
    "wholly empty column is absent": ("ts_unix,a,b\n1,10,\n2,20,\n", {"a": [10, 20]}),
    "nan and inf are missing": (
        "ts_unix,a,b\n1,nan,1\n2,inf,2\n3,-Infinity,3\n4,4,4\n",
        {"a": [np.nan] * 3 + [4], "b": [1, 2, 3, 4]},
    ),
    "a row without a time is dropped": ("ts_unix,a\n1,10\n,15\n2,20\n", {"a": [10, 20]}),
    "labels with commas and quotes": ('ts_unix,"up{a=""x,y"",b=""z""}"\n1,10\n2,20\n', {'up{a="x,y",b="z"}': [10, 20]}),
    "quoted cells": ('ts_unix,a\n"1","10"\n"2",""\n3,30\n', {"a": [10, np.nan, 30]}),
    "a last line cut off": ("ts_unix,a,b\n1,10,1\n2,20", {"a": [10], "b": [1]}),
    "blank lines": ("ts_unix,a\n1,10\n\n2,20\n", {"a": [10, 20]}),
    "exponents and signs": ("ts_unix,a\n1,-1e3\n2,+2.5E-1\n", {"a": [-1000, 0.25]}),
}


@pytest.mark.parametrize("text, columns", READABLE.values(), ids=READABLE)
def test_csv_that_is_read(tmp_path, text, columns):
    read = series.read(write(tmp_path, text))
    assert list(read.columns) == list(columns)
    for name, values in columns.items():
        np.testing.assert_array_equal(read.columns[name], values)
    assert len(read.time) == len(next(iter(columns.values())))
    assert np.isfinite(read.time).all()


REFUSED = {
    "empty": ("", "is empty"),
    "no time": ("a,b\n1,2\n", "no column ts_unix (seconds since 1970) among a, b"),
    "semicolons": ("ts_unix;a\n1;2\n", "has semicolons between its cells"),
    "tabs": ("ts_unix\ta\n1\t2\n", "has tabs between its cells"),
    "a date": ("ts_unix,a\n2026-11-24,2\n", "is not a number; times are in seconds since 1970"),
    "a word": ("ts_unix,a\n1,ok\n", "line 2 holds 'ok' for a, which is not a number; leave a cell without one empty"),
    "header only": ("ts_unix,a\n", "no row with a time"),
    "a name twice": ("ts_unix,a,a\n1,2,3\n", "column a twice"),
    "ragged": ("ts_unix,a\n1,10\n2,20,30\n3,1\n", "line 3 has 3 cells"),
    "ragged, but even in sum": ("ts_unix,a\n1\n2,20,30\n3,1\n", "line 2 has 1 cells"),
    "terminal escapes in a cell": ("ts_unix,a\n1,\x1b[31m\n", r"line 2 holds '\x1b[31m'"),
    "not text": (b"\x80\x81\xff\n1,2\n", "neither a recording nor CSV"),
    "zero bytes": (b"ts_unix\x00,a\n1,2\n", "neither a recording nor CSV"),
    "line ends of 1984": (b"ts_unix,a\r1,2\r", "neither a recording nor CSV"),
    "line ends of 1984 below the header": (b"ts_unix,a\n1,2\r3,4\r", "line 2"),
    "a name like a novel": ("ts_unix," + "a" * 200_000 + "\n1,2\n", "neither a recording nor CSV"),
    "a header without an end": ("ts_unix," + "a," * 600_000, "neither a recording nor CSV"),
    "a line without an end": ("ts_unix,a\n1," + "1" * (1 << 23), "line 2 has no end"),
    "one time": ("ts_unix,a\n1,2\n1,3\n", "all its rows have one time"),
    "milliseconds": ("ts_unix,a\n1700000000000,2\n", "not in milliseconds"),
    "a time beyond all": ("ts_unix,a\n1e300,2\n", "beyond the year 9999"),
    "a time before all": ("ts_unix,a\n1,2\n-1e15,2\n", "beyond the year 9999"),
}


@pytest.mark.parametrize("text, message", REFUSED.values(), ids=REFUSED)
def test_csv_that_is_refused_in_one_line(tmp_path, text, message):
    with pytest.raises(RelengError) as caught:
        series.read(write(tmp_path, text))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_no_such_file_and_a_folder(tmp_path):
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(RelengError, match="cannot be read"):
            series.read(str(path))


def test_a_pipe_is_read_once(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(b"ts_unix,a\n1,2\n2,3\n",))
    writer.start()
    np.testing.assert_array_equal(series.read(str(pipe)).columns["a"], [2, 3])
    writer.join()


def test_a_device_without_end_is_refused():
    with pytest.raises(RelengError, match="neither a recording nor CSV"):
        series.read("/dev/zero")


def test_a_recording_on_standard_input_is_told(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(series.SQLITE_MAGIC + bytes(4096))))
    with pytest.raises(RelengError, match="name its file"):
        series.read("-")


def test_closed_standard_input_is_empty(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(RelengError, match="is empty"):
        series.read("-")


def test_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"ts_unix,a\n1,2\n2,3\n")))
    read = series.read("-")
    assert read.source == "-"
    np.testing.assert_array_equal(read.columns["a"], [2, 3])


def test_chunks_join_without_a_seam(tmp_path, monkeypatch):
    rows = "".join(f"{i},{i * i if i % 3 else ''},{i % 7}\n" for i in range(500))
    path = write(tmp_path, "ts_unix,a,b\n" + rows)
    whole = series.read(path)
    monkeypatch.setattr(tabular, "CHUNK_BYTES", 37)
    parts = series.read(path)
    np.testing.assert_array_equal(whole.time, parts.time)
    for name in ("a", "b"):
        np.testing.assert_array_equal(whole.columns[name], parts.columns[name])


def test_the_line_of_a_bad_cell_is_counted_across_chunks(tmp_path, monkeypatch):
    monkeypatch.setattr(tabular, "CHUNK_BYTES", 16)
    path = write(tmp_path, "ts_unix,a\n" + "".join(f"{i},{i}\n" for i in range(50)) + "50,x\n")
    with pytest.raises(RelengError, match="line 52 holds 'x'"):
        series.read(path)


cells = st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False, width=32), st.integers(-(10**9), 10**9))


@given(st.lists(st.tuples(cells, cells), min_size=1, max_size=30))
def test_fast_and_slow_parser_agree(rows):
    lines = [f"{i}," + ",".join("" if c is None else repr(c) for c in row) for i, row in enumerate(rows)]
    text = ("\n".join(lines) + "\n").encode()
    names = ["ts_unix", "a", "b"]
    np.testing.assert_array_equal(tabular._cells(text, names, "t", 2), tabular._slow_cells(text, names, "t", 2))


def test_roles_by_name():
    names = [
        "users", "downstreams", "upstreams", "connections", "soju_users_active", 'x_active{a="b"}', "x_total",
        'y_total{code="2"}', "z_sum", "z_count", "z_bucket", "cpu_s", "process_start_time_seconds", "vms_bytes",
        "rss_bytes", "num_fds", "go_goroutines",
    ]  # fmt: skip
    there = frame(**{name: [1.0, 2.0] for name in names})
    found = series.roles(there)
    assert found.load == ("users", "downstreams", "upstreams", "connections", "soju_users_active", 'x_active{a="b"}')
    assert found.events == ("x_total", 'y_total{code="2"}')
    assert found.judged == ("rss_bytes", "num_fds", "go_goroutines")
    assert "vms_bytes" in series.roles(there, metrics=("vms_bytes",)).judged
    assert "num_fds" in series.roles(there, load=("num_fds",)).load
    assert "num_fds" not in series.roles(there, load=("num_fds",)).judged
    assert "cpu_s" in series.roles(there, events=("cpu_s",)).events
    assert "users" in series.roles(there, metrics=("users",)).judged
    with pytest.raises(RelengError, match="nope"):
        series.roles(there, metrics=("nope",))


def test_what_happens_in_the_program_is_told_from_what_its_runtime_counts():
    work = ["closed_total", 'soju_in_messages_total{a="b"}', "errors_total", "reconnects"]
    other = ["go_memstats_mallocs_total", 'promhttp_metric_handler_requests_total{code="200"}', "sent_bytes_total"]
    other += ["process_cpu_seconds_total", "wait_seconds_total", "python_gc_collections_total"]
    assert series.happenings([*other, *work]) == work


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=50))
def test_elapsed_time_always_increases(steps):
    time = 1e9 + np.cumsum(steps)
    t = series.elapsed(time)
    assert t[0] == 0
    assert (np.diff(t) > 0).all()


def test_a_clock_set_back_costs_one_median_step():
    time = np.concatenate([np.arange(0, 100, 2.0), np.arange(50, 150, 2.0)])
    np.testing.assert_allclose(series.elapsed(time), np.arange(0, 200, 2.0))


def test_rows_of_one_time_take_none():
    np.testing.assert_allclose(series.elapsed(np.repeat(np.arange(0, 200, 2.0), 3))[-1], 198, rtol=1e-5)


def test_shuffled_rows_are_put_in_order():
    rng = np.random.default_rng(3)
    order = rng.permutation(200)
    shuffled = Frame("t", np.arange(200.0)[order], {"a": np.arange(200.0)[order]}, np.empty(0))
    np.testing.assert_array_equal(series.ordered(shuffled).columns["a"], np.arange(200.0))


def test_regimes_by_start_time():
    there = frame(starts=[5.0] * 4 + [5.4] * 2 + [900.0] * 6, a=np.arange(12))
    found = series.regimes(there)
    assert [(s.start, s.stop) for s in found.slices] == [(0, 6), (6, 12)]
    assert not found.inferred


@pytest.mark.parametrize("name", series.STARTS)
def test_a_start_time_among_the_columns_tells_of_restarts_and_is_not_judged(tmp_path, name):
    rows = "".join(f"{i},{10 if i < 5 else 500},{i}\n" for i in range(10))
    there = series.read(write(tmp_path, f"ts_unix,{name},a\n{rows}"))
    assert [(s.start, s.stop) for s in series.regimes(there).slices] == [(0, 5), (5, 10)]
    assert series.roles(there).judged == ("a",)


def restarting(n=300, at=150, memory=True, count=True):
    age = np.where(np.arange(n) < at, 10_000, np.arange(n) - at)
    rss = 1e8 * (1 - 0.8 * np.exp(-age / 20) * memory)
    fds = 100 * (1 - 0.9 * np.exp(-age / 20) * count)
    return frame(rss_bytes=rss, num_fds=np.round(fds))


@pytest.mark.parametrize(
    "memory, count, regimes", [(True, True, 2), (True, False, 1), (False, True, 1), (False, False, 1)]
)
def test_a_restart_is_inferred_only_when_memory_and_a_count_fall_together(memory, count, regimes):
    found = series.regimes(restarting(memory=memory, count=count))
    assert len(found.slices) == regimes
    assert found.inferred == (regimes > 1)
    if regimes > 1:
        assert found.slices[1].start == 150


def test_an_outlier_in_memory_and_count_is_no_restart():
    there = restarting(memory=False, count=False)
    for values in there.columns.values():
        values[77] = 0
    assert len(series.regimes(there).slices) == 1


def test_spikes_of_one_row_go_and_the_rest_stays():
    values = np.array([100.0, 100, 300, 100, 100, 0, 100, 120, 120, 100, np.nan, 100])
    expected = np.array([100.0, 100, 100, 100, 100, 100, 100, 120, 120, 100, np.nan, 100])
    np.testing.assert_array_equal(series.despiked(values), expected)


@given(st.integers(2, 400), st.integers(1, 64))
def test_blocks_cover_all_rows_once(n, blocks):
    t = np.cumsum(np.random.default_rng(n).exponential(1.0, n))
    edges = series.block_edges(t, blocks)
    assert edges[0] == 0
    assert (np.diff(edges) > 0).all()
    assert len(edges) <= blocks
    means = series.block_means(np.ones(n), edges)
    np.testing.assert_allclose(means, 1.0)
