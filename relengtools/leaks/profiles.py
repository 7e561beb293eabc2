"""pprof profiles -> how many goroutines (or bytes) each stack holds, and which stacks grew between two profiles.

Source: github.com/google/pprof, proto/profile.proto; protobuf's encoding: protobuf.dev/programming-guides/encoding.
"""

import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple

MOST_BYTES = 16 << 20  # unpacked; a profile of 100,000 goroutines has about 1 MB
MOST_FRAMES = 1 << 22  # of all stacks together: a few bytes can name one long location over and over
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_64_BITS = (1 << 64) - 1
# Fields of profile.proto that are read.
_SAMPLE, _LOCATION, _FUNCTION, _STRING = 2, 4, 5, 6

Stack = tuple[str, ...]


class NotAProfile(ValueError):
    """The bytes are no pprof profile."""


class Growth(NamedTuple):
    """A stack (innermost function first) and what it held at first and at last."""

    stack: Stack
    first: int
    last: int


def stacks(data: bytes) -> Counter[Stack]:
    """Value of every stack of a gzipped or plain pprof profile: the last sample type (in-use bytes in a heap profile).

    Raises NotAProfile where `data` is none, is larger than 16 MiB unpacked, or holds more than four million frames.
    """
    try:
        return _stacks(_unpacked(data))
    except (ValueError, IndexError, KeyError, zlib.error) as error:
        raise NotAProfile(str(error) or type(error).__name__) from error


def growth(first: bytes, last: bytes) -> list[Growth]:
    """Stacks that hold more in `last` than in `first`, the greatest growth first."""
    before, after = stacks(first), stacks(last)
    grown = [Growth(stack, before[stack], count) for stack, count in after.items() if count > before[stack]]
    return sorted(grown, key=lambda g: (g.first - g.last, g.stack))


def culprit(stack: Stack) -> str:
    """The innermost function that is not the runtime's: every parked goroutine ends in runtime.gopark."""
    ours = (function for function in stack if not function.startswith(("runtime.", "internal/")))
    return next(ours, stack[0] if stack else "(no stack)")


def _unpacked(data: bytes) -> bytes:
    packed = data.startswith(b"\x1f\x8b")
    unpacker = zlib.decompressobj(wbits=31)
    plain = unpacker.decompress(data, MOST_BYTES + 1) if packed else data
    if len(plain) > MOST_BYTES:
        raise ValueError(f"larger than {MOST_BYTES >> 20} MiB")
    if packed and not unpacker.eof:
        raise ValueError("cut off")
    return plain


def _stacks(data: bytes) -> Counter[Stack]:
    samples: list[bytes] = []
    locations: dict[int, list[int]] = {}
    functions: dict[int, int] = {}
    strings: list[str] = []
    for field, value in _fields(data):
        if field == _STRING:
            strings.append(_bytes(value).decode(errors="replace"))
        elif field == _SAMPLE:
            samples.append(_bytes(value))
        elif field == _LOCATION:
            number, lines = _location(_bytes(value))
            locations[number] = lines
        elif field == _FUNCTION:
            parts = dict(_fields(_bytes(value)))
            functions[_int(parts[1])] = _int(parts.get(2, 0))
    if not strings:
        raise ValueError("no string table")
    names = {function: strings[name] for function, name in functions.items()}
    calls = {location: [names[function] for function in lines] for location, lines in locations.items()}
    return _counted(samples, calls)


def _counted(samples: list[bytes], calls: Mapping[int, list[str]]) -> Counter[Stack]:
    """The last value of each stack; `calls` are the functions of each location."""
    counted: Counter[Stack] = Counter()
    frames = 0
    for sample in samples:
        ids, values = _sample(sample)
        frames += sum(len(calls[location]) for location in ids)
        if frames > MOST_FRAMES:
            raise ValueError(f"more than {MOST_FRAMES} frames")
        counted[tuple(name for location in ids for name in calls[location])] += values[-1]
    return counted


def _sample(data: bytes) -> tuple[list[int], list[int]]:
    """Location ids, innermost first, and the values; both packed or one by one."""
    found: dict[int, list[int]] = {1: [], 2: []}
    for field, value in _fields(data):
        if field in found:
            found[field] += [value] if isinstance(value, int) else _packed(value)
    return found[1], [_signed(value) for value in found[2]]


def _location(data: bytes) -> tuple[int, list[int]]:
    """The id and the function ids of its lines: more than one where calls were inlined, innermost first."""
    number, lines = 0, []
    for field, value in _fields(data):
        if field == 1:
            number = _int(value)
        elif field == 4:
            lines.append(_int(dict(_fields(_bytes(value)))[1]))
    return number, lines


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """(field number, value) of a protobuf message."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        field, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, at = _varint(data, at)
            yield field, value
            continue
        if wire == _BYTES:
            size, at = _varint(data, at)
        elif wire in (_FIXED64, _FIXED32):
            size = 8 if wire == _FIXED64 else 4
        else:
            raise ValueError(f"wire type {wire}")
        if at + size > len(data):
            raise ValueError("cut off")
        yield field, data[at : at + size]
        at += size


def _packed(data: bytes) -> list[int]:
    numbers, at = [], 0
    while at < len(data):
        number, at = _varint(data, at)
        numbers.append(number)
    return numbers


def _varint(data: bytes, at: int) -> tuple[int, int]:
    result = shift = 0
    while True:
        byte = data[at]
        result |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return result & _64_BITS, at
        if shift > 63:
            raise ValueError("varint too long")


def _signed(value: int) -> int:
    """An int64, which is two's complement on the wire."""
    return value - _64_BITS - 1 if value >> 63 else value


def _int(value: int | bytes) -> int:
    if isinstance(value, bytes):
        raise ValueError("a number was expected")
    return value


def _bytes(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise ValueError("a message was expected")
    return value
