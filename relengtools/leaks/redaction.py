"""What `record --redact` keeps back: command lines, addresses and paths, as names that are the same within one run."""

import secrets
from hashlib import blake2b

from relengtools.leaks.descriptors import Change, Descriptor, Kind
from relengtools.leaks.target import By, Selector


class Mask:
    """Names by a key that is never kept: equal things stay equal, and nobody can try what they were."""

    def __init__(self) -> None:
        self.key = secrets.token_bytes(32)

    def name(self, text: str) -> str:
        """A short name for `text`, "" for none."""
        return blake2b(text.encode("utf-8", "replace"), key=self.key, digest_size=5).hexdigest() if text else ""

    def address(self, text: str) -> str:
        """HOST:PORT without its host."""
        host, colon, port = text.rpartition(":")
        return f"{self.name(host)}{colon}{port}" if host else text

    def descriptor(self, each: Descriptor) -> Descriptor:
        """The descriptor without path and addresses; roles of sockets (`tcp in :6667`) tell nobody's name."""
        path = each.kind in (Kind.FILE, Kind.OTHER) or "/" in each.label or "@" in each.label
        label = f"{each.kind}-{self.name(each.label)}" if path else each.label
        return each._replace(label=label, local=self.address(each.local), peer=self.address(each.peer))

    def change(self, change: Change) -> Change:
        """What goes into the recording of a scan."""
        return change._replace(born=[self.descriptor(each) for each in change.born])


def selector_text(wanted: Selector) -> str:
    """How a redacted recording remembers what it is of: a command by its program alone."""
    if wanted.by is not By.COMMAND:
        return wanted.text
    program, *rest = wanted.command
    return Selector(By.COMMAND, f"{program}{' [redacted]' if rest else ''}").text


def url_text(url: str | None) -> str:
    """A URL without its query, where tokens are."""
    return (url or "").partition("?")[0]
