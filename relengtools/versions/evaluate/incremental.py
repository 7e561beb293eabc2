"""Versions of the package `incremental`."""

from relengtools.versions.evaluate.values import Instance, Unknown


def public(version: Instance) -> str | Unknown:
    """`Version("package", 24, 3, 0, release_candidate=1).public()`: 24.3.0rc1.

    Source: incremental's `Version.public`; `local` follows the names of its parameters.
    """
    numbers = version.arguments[1:4]
    if len(numbers) != 3 or not all(isinstance(number, int) for number in numbers):
        return Unknown("the numbers of incremental's version can't be told", "incremental")
    text = ".".join(map(str, numbers))
    later = dict(zip(("release_candidate", "prerelease", "post", "dev"), version.arguments[4:], strict=False))
    for names, mark in ((("release_candidate", "prerelease"), "rc"), (("post",), ".post"), (("dev",), ".dev")):
        number = next((v for n, v in (later | version.keywords).items() if n in names and v is not None), None)
        if number is not None:
            text += f"{mark}{number}"
    return text
