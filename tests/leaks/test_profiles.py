"""pprof's protobuf → stacks and their growth; what is hostile, cut off or huge is refused within bounds."""

import gzip
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relengtools.leaks import profiles
from relengtools.leaks.profiles import Growth, NotAProfile, culprit, growth, stacks

DATA = Path(__file__).parent / "data"
FIRST, LAST, HEAP = (
    (DATA / name).read_bytes() for name in ("goroutine-first.pb.gz", "goroutine-last.pb.gz", "heap.pb.gz")
)


def varint(number: int) -> bytes:
    out = bytearray()
    number &= (1 << 64) - 1
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def piece(field: int, value: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(value)) + value


def sample(ids: list[int], values: list[int], *, packed: bool = True) -> bytes:
    if packed:
        return piece(2, piece(1, b"".join(map(varint, ids))) + piece(2, b"".join(map(varint, values))))
    return piece(2, b"".join(number(1, i) for i in ids) + b"".join(number(2, v) for v in values))


def location(id_: int, *functions: int) -> bytes:
    return piece(4, number(1, id_) + b"".join(piece(4, number(1, f) + number(2, 42)) for f in functions))


def function(id_: int, name: int) -> bytes:
    return piece(5, number(1, id_) + number(2, name) + number(4, 0))


def profile(counted: dict[tuple[str, ...], int], *, packed: bool = True) -> bytes:
    """A profile of these stacks, with a location and a function for each name."""
    names = sorted({name for stack in counted for name in stack})
    at = {name: i for i, name in enumerate(names, 1)}
    parts = [sample([at[n] for n in stack], [7, count], packed=packed) for stack, count in counted.items()]
    parts += [location(i, i) + function(i, i) for i in at.values()]
    return b"".join([*parts, *(piece(6, name.encode()) for name in ["", *names])])


# ------------------------------------------------------------------------------------------------ what is read


def test_the_leak_of_a_real_bouncer_is_named() -> None:
    grown = growth(FIRST, LAST)
    assert {culprit(each.stack) for each in grown[:2]} == {
        "codeberg.org/emersion/soju.newConn.func1",
        "codeberg.org/emersion/soju.(*conn).NewContext.func1",
    }
    assert [(each.first, each.last) for each in grown[:2]] == [(3, 1907), (4, 1907)]
    assert all(each.last > each.first for each in grown)
    assert growth(FIRST, FIRST) == []


def test_a_heap_profile_is_counted_in_bytes_in_use() -> None:
    (stack, size), *rest = stacks(HEAP).most_common()
    assert (stack[0], size) == ("runtime.main", 524344)
    assert {value for _, value in rest} == {0}


STACK = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), max_size=5).map(tuple)


@given(st.dictionaries(STACK, st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=6), st.booleans(), st.booleans())
def test_what_was_encoded_is_read_back(counted: dict[tuple[str, ...], int], packed: bool, zipped: bool) -> None:
    data = profile(counted, packed=packed)
    assert stacks(gzip.compress(data) if zipped else data) == Counter(counted)


def test_inlined_calls_are_frames_of_their_own_innermost_first() -> None:
    names = b"".join(piece(6, name) for name in (b"", b"inner", b"outer", b"main"))
    functions = b"".join(function(i, i) for i in (1, 2, 3))
    data = sample([1, 2], [1]) + location(1, 1, 2) + location(2, 3) + functions + names
    assert stacks(data) == {("inner", "outer", "main"): 1}


def test_samples_of_one_stack_are_added_up() -> None:
    assert stacks(profile({("a",): 2}) + sample([1], [3])) == {("a",): 5}


def test_a_location_without_symbols_and_unknown_fields_are_passed_over() -> None:
    unknown = number(9, 1) + varint(12 << 3 | 1) + bytes(8) + varint(13 << 3 | 5) + bytes(4) + piece(14, b"new")
    assert stacks(profile({("a",): 2}) + unknown + location(8) + sample([8, 1], [4])) == {("a",): 6}


