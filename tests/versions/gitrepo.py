"""Small git repositories made with git itself, whose commits have the same hashes every time."""

import os
import subprocess
from pathlib import Path


class Repo:
    """A repository at `path`; every commit and annotated tag is a day after the one before."""

    def __init__(self, path: Path, bare: bool = False, kind: str = "sha1") -> None:
        self.path = path
        self.day = 0
        path.mkdir(parents=True, exist_ok=True)
        self("init", "-q", "-b", "main", f"--object-format={kind}", *(["--bare"] if bare else []))

    def __call__(self, *arguments: str, stdin: bytes = b"") -> str:
        date = f"{1_600_000_000 + 86_400 * self.day} +0000"
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | {
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            **{f"GIT_{who}_NAME": "Someone" for who in ("AUTHOR", "COMMITTER")},
            **{f"GIT_{who}_EMAIL": "someone@example.org" for who in ("AUTHOR", "COMMITTER")},
            **{f"GIT_{who}_DATE": date for who in ("AUTHOR", "COMMITTER")},
        }
        run = subprocess.run(["git", *arguments], cwd=self.path, env=environment, input=stdin, capture_output=True)
        assert run.returncode == 0, run.stderr.decode()
        return run.stdout.decode().strip()

    def commit(self, *tags: str, files: dict[str, str] | None = None) -> str:
        """A commit with these files (and changed ones), and light tags on it; its hash."""
        for name, content in (files or {}).items():
            (self.path / name).parent.mkdir(parents=True, exist_ok=True)
            (self.path / name).write_text(content)
            self("add", name)
        self.day += 1
        self("commit", "-q", "--allow-empty", "-m", f"commit {self.day}")
        for tag in tags:
            self("tag", tag)
        return self("rev-parse", "HEAD")

    def merge(self, *branches: str) -> str:
        """A merge commit of the branches into the current one; its hash."""
        self.day += 1
        self("merge", "-q", "--no-ff", "-m", f"merge {self.day}", *branches)
        return self("rev-parse", "HEAD")
