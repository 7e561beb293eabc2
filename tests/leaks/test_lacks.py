"""What a recording lacks for an answer, how much sooner it would have come, and the words for it."""

import numpy as np
import pytest
from leaks.synthetic import frame

from relengtools.leaks import lacks, series
from relengtools.leaks.lacks import Lack

HOURS_36 = 36 * 3600.0
DOUBLES = "only growth that doubles it is called a leak"
GAUGES = "load gauges (--metrics URL when recording, or --load NAME)"


def found(columns, step=1.0, kinds=None):
    data = frame(columns, step=step)
    metrics = {name: {"verdict": (kinds or {}).get(name, "insufficient")} for name in columns}
    return lacks.lacks(
        data, series.roles(data), metrics, [name for name in columns if name in series.roles(data).judged]
    )


def rows(n, **columns):
    return {name: np.broadcast_to(values, n).astype(float) for name, values in columns.items()}


@pytest.mark.parametrize(
    ("columns", "step", "expected"),
    [
        (rows(400, rss_bytes=5), 1.0, [Lack(("rss_bytes",), HOURS_36, "load gauges", 300.0)]),
        (rows(400, rss_bytes=5, users=2), 1.0, [Lack(("rss_bytes",), 300.0)]),
        (rows(400, rss_bytes=5, anon_bytes=5, users=2), 9.0, [Lack(("rss_bytes", "anon_bytes"), 2700.0)]),
        (rows(4000, rss_bytes=5), 60.0, [Lack(("rss_bytes",), 18000.0)]),
        (rows(40, n_threads=5), 1.0, [Lack(("n_threads",), 600.0, "load gauges")]),
        (rows(40, n_reg_files=5), 60.0, [Lack(("n_reg_files",), 3600.0)]),
        (rows(40, num_fds=5, users=2), 1.0, [Lack(("num_fds",), 600.0, "the kinds of descriptors")]),
        (rows(40, num_fds=5, n_pipes=1, users=2), 1.0, [Lack(("num_fds", "n_pipes"), 600.0)]),
    ],
)
def test_what_is_lacking_and_when_an_answer_comes_without_it(columns, step, expected):
    assert found(columns, step) == expected


def test_a_count_is_known_by_the_last_process_alone():
    data = frame(rows(400, n_threads=5, users=2), starts=[1.0] * 300 + [900.0] * 100)
    (lack,) = lacks.lacks(data, series.roles(data), {"n_threads": {"verdict": "insufficient"}}, ["n_threads"])
    assert lack.needed == 900.0


def test_what_has_an_answer_lacks_nothing():
    columns = rows(40, rss_bytes=5, anon_bytes=5, num_fds=5)
    assert found(columns, kinds={"rss_bytes": "leak", "anon_bytes": "stable", "num_fds": "load"}) == []


@pytest.mark.parametrize(("messages", "what"), [("in_messages_total", None), ("errors_total", "a counter of messages")])
def test_a_heap_is_known_after_eight_collections_but_not_what_it_keeps(messages, what):
    saw = np.arange(400) % 20
    columns = rows(400, anon_bytes=5, users=2) | {"go_memstats_heap_alloc_bytes": 1e6 + saw, messages: np.arange(400)}
    (lack,) = (lack for lack in found(columns) if "anon_bytes" in lack.metrics)
    assert (lack.what, lack.needed, lack.needed_with) == (what, 300.0, 160.0 if what else None)
    assert lack.as_json()["delay_s"] == (140.0 if what else None)


@pytest.mark.parametrize(
    ("lack", "text"),
    [
        (Lack(("a", "b"), 600.0), "a, b: no verdict before 10 min in all"),
        (Lack(("a",), 60.0), "a: how long a verdict takes goes by the leak; `relengtools leaks plan` tells"),
        (
            Lack(("a",), HOURS_36, "load gauges", 300.0),
            f"a: before 36 h in all {DOUBLES}; 5 min would do with {GAUGES}",
        ),
        (Lack(("a",), 600.0, "load gauges"), f"a: no verdict before 10 min in all; it lacks {GAUGES}"),
    ],
)
def test_a_lack_in_words(lack, text):
    assert lacks.sentences([lack], observed=100.0) == [text]


def test_what_is_said_alike_is_said_once():
    alike = [Lack(("a",), 60.0), Lack(("b",), 90.0), Lack(("c",), 600.0)]
    assert [line.partition(":")[0] for line in lacks.sentences(alike, observed=100.0)] == ["a, b", "c"]
