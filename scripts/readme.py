"""Write the generated blocks of README.md and reports/README.md anew, or with --check say which ones are stale.

A block stands between `<!-- $ COMMAND -->` and `<!-- end -->`: COMMAND is run at the top of the repository, and what it
prints becomes a console transcript. Only `relengtools …` is run.
"""

import argparse
import difflib
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
PAGES = (TOP / "README.md", TOP / "reports" / "README.md")
BLOCK = re.compile(r"(?m)^<!-- \$ (?P<command>.+?) -->\n(?P<body>.*?)^<!-- end -->$", re.DOTALL)


def transcript(command: str) -> str:
    """The command and what it prints on a terminal of 100 columns, as a fenced block."""
    program, *arguments = shlex.split(command)
    if program != "relengtools":
        sys.exit(f"readme.py: only relengtools is run, not {program}")
    run = subprocess.run(
        [sys.executable, "-m", "relengtools", *arguments],
        cwd=TOP,
        env=os.environ | {"COLUMNS": "100", "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    status = f"$ echo $?\n{run.returncode}\n" if run.returncode else ""
    return f"```console\n$ {command}\n{run.stdout}{status}```\n"


def rewritten(page: str) -> str:
    """The page with every block written anew."""
    return BLOCK.sub(lambda m: f"<!-- $ {m['command']} -->\n{transcript(m['command'])}<!-- end -->", page)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 and show the difference if stale")
    check = parser.parse_args().check
    stale = False
    for path in PAGES:
        old = path.read_text()
        new = rewritten(old)
        if old != new:
            stale = True
            sys.stdout.writelines(difflib.unified_diff(old.splitlines(True), new.splitlines(True), str(path), "now"))
            if not check:
                path.write_text(new)
    sys.exit(1 if stale and check else 0)


if __name__ == "__main__":
    main()
