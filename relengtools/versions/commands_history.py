"""The command `relengtools versions history`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from relengtools.errors import RelengError, printable, standard_input
from relengtools.versions.commands_convert import POLICIES, SOURCES, TARGETS
from relengtools.versions.commands_parts import FORMAT, count, progress, say

if TYPE_CHECKING:
    from relengtools.versions.history import Report, Tag
    from relengtools.versions.repository import Repository
    from relengtools.versions.scheme.rule import Rule


@click.command(
    epilog="Exit codes: 0 every release keeps its place; 1 flips, collisions, releases without a version or a place, "
    "or a setup.py that takes `git describe` as it is; 2 not done."
)
@click.argument("repo", metavar="[REPO]", default=None, required=False)
@click.option("--tags-file", metavar="FILE", help="A list of tags instead of a repository; - is standard input.")
@click.option(
    "--from", "source", type=click.Choice(SOURCES), default="auto", show_default=True, help="How to read tags."
)
@click.option(
    "--to", "target", type=click.Choice(TARGETS), default="pep440", show_default=True, help="Whose order to look at."
)
@click.option("--policy", type=click.Choice(POLICIES), help="What a commit after a tag becomes.  [default: next-dev]")
@click.option("--rule", "rule_file", metavar="FILE", help="A TOML file with the project's own schemes, tried first.")
@click.option("--plot", metavar="FILE", help="Also draw the releases over time, as .svg or .png.")
@FORMAT
def history(
    repo: str | None,
    tags_file: str | None,
    source: str,
    target: str,
    policy: str | None,
    rule_file: str | None,
    plot: str | None,
    output_format: str,
) -> int:
    """What a versioning scheme does to the order of a project's releases.

    REPO is a git repository, by default the working directory. A list has a tag on each line, and then perhaps a date
    and a commit; the output of `git ls-remote --tags URL` is one.

    \b
      flips         pairs that the target orders otherwise than the tags' own scheme
      collisions    two commits with one version; in a list without commits nobody can tell them from aliases
      no version    tags that can't be read; `latest` and its like name no release and do no harm
      aliases       tags of one commit
      gaps          numbers that were skipped: 1.2.3 -> 1.2.5
      backwards     a tag that descends from a higher one
      describe      commits of the history whose `git describe --tags` PEP 440 refuses, and the order under --policy

    Two tags are compared where one descends from the other, else within the same first two numbers, so that a
    maintenance release (1.4.9 after 2.0) is no flip. Dates only break ties.

    \b
    Examples:
      relengtools versions history
      relengtools versions history --to debian --output-format json
      relengtools versions history ~/src/soju --policy post --plot releases.svg
      git ls-remote --tags URL | relengtools versions history --tags-file -
    """
    from relengtools.versions import history as judge
    from relengtools.versions import history_report

    if repo is not None and tags_file is not None:
        raise click.UsageError("REPO and --tags-file exclude each other")
    rules = _rules(rule_file, None if tags_file is not None else repo or ".")
    mapping = judge.Mapping(source, target, policy, rules)
    whole, found = True, None
    if tags_file is not None:
        tags, whole = _listed(tags_file)
    else:
        tags, found = _repository(repo or ".", policy, rules)
    report = judge.judge(tags, mapping, found.ancestry if found else None)
    commits = found.commits if found else None
    if output_format == "json":
        import json

        click.echo(json.dumps(history_report.document(report, mapping, commits), indent=2))
    else:
        click.echo(history_report.text(report, mapping, commits), nl=False)
    if plot is not None:
        _plot(report, target, plot)
    if not whole or (found is not None and commits is None):
        return 2
    refused = commits is not None and ((commits.describes and commits.invalid) or (policy and commits.flips))
    return 1 if refused or not report.clean else 0


def _repository(path: str, policy: str | None, rules: Sequence["Rule"]) -> "tuple[Sequence[Tag], Repository]":
    from relengtools.versions import git, repository

    directory = Path(path)
    if not directory.is_dir():
        raise RelengError(f"{path}: no such directory")
    try:
        found = repository.read(directory, policy or "next-dev", rules, lambda done: progress(f"{done} commits"))
    except git.GitError as error:
        raise RelengError(f"{path}: {error}") from error
    finally:
        progress(None)
    if found.commits is None:
        say(f"{printable(path)}: a shallow clone has no history to look at: `git fetch --unshallow --tags`, then again")
    return found.tags, found


def _listed(path: str) -> "tuple[Sequence[Tag], bool]":
    """The tags of a list, and whether it holds nothing else."""
    from relengtools.versions import tag_list

    try:
        data = standard_input().read() if path == "-" else Path(path).read_bytes()
    except OSError as error:
        raise RelengError(f"{path}: can't read the list of tags: {error.strerror}") from error
    found = tag_list.read(tag_list.text(data).split("\n"))
    others = found.others
    if others:
        lines = f"{count(len(others), 'line holds', 'lines hold')} no tag, the first is line {others[0]}"
        say(f"{printable(path)}: {lines}: no tag has control characters")
    if not (found.tags or others):
        raise RelengError(f"{path}: no tag in it; write one on each line, then perhaps a date and a commit")
    return found.tags, not others


def _rules(path: str | None, repo: str | None) -> "Sequence[Rule]":
    """Those of the file that is named, else those of the repository's pyproject.toml."""
    if path is not None:
        from relengtools.versions.scheme import rule

        return rule.load(path)
    if repo is None:
        return ()
    from relengtools.versions import settings

    directory = Path(repo).resolve()
    return settings.find(directory, directory, {}).schemes


def _plot(report: "Report", target: str, path: str) -> None:
    from relengtools.versions import timeline

    picture = timeline.render(report, target, Path(path).suffix)
    try:
        Path(path).write_bytes(picture)
    except OSError as error:
        raise RelengError(f"{path}: can't write the plot: {error.strerror}") from error
