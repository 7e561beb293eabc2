"""The JSON of history, migrate, bump and release: what they print in real cases, by schemas written by hand."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from versions.conftest import Run
from versions.gitrepo import Repo
from versions.workshop import sdist, wheel

Schema = dict[str, Any]
Program = Callable[..., Any]


def record(properties: Schema) -> Schema:
    """An object with exactly these keys."""
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def rows(items: Schema, **more: Any) -> Schema:
    return {"type": "array", "items": items, **more}


def nullable(schema: Schema) -> Schema:
    return {"anyOf": [{"type": "null"}, schema]}


TEXT: Schema = {"type": "string"}
NAME: Schema = {"type": "string", "minLength": 1}
TEXTS, PAIRS = rows(NAME), rows(rows(NAME, minItems=2, maxItems=2))
FLAG: Schema = {"type": "boolean"}
COUNT: Schema = {"type": "integer", "minimum": 0}
PLACE: Schema = {"type": "integer", "minimum": 1}
VERSION: Schema = {
    "type": "string",
    "pattern": r"^(\d+!)?\d+(\.\d+)*((a|b|rc)\d+)?(\.post\d+)?(\.dev\d+)?(\+[a-z0-9.]+)?$",
}
EDIT = record({"file": NAME, "line": PLACE, "column": PLACE, "old": TEXT, "new": TEXT})
TAG = record(
    {
        "tag": NAME,
        "version": nullable(NAME),
        "scheme": NAME,
        "canonical": nullable(VERSION),
        "exact": FLAG,
        "reason": nullable(NAME),
        "prefix": TEXT,
        "commit": nullable({"type": "string", "pattern": "^([0-9a-f]{7,64})$"}),
        "date": nullable({"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00$"}),
    }
)
COMMITS = record(
    {
        **dict.fromkeys(("total", "tagged", "unreached", "invalid", "unmapped", "flips"), COUNT),
        "policy": {"enum": ["post", "next-dev", "local"]},
        "examples": PAIRS,
        "describes": nullable({"const": "setup.py"}),
    }
)
HISTORY = record(
    {
        "target": {"enum": ["pep440", "semver", "debian", "rpm", "alpine", "conda"]},
        "tags": rows(TAG),
        **dict.fromkeys(("flips", "collisions", "disagreements", "backwards", "gaps", "undecided"), PAIRS),
        **dict.fromkeys(("invalid", "no_release", "no_place"), TEXTS),
        "aliases": rows(rows(NAME, minItems=2)),
        "prefixes": {"type": "object", "additionalProperties": COUNT},
        "commits": nullable(COMMITS),
    }
)
MIGRATED = record(
    {
        "path": NAME,
        "result": {"enum": ["migrated", "planned", "nothing", "refused", "failed"]},
        "before": nullable(NAME),
        "after": nullable(VERSION),
        "policy": TEXT,
        "files": rows(record({"file": NAME, "change": {"enum": ["rewritten", "made", "removed"]}})),
        "verified": FLAG,
        "built_before": nullable(VERSION),
        "built": nullable(VERSION),
        "built_here": nullable(VERSION),
        "diff": nullable({"type": "string", "pattern": "^--- "}),
        **dict.fromkeys(("reasons", "notes", "carried", "kept", "gained", "packed", "lost", "altered"), TEXTS),
    }
)
MIGRATE = record({"projects": rows(MIGRATED, minItems=1), "packager": TEXTS})
BUMP = record(
    {
        "bumps": rows(record({"path": NAME, "name": nullable(NAME), "old": NAME, "new": NAME}), minItems=1),
        "edits": rows(EDIT, minItems=1),
        "behind": rows(record({"file": NAME, "line": PLACE, "column": PLACE, "requirement": NAME, "new": NAME})),
        "written": FLAG,
        "committed": FLAG,
        "tag": nullable(NAME),
        "diff": nullable({"type": "string", "pattern": "^--- "}),
    }
)
FINDING = record(
    {
        "code": {"type": "string", "pattern": "^RV[0-9]{3}$"},
        "name": {"type": "string", "pattern": "^[a-z0-9-]+$"},
        "message": NAME,
        "file": NAME,
        **dict.fromkeys(("line", "column", "end_line", "end_column"), PLACE),
        "project": NAME,
        "fix": {"type": "null"},
    }
)
SUMMARY = record(
    {
        "total": COUNT,
        "by_code": {"type": "object", "additionalProperties": PLACE},
        "fixable": record({"safe": {"const": 0}, "unsafe": {"const": 0}}),
        "distributions": COUNT,
        "version": nullable(VERSION),
        "errors": TEXTS,
    }
)
SETUP = """\
import os, subprocess
from setuptools import setup

