"""Versions of the package `incremental`."""

from relengtools.versions.evaluate.values import Instance, Unknown

_MARKS = ((("release_candidate", "prerelease"), "rc"), (("post",), ".post"), (("dev",), ".dev"))


def public(version: Instance) -> str | Unknown:
    """`Version("package", 24, 3, 0, release_candidate=1).public()`: 24.3.0rc1.

    Source: incremental's `Version.public`; `later` follows the names of its parameters.
    """
    later = dict(zip(("release_candidate", "prerelease", "post", "dev"), version.arguments[4:], strict=False))
    given = later | version.keywords
    numbers = [*version.arguments[1:4], *(given[name] for name in ("major", "minor", "micro") if name in given)]
    if len(numbers) != 3 or not all(isinstance(number, int) for number in numbers):
        return Unknown("the numbers of incremental's version can't be told", "incremental")
    text = ".".join(map(str, numbers))
    for names, mark in _MARKS:
        number = next((given[name] for name in names if given.get(name) is not None), None)
        if number is not None and not isinstance(number, int):
            return Unknown("the numbers of incremental's version can't be told", "incremental")
        text += "" if number is None else f"{mark}{number}"
    return text
