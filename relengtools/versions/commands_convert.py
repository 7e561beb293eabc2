"""The command `relengtools versions convert`."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import click

from relengtools.errors import printable, standard_input

if TYPE_CHECKING:
    from relengtools.versions.scheme.convert import Conversion

SOURCES = ("auto", "pep440", "git-describe", "semver", "calver", "debian", "rpm", "alpine", "arch", "conda")
TARGETS = ("pep440", "semver", "debian", "rpm", "alpine", "conda")
POLICIES = ("post", "next-dev", "local")
BATCH = 1000

SCHEMES = """\b
  scheme        looks like                              as PEP 440
  pep440        1.0-rc1, v1.0, 1.0.post1                1.0rc1, 1.0, 1.0.post1
  git-describe  1.2.3-4-g1a2b3c4                        1.2.4.dev4+g1a2b3c4 (next-dev)
                                                        1.2.3.post4+g1a2b3c4 (post)
                                                        1.2.3+4.g1a2b3c4 (local)
  semver        1.0.0-alpha.1, 2.2.3-SNAPSHOT           1.0.0a1, 2.2.3.dev0
  calver        2022-07-09                              2022.7.9
  debian        1:1.0~rc1+dfsg-2, 1.0+git20200310-1     1.0rc1, 1.0.post20200310
  rpm           1.0~rc1-1.fc40, 1.0^20240101git1a2b3c4  1.0rc1, 1.0.post20240101
  alpine        1.0_rc1-r0, 0.1.0_git20190115           1.0rc1, 0.1.0.post20190115
  arch          0.1.0.r6.g35517d1, 0.1.0_6_g35517d1     0.1.0.post6+g35517d1
  conda         1.0.post1                               1.0.post1"""


@click.command(
    epilog=f"Schemes:\n\n{SCHEMES}\n\nExit codes: 0 all converted, 1 something has no honest answer, 2 not done."
)
@click.argument("strings", metavar="STRING...", nargs=-1, required=True)
@click.option("--from", "source", type=click.Choice(SOURCES), default="auto", show_default=True, help="How to read it.")
@click.option(
    "--to", "target", type=click.Choice(TARGETS), default="pep440", show_default=True, help="How to write it."
)
@click.option(
    "--policy",
    type=click.Choice(POLICIES),
    help="What a commit after a tag becomes.  [default: next-dev for git-describe, post for arch and alpine]",
)
@click.option("--rule", "rule_file", metavar="FILE", help="A TOML file with the project's own schemes, tried first.")
@click.option(
    "--output-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="The bare version, or JSON Lines.",
)
def convert(
    strings: Sequence[str], source: str, target: str, policy: str | None, rule_file: str | None, output_format: str
) -> int:
    """Convert version strings from one scheme to another.

    STRING is a version or a tag; `-` reads one a line from standard input. A line that is a JSON object with "input"
    stands for that text, so the output can be converted again.

    As text, one line of output answers one of input: the version alone, or an empty line where no honest answer exists.
    What was dropped or guessed goes to stderr. As JSON Lines: input, scheme, version, canonical (PEP 440), exact
    (nothing dropped, nothing guessed) and reason.

    `auto` is PEP 440 whenever packaging accepts the text, else a scheme beyond doubt, else a tag:
    release-1.2, name-v1.2, REL_1_2_BETA3.

    A rule is a regular expression with named groups, which the whole text must match, and a template: {group},
    {group|default}, {group:ordinal} (a is 1, z is 26), and [parts] that are left out where their groups are:

    \b
      [[schemes]]                    # in pyproject.toml: [[tool.relengtools.schemes]]
      pattern = 'v(?P<major>\\d+)r(?P<minor>\\d+)(?:p(?P<patch>\\d+))?(?:-pre(?P<pre>\\d+))?'
      template = "{major}.{minor}.{patch|0}[a{pre}]"       # v7r2-pre33 is 7.2.0a33

    \b
    Examples:
      relengtools versions convert "$(git describe --tags)"
      relengtools versions convert --to debian 1.0rc1.dev3
      git tag | relengtools versions convert - --output-format json
    """
    from relengtools.versions.scheme import rule
    from relengtools.versions.scheme.convert import as_json
    from relengtools.versions.scheme.convert import convert as convert_one

    rules = () if rule_file is None else rule.load(rule_file)
    refused = False
    for texts in _batches(_texts(strings)):
        answers = [convert_one(text, source, target, policy, rules) for text in texts]
        refused = refused or any(answer.version is None for answer in answers)
        if output_format == "json":
            _write([as_json(answer) for answer in answers])
        else:
            _write([answer.version or "" for answer in answers])
            _explain(answers)
    return 1 if refused else 0


def _write(lines: Sequence[str]) -> None:
    if sys.stdout is not None:  # closed, which the program says at its end
        sys.stdout.write("\n".join(lines) + "\n")


def _explain(answers: Sequence["Conversion"]) -> None:
    """To standard error, what a bare version doesn't say: why there is none, what was dropped or guessed."""
    for answer in answers:
        if answer.reason is not None:
            kind = "no version" if answer.version is None else "not exact"
            click.echo(f"{printable(answer.input[:200])}: {kind}: {printable(answer.reason)}", err=True)


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    for text in texts:
        batch.append(text)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _texts(strings: Sequence[str]) -> Iterator[str]:
    for string in strings:
        if string == "-":
            yield from map(_line, standard_input())
        else:
            yield string


def _line(raw: bytes) -> str:
    """One line of input: text, or a JSON object with `input`. Bytes that aren't UTF-8 stay as they are, escaped."""
    text = raw.removesuffix(b"\n").removesuffix(b"\r").decode(errors="surrogateescape")
    if not text.startswith("{"):
        return text
    import json

    try:
        row = json.loads(text)
    except (ValueError, RecursionError):
        return text
    found = row.get("input") if isinstance(row, dict) else None
    return found if isinstance(found, str) else text
