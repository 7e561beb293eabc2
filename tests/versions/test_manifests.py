"""The manifests of the README: by their schemas, and their gates run as the servers would run them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml
from versions.workshop import Workshop

README = (Path(__file__).parents[2] / "README.md").read_text()
STEP = {"$ref": "#/$defs/step"}
TEXTS = {"type": "array", "items": {"type": "string"}, "minItems": 1}
# Source: GitHub's "Workflow syntax for GitHub Actions"; `on` is a boolean for YAML 1.1.
WORKFLOW = {
    "type": "object",
    "required": ["name", "on", "permissions", "jobs"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string"},
        "on": {"type": "object", "properties": {"push": {"type": "object", "properties": {"tags": TEXTS}}}},
        "permissions": {"type": "object", "additionalProperties": {"enum": ["read", "write", "none"]}},
        "jobs": {"type": "object", "minProperties": 1, "additionalProperties": {"$ref": "#/$defs/job"}},
    },
    "$defs": {
        "job": {
            "type": "object",
            "required": ["runs-on", "steps"],
            "additionalProperties": False,
            "properties": {
                "runs-on": {"type": "string"},
                "steps": {"type": "array", "items": {"$ref": "#/$defs/step"}},
            },
        },
        "step": {
            "type": "object",
            "oneOf": [{"required": ["uses"]}, {"required": ["run"]}],
            "additionalProperties": False,
            "properties": {
                "uses": {"type": "string", "pattern": "^[^/@]+/[^@]+@.+$"},
                "with": {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}},
                "run": {"type": "string"},
            },
        },
    },
}
# Source: the build manifests of builds.sr.ht's manual.
BUILDS = {
    "type": "object",
    "required": ["image", "tasks"],
    "additionalProperties": False,
    "properties": {
        "image": {"type": "string", "pattern": "^[a-z]+(/[a-z0-9.]+)?$"},
        "packages": TEXTS,
        "sources": TEXTS,
        "tasks": {
            "type": "array",
            "items": {
                "type": "object",
                "minProperties": 1,
                "maxProperties": 1,
                "patternProperties": {"^[a-z0-9_-]{1,128}$": {"type": "string"}},
                "additionalProperties": False,
            },
        },
    },
}

pytestmark = pytest.mark.timeout(180)


def manifest(key: str) -> dict:
    """The block of the README that begins with this key."""
    [text] = re.findall(rf"```yaml\n({key}:.*?)```", README, re.DOTALL)
    return {"on" if name is True else name: value for name, value in yaml.safe_load(text).items()}


def test_the_schemas() -> None:
    jsonschema.validate(manifest("name"), WORKFLOW)
    jsonschema.validate(manifest("image"), BUILDS)
    [hook] = [hook for repo in manifest("repos")["repos"] for hook in repo["hooks"]]
    assert hook["id"] == "relengtools-versions-check"


def steps() -> dict[str, str]:
    """The last step of each; what --build adds is tried elsewhere."""
    workflow = manifest("name")["jobs"]["gate"]["steps"][-1]["run"]
    builds = manifest("image")["tasks"][-1]["gate"].removeprefix("cd project\n")
    assert "--build" in workflow
    assert "--build" in builds
    return {name: text.replace(" --build", "") for name, text in (("github", workflow), ("builds", builds))}


@pytest.mark.parametrize("server", ["github", "builds"])
@pytest.mark.parametrize(("tag", "code"), [("v1.2.3", 0), ("v1.2.4", 1)])
def test_the_gate_lets_the_right_tag_pass_only(tmp_path: Path, server: str, tag: str, code: int) -> None:
    shop = Workshop(tmp_path, isolated=False)
    repo = shop.tree(tmp_path / "project", "hatchling")
    shop.build(repo)
    repo("tag", "-f", tag)
    programs = tmp_path / "venv/bin"
    programs.mkdir(parents=True)
    program = programs / "relengtools"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m relengtools "$@"\n')
    program.chmod(0o755)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment |= {"HOME": str(tmp_path), "PATH": f"{programs}:{os.environ['PATH']}"}
    environment |= {"GITHUB_REF_NAME": tag, "GIT_REF": f"refs/tags/{tag}"}
    done = subprocess.run(["sh", "-e", "-c", steps()[server]], cwd=repo.path, env=environment, capture_output=True)
    assert done.returncode == code, done.stdout + done.stderr
    assert (b"RV702" in done.stdout) == bool(code)