@pytest.mark.parametrize(
    ("stack", "named"),
    [
        (("runtime.gopark", "runtime.chanrecv", "soju.serve", "main.main"), "soju.serve"),
        (("internal/poll.runtime_pollWait", "net.(*netFD).Read"), "net.(*netFD).Read"),
        (("main.main",), "main.main"),
        (("runtime.gopark", "runtime.bgsweep"), "runtime.gopark"),
        ((), "(no stack)"),
    ],
)
def test_the_culprit_is_the_innermost_function_that_is_not_the_runtimes(stack: tuple[str, ...], named: str) -> None:
    assert culprit(stack) == named


def test_growth_is_ordered_by_what_was_gained_and_leaves_out_what_shrank() -> None:
    before = profile({("a",): 5, ("b",): 1, ("c",): 9})
    after = profile({("a",): 6, ("b",): 9, ("c",): 2, ("d",): 3})
    assert growth(before, after) == [Growth(("b",), 1, 9), Growth(("d",), 0, 3), Growth(("a",), 5, 6)]


# ------------------------------------------------------------------------------------------------ what is refused


REFUSED = {
    "nothing": b"",
    "text": b"goroutine profile: total 23\n",
    "html": b"<html><body>404 page not found</body></html>",
    "an empty gzip": gzip.compress(b""),
    "gzip of text": gzip.compress(b"goroutine profile: total 23\n"),
    "gzip cut off": FIRST[: len(FIRST) // 2],
    "gzip of a profile cut off": gzip.compress(gzip.decompress(FIRST)[:-3]),
    "gzip without its last byte": FIRST[:-1],
    "gzip with a wrong checksum": FIRST[:-8] + bytes(8),
    "a location that is not there": profile({("a",): 1}) + sample([99], [1]),
    "a function that is not there": profile({("a",): 1}) + location(9, 99),
    "a name that is not there": profile({("a",): 1}) + function(9, 99),
    "a sample without a value": profile({("a",): 1}) + sample([1], []),
    "a group": profile({("a",): 1}) + varint(9 << 3 | 3),
    "a number where a message belongs": profile({("a",): 1}) + number(2, 5),
    "a message where a number belongs": profile({("a",): 1}) + piece(5, piece(1, b"x")),
    "a varint without an end": b"\xff" * 11,
    "a length beyond the end": varint(6 << 3 | 2) + varint(1 << 60) + b"x",
    "samples alone": sample([], [1]),
}


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED)
def test_what_is_no_profile_is_refused(data: bytes) -> None:
    with pytest.raises(NotAProfile):
        stacks(data)
    with pytest.raises(NotAProfile):
        growth(FIRST, data)


@given(st.integers(0, 20_000), st.binary(min_size=1, max_size=20))
def test_a_damaged_profile_is_read_or_refused(at: int, junk: bytes) -> None:
    data = bytearray(gzip.decompress(LAST))
    at %= len(data)
    data[at : at + len(junk)] = junk
    with suppress(NotAProfile):
        assert all(isinstance(name, str) for stack in stacks(bytes(data)) for name in stack)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_profile_or_refused(data: bytes) -> None:
    for form in (data, gzip.compress(data)):
        with suppress(NotAProfile):
            stacks(form)


@pytest.mark.timeout(20)
def test_a_gzip_bomb_is_not_unpacked() -> None:
    bomb = gzip.compress(bytes(profiles.MOST_BYTES * 8))
    begun = time.monotonic()
    with pytest.raises(NotAProfile, match="larger than 16 MiB"):
        stacks(bomb)
    assert time.monotonic() - begun < 5
    with pytest.raises(NotAProfile, match="larger than 16 MiB"):
        stacks(bytes(profiles.MOST_BYTES + 1))


@pytest.mark.timeout(20)
def test_a_few_bytes_do_not_become_a_stack_of_billions() -> None:
    long = location(1, *[1] * 10_000) + function(1, 1) + piece(6, b"") + piece(6, b"f")
    with pytest.raises(NotAProfile, match="frames"):
        stacks(long + sample([1] * 1_000_000, [1]))
    with pytest.raises(NotAProfile, match="frames"):
        stacks(long + sample([1], [1]) * 1000)
