"""The live heap after collections, messages that explain it, and room in a store."""

import numpy as np
import pytest

from relengtools.leaks import memory


def test_collections_are_the_samples_after_a_fall_also_with_holes():
    heap = np.array([1.0, 2, 3, np.nan, 1.5, 2.5, np.nan, 4, 2, np.nan])
    t = np.arange(10.0)
    when, live = memory.collections(t, heap)
    assert when.tolist() == [4, 8]
    assert live.tolist() == [1.5, 2]


def test_counters_of_messages_are_added_and_others_left_out():
    columns = {
        n: np.ones(3) for n in ("in_messages_total", 'http_requests_total{code="2"}', "errors_total", "x_bytes_total")
    }
    np.testing.assert_array_equal(memory.messages(columns, tuple(columns)), [2, 2, 2])
    assert memory.messages(columns, ("errors_total",)) is None


def sawtooth(live):
    return live + 3e6 * ((np.arange(len(live)) / 23) % 1)


@pytest.mark.parametrize("each, leak", [(300.0, False), (3000.0, False), (9000.0, True)])
def test_growth_a_message_tells_a_store_from_a_leak(each, leak):
    handled = np.cumsum(np.random.default_rng(1).poisson(2.0, 900)).astype(float)
    found = memory.live_heap(np.arange(900.0), sawtooth(2e6 + each * handled), handled)
    assert found.leak is leak
    assert found.per_message == pytest.approx(each, rel=0.25)
    assert found.rate.low <= found.rate.rate <= found.rate.high


def test_a_store_that_is_full_is_no_leak():
    handled = 2 * np.arange(1200.0)
    stored = np.minimum(9000 * handled, 9000 * 900)
    assert not memory.live_heap(np.arange(1200.0), sawtooth(2e6 + stored), handled).leak


def test_seven_collections_are_too_few():
    heap = sawtooth(np.full(23 * 8, 1e6))
    assert memory.live_heap(np.arange(len(heap), dtype=float), heap, None) is None
    assert memory.live_heap(np.arange(230.0), sawtooth(np.full(230, 1e6)), None) is not None


def test_room_shrinks_with_what_was_taken():
    assert memory.room(0, 1e6) == 1
    assert memory.room(1e6, 1e6) == 0.5
    assert memory.room(3e6, 1e6) == 0.25
    assert memory.room(-5, 0) == 1
