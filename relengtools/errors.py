"""What went wrong, in one line for the person at the terminal."""


class RelengError(Exception):
    """The job can't be done, in whole or in part (exit code 2): one line that says what, where and what to do."""

    def __str__(self) -> str:
        return " ".join(super().__str__().split())


def printable(text: str) -> str:
    """`text` with all that a terminal could act on escaped: control, format and unassigned characters, surrogates."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)
