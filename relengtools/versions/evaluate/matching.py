"""One use of a regular expression, as plain data; also a program, as only a process can be stopped everywhere."""

import re
from typing import Any

Spans = list[tuple[int, int]]


def match(how: str, pattern: str, text: str, flags: int, more: list[Any]) -> Any:
    """For a search (`finditer`, or one alone) the spans of all groups of each match and the groups' names.

    For `sub` and `split` what they give; `more` are the template, and the counts. Raises what `re` raises.
    """
    compiled = re.compile(pattern, flags)
    if how == "sub":
        return compiled.sub(more[0], text, more[1])
    if how == "split":
        return compiled.split(text, more[0])
    found = getattr(compiled, how)(text)
    matches = [found] if isinstance(found, re.Match) else found or ()
    return [_spans(each) for each in matches], dict(compiled.groupindex)


def _spans(found: "re.Match[str]") -> Spans:
    return [found.span(group) for group in range(len(found.groups()) + 1)]


if __name__ == "__main__":
    import json
    import sys

    json.dump(match(*json.load(sys.stdin)), sys.stdout)