version = os.environ.get("PKGVER") or subprocess.run(["git", "describe", "--tags"], stdout=-1).stdout.decode().strip()
setup(name="alpha", version=version, packages=["alpha"], LICENCE)
"""
PROJECT = '[project]\nname = "alpha"\nversion = "1.2.3"\n'


@pytest.fixture
def told(run: Run) -> Program:
    """`told(SCHEMA, 0, "bump", …)`: the document that the command prints, valid by the schema."""

    def call(schema: Schema, code: int, *arguments: str) -> Any:
        result = run(*arguments, "--output-format", "json")
        assert result.code == code, result.err
        document = json.loads(result.out)
        jsonschema.Draft202012Validator(schema).validate(document)
        return document

    return call


def service(path: Path, licence: str = "license='MIT'") -> Repo:
    repo = Repo(path)
    repo.commit("0.62.4", files={"setup.py": SETUP.replace("LICENCE", licence), "alpha/__init__.py": ""})
    repo.commit(files={"README": "more\n"})
    return repo


def test_schemas_are_schemas():
    for schema in (HISTORY, MIGRATE, BUMP, FINDING):
        jsonschema.Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("target", HISTORY["properties"]["target"]["enum"])
def test_history(tree, told: Program, target):
    repo = service(tree({}) / "alpha")
    for tag in ("0.62.5", "v0.62.5", "0.63.0.dev1", "0.63rc1", "0.63", "0.70", "nightly", "1!0.1+local", "0.62.4-fix"):
        repo.commit(tag)
    repo("tag", "0.62.5", "-f", "HEAD~3")
    repo("tag", "0.63.1", "HEAD")
    document = told(HISTORY, 1, "history", "alpha", "--to", target)
    assert document["commits"]["describes"] == "setup.py"
    assert document["flips"] or document["backwards"] or document["collisions"] or document["no_place"]
    assert document["invalid"]
    assert document["gaps"]


def test_history_without_commits(tree, told: Program):
    root = tree({"tags": "1.0 2020-01-01\n1.1.post1 2020-02-01\nwhat 1600000000\n"})
    assert told(HISTORY, 0, "history", "--tags-file", "tags", "--to", "alpine")["commits"] is None
    repo = service(root / "alpha")
    repo("clone", "-q", "--depth", "1", f"file://{repo.path}", str(root / "shallow"))
    assert told(HISTORY, 2, "history", "shallow")["commits"] is None
    Repo(root / "empty")
    assert told(HISTORY, 0, "history", "empty")["commits"]["total"] == 0


@pytest.mark.parametrize("style", ["minimal", "modern"])
def test_migrate(tree, told: Program, style):
    root = tree({})
    service(root / "alpha")
    service(root / "beta", licence="license=unknown()")
    (service(root / "gamma").path / "README").write_text("changed\n")
    (root / "delta").mkdir()
    (root / "delta/setup.py").write_text("import sys\n")
    planned = told(MIGRATE, 1, "migrate", "--style", style, "--diff", "alpha")
    assert planned["projects"][0]["result"] == "planned"
    assert planned["projects"][0]["after"]
    document = told(MIGRATE, 2, "migrate", "--style", style, ".")
    assert document["packager"]
    results = {row["path"]: row["result"] for row in document["projects"]}
    assert (results["alpha"], results["gamma"], results["delta"]) == ("migrated", "failed", "nothing")
    assert results["beta"] == {"minimal": "migrated", "modern": "refused"}[style]


def test_bump(tree, told: Program):
    repo = Repo(tree({}) / "alpha")
    repo.commit("v1.2.2", files={"pyproject.toml": PROJECT})
    for name in ("user.name", "user.email"):
        repo("config", name, "someone")
    assert told(BUMP, 1, "bump", "minor", "alpha", "--diff")["written"] is False
    assert told(BUMP, 0, "bump", "minor", "alpha", "--commit", "--tag")["tag"] == "v1.3.0"
    assert told(BUMP, 0, "bump", "2.0rc1", "alpha")["edits"][0]["new"] == "2.0rc1"


def test_release(tree, told: Program):
    root = tree({"pyproject.toml": PROJECT})
    schema = record({"findings": rows(FINDING), "summary": SUMMARY})
    assert told(schema, 0, "release", "--tag", "v1.2.3")["summary"]["version"] == "1.2.3"
    names = [str(sdist(root)), str(wheel(root, name="demo_pkg-1.2.4-py3-none-linux_x86_64.whl"))]
    document = told(schema, 1, "release", *names, "--project", ".", "--tag", "v1.2.4")
    assert {"RV702", "RV703", "RV710", "RV712"} <= {finding["code"] for finding in document["findings"]}
    (root / "x.whl").write_bytes(b"PK")
    told(schema, 2, "release", "x.whl", "missing.whl")
