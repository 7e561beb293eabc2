"""What setup.py makes of the output of `git describe`: read with an answer of git's put in, and never run."""

import re
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from relengtools.versions import git
from relengtools.versions.discover import Place
from relengtools.versions.evaluate.interpreter import Interpreter
from relengtools.versions.evaluate.modules import PATIENT
from relengtools.versions.evaluate.values import Bytes, Instance, Method, Opaque, RaisedError, Value
from relengtools.versions.files import Files
from relengtools.versions.locate import setup_py
from relengtools.versions.locate.source import Source

FLAG = re.compile(r"--(?:tags|always|dirty|long|first-parent|abbrev=\d+|match=[\w*.\[\]!?-]+|exclude=[\w*.\[\]!?-]+)")
Answer = Callable[[Sequence[str]], str | None]
"""The flags of `git describe` to what it prints; None where it fails."""

_OUTPUTS = {"subprocess.check_output", "subprocess.getoutput", "subprocess.getstatusoutput", "commands.getoutput"}
_PROCESSES = {"subprocess.run", "subprocess.Popen", "os.popen"}
_TEXT = ("text", "universal_newlines", "encoding")
_PROCESS = "a process"
_FAILED = "fatal: No names found, cannot describe anything."


class Said(NamedTuple):
    """The version that setup.py gives `now`, `later` (one commit on), and where git fails; None where it isn't known.

    Environment variables are taken as unset.
    """

    now: str | None
    later: str | None
    fallback: str | None


def read(source: Source, place: Place, tag: str | None) -> Said:
    """Read it; `tag` is the nearest one, without it one is made up for `later`. Raises UnreadableError."""
    answers: list[Answer] = [
        lambda flags: described(place, flags) if tag else None,
        lambda flags: _later(place, flags, tag),
        lambda flags: None,
    ]
    now, later, fallback = (_version(source, place, answer) for answer in answers)
    return Said(now if tag else None, later, None if (fallback or "").startswith("fatal: ") else fallback)


def one_on(source: Source, place: Place, tag: str) -> str | None:
    """The version that setup.py gives one commit after this tag; None where it isn't known. Raises UnreadableError."""
    return _version(
        source, place, lambda flags: None if "--exact-match" in flags else _counted(flags, f"{tag}-0-ga73a73b")
    )


def described(place: Place, flags: Sequence[str]) -> str | None:
    """What `git describe` says of the commit, which is clean; None where it fails."""
    try:
        said = git.run(place.root, "describe", *(flag for flag in flags if flag != "--dirty"))
    except git.GitError:
        return None
    return said.decode(errors="replace").strip()


def _later(place: Place, flags: Sequence[str], nearest: str | None) -> str | None:
    """What `git describe` would say of the next commit."""
    if "--exact-match" in flags:
        return None
    plain = [flag for flag in flags if not flag.startswith(("--abbrev", "--always", "--long"))]
    return _counted(flags, described(place, [*plain, "--long"]) if nearest else "0.1-0-ga73a73b")


def _counted(flags: Sequence[str], long: str | None) -> str | None:
    """What git says one commit on from what it says with --long."""
    found = re.fullmatch(r"(.+)-(\d+)-g[0-9a-f]+", long or "", re.DOTALL)
    if found is None:
        return "a73a73b" if "--always" in flags else None
    return found[1] if "--abbrev=0" in flags else f"{found[1]}-{int(found[2]) + 1}-ga73a73b"


def _version(source: Source, place: Place, answer: Answer) -> str | None:
    run = _Answered(place, answer)
    setup_py.locate(source, run)
    values = [call.keywords.get("version") for call in run.setups]
    found = values[0] if len(values) == 1 else None
    return str(found).strip() or None if isinstance(found, str) else None


class _Answered(Interpreter):
    """Knows what `git describe` prints, whichever way it is called; other programs stay unknown."""

    def __init__(self, place: Place, answer: Answer) -> None:
        super().__init__(place.root, place.tree, Files(place).quiet)
        self.part, self.answer = PATIENT, answer

    def apply(self, function: Value, arguments: list[Value], keywords: dict[str, Value]) -> Value:
        """The result of a call; raises RaisedError, TooMuchError."""
        name = function.name if isinstance(function, Opaque) else ""
        flags = self._flags(arguments, keywords) if name in _OUTPUTS | _PROCESSES else None
        if flags is None:
            return super().apply(function, arguments, keywords)
        said = self.answer(flags)
        if said is None and (name == "subprocess.check_output" or keywords.get("check") is True):
            raise RaisedError("CalledProcessError")
        text = "" if said is None else f"{said}\n"
        if name.endswith("output") and name != "subprocess.check_output":
            printed = _FAILED if said is None else said
            return (128 if said is None else 0, printed) if "status" in name else printed
        output: Value = text if name == "os.popen" or any(map(keywords.get, _TEXT)) else Bytes(text)
        if name in _OUTPUTS:
            return output
        caught = name == "os.popen" or keywords.get("capture_output") is True or "stdout" in keywords
        kept = output if caught else None
        return Instance(_PROCESS, (kept, 128 if said is None else 0, name == "subprocess.run"), {})

    def _flags(self, arguments: list[Value], keywords: dict[str, Value]) -> list[str] | None:
        """The flags of a plain `git describe` here; None for any other program."""
        given = arguments[0] if arguments else keywords.get("args")
        where = keywords.get("cwd")
        if where is not None and not (isinstance(where, str | Path) and (self.root / str(where)) == self.root):
            return None
        try:
            words = shlex.split(re.sub(r"\s*2>\s*/dev/null\s*$", "", given)) if isinstance(given, str) else given
        except ValueError:
            return None
        if not isinstance(words, list | tuple) or not all(isinstance(word, str) for word in words):
            return None
        program, flags = list(map(str, words[:2])), [str(word) for word in words[2:] if word != "HEAD"]
        if program == ["git", "-C"] and where is None and flags:
            return self._flags([["git", *flags[1:]]], {"cwd": flags[0]})
        known = all(flag == "--exact-match" or FLAG.fullmatch(flag) for flag in flags)
        return flags if program == ["git", "describe"] and known else None

    def get(self, owner: Value, name: str) -> Value:
        """An attribute; raises RaisedError where there surely is none."""
        if not (isinstance(owner, Instance) and owner.kind == _PROCESS):
            return super().get(owner, name)
        output, status, done = owner.arguments
        plain = {"stdout": output if done else owner, "returncode": status, "stderr": Bytes("") if done else None}
        return plain[name] if name in plain else Method(owner, name)

    def _instance(self, owner: Instance, name: str, arguments: list[Value], keywords: dict[str, Value]) -> Value:
        if owner.kind != _PROCESS or arguments:
            return super()._instance(owner, name, arguments, keywords)
        output, status, _ = owner.arguments
        found = {"communicate": (output, None), "read": output, "readline": output, "readlines": [output]}
        found |= {"wait": status, "close": None}
        if name not in found:
            return super()._instance(owner, name, arguments, keywords)
        return found[name]
