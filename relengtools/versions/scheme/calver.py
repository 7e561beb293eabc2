"""Calendar versions: dates in any of their usual spellings, read as PEP 440."""

import re

from relengtools.versions.scheme import spelling
from relengtools.versions.scheme.meaning import Meaning, certain, guessed, nothing
from relengtools.versions.scheme.suspicion import bare_letter, suspicious

_DATE = re.compile(
    r"[vV]?(?P<year>(?:19|20)[0-9]{2}|[0-9]{2})(?P<sep>[-_])(?P<month>0?[1-9]|1[0-2])"
    r"(?:(?P=sep)(?P<day>0?[1-9]|[12][0-9]|3[01]))?(?P<rest>(?![0-9]).*)?"
)
_QUARTER = re.compile(r"[vV]?(?P<year>(?:19|20)?[0-9]{2})[-_.]?[qQ](?P<quarter>[1-4])(?P<rest>(?![0-9]).*)?")
_YEAR = re.compile(r"[vV]?(?:(?:19|20)[0-9]{2}|[0-9]{2}(?=\.)|(?:19|20)[0-9]{4}(?:[0-9]{2}(?:[0-9]{4,6})?)?)(?![0-9])")


def read(text: str) -> Meaning:
    """YYYY.MM.DD, YY.MM, YYYY-MM-DD, YYYYMMDD, YYYY.Q1 and the like; zero padding is display only, so no loss.

    Source: calver.org.
    """
    dotted, reason = text, None
    if match := _DATE.fullmatch(text):
        dotted = ".".join(filter(None, match.group("year", "month", "day"))) + (match["rest"] or "")
    elif match := _QUARTER.fullmatch(text):
        dotted, reason = f"{match['year']}.{match['quarter']}{match['rest'] or ''}", "the quarter is read as a number"
    if not _YEAR.match(dotted):
        return nothing("it doesn't begin with a year")
    version = spelling.canonical(dotted)
    if version is None:
        return nothing("after its date it isn't PEP 440")
    if bare_letter(dotted):
        return nothing("a letter after a date counts releases: that takes a rule of the project's own")
    reasons = [reason for reason in (reason, suspicious(dotted)) if reason]
    return guessed(version, *reasons) if reasons else certain(version)


def iso_date(text: str) -> str | None:
    """YYYY-MM-DD as the release YYYY.M.D, and None for all else."""
    match = _DATE.fullmatch(text)
    if match is None or match["sep"] != "-" or len(match["year"]) != 4 or not match["day"] or match["rest"]:
        return None
    return ".".join(str(int(part)) for part in match.group("year", "month", "day"))
