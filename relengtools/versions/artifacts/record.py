"""RECORD: the list of a wheel's files and their digests."""

import csv
import hashlib
import io
from base64 import urlsafe_b64decode
from collections.abc import Iterator, Sequence

from relengtools.versions.artifacts.contents import Member, MemberKind, shown

# Not listed with a digest: they can't hold their own.
_SIGNING = ("RECORD", "RECORD.jws", "RECORD.p7s")
_WEAK = {"md5", "sha1"}


def mismatches(data: bytes, members: Sequence[Member], folder: str) -> Iterator[str]:
    """What RECORD, in `folder`, says otherwise than the members are.

    Digests other than SHA-256 are only looked at as far as they may be used. Source: PyPA's "Recording installed
    projects", and "Binary distribution format".
    """
    signing = {f"{folder}/{name}" for name in _SIGNING}
    files = {member.name: member for member in members if member.kind is not MemberKind.FOLDER}
    listed = set(signing)
    try:
        for name, digest, size in _rows(data):
            if name not in files:
                yield f"{shown(name)} is listed and not there"
                continue
            listed.add(name)
            if name not in signing and (reason := _differs(digest, files[name].digest)):
                yield f"{shown(name)}: {reason}"
            elif name not in signing and size and size != str(files[name].size):
                yield f"{shown(name)}: it has {files[name].size} bytes, and RECORD says {shown(size)}"
    except (csv.Error, UnicodeDecodeError) as error:
        yield f"it can't be read: {error}"
        return
    yield from (f"{shown(name)} is there and not listed" for name in files if name not in listed)


def _rows(data: bytes) -> Iterator[tuple[str, str, str]]:
    """Path, digest and size of each line; raises csv.Error and UnicodeDecodeError."""
    for row in csv.reader(io.TextIOWrapper(io.BytesIO(data), "utf-8", newline="")):
        if row:
            name, digest, size, *_ = *row, "", ""
            yield name, digest, size


def _differs(said: str, digest: bytes) -> str | None:
    algorithm, _, value = said.partition("=")
    if not value:
        return "it has no digest"
    if algorithm in _WEAK or algorithm not in hashlib.algorithms_available:
        return f"its digest is {shown(algorithm)}, which is not allowed"
    if algorithm != "sha256":
        return None
    try:
        same = urlsafe_b64decode(value + "=" * (-len(value) % 4)) == digest
    except ValueError:
        same = False
    return None if same else "its digest is another"
