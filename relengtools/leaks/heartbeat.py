"""Whether a recording is alive: when its last sample and its last scrape were, and what is wrong now."""

from relengtools.leaks.recording import Loaded
from relengtools.leaks.units import duration

# A recorder commits at least every so many intervals, and groups of so many seconds.
SLACK_INTERVALS = 3
SLACK_S = 15.0
SCRAPE_SLACK_S = 150.0


def state(loaded: Loaded, now: float) -> str:
    """One line: finished and why, alive, or silent for longer than its interval explains; `now` in unix seconds."""
    last = loaded.times[-1]
    run = loaded.runs[-1] if loaded.runs else None
    if run is None or run.ended is not None:
        return f"finished: {run.reason if run and run.reason else 'ended'}; last sample {ago(last, now)}"
    if now - last <= SLACK_INTERVALS * run.interval_s + SLACK_S:
        return f"being recorded; last sample {ago(last, now)}{scrape(loaded, now)}"
    return (
        f"no sample for {duration(now - last)} and no end noted: the recorder has died or hangs, or its target is away"
        f"{scrape(loaded, now)}"
    )


def scrape(loaded: Loaded, now: float) -> str:
    """When the target's own metrics were last read, where they are asked for."""
    if not loaded.meta.get("metrics"):
        return ""
    if loaded.scraped is None:
        return f"; {loaded.meta['metrics']} was never read"
    return f"; last scrape {ago(loaded.scraped, now)}"


def gaps(loaded: Loaded) -> list[str]:
    """The gaps that are still open at the end."""
    unresolved: dict[str, str] = {}
    for event in loaded.events:
        if event.kind == "gap":
            topic, _, reason = event.text.partition(": ")
            unresolved[topic] = reason
        elif event.kind == "resumed":
            unresolved.pop(event.text, None)
    return [f"{topic}: {reason}" for topic, reason in unresolved.items()]


def remarks(loaded: Loaded, now: float) -> list[str]:
    """What somebody should know who reads verdicts: that it isn't finished, and what was missing when it ended."""
    unfinished = not loaded.runs or loaded.runs[-1].ended is None
    lines = [state(loaded, now)] if unfinished else []
    behind = loaded.scraped is not None and loaded.times[-1] - loaded.scraped > SCRAPE_SLACK_S
    if behind and loaded.scraped is not None:
        lines.append(f"the last scrape was {duration(loaded.times[-1] - loaded.scraped)} before the last sample")
    return [*lines, *gaps(loaded), *kept_small(loaded)]


# What is told of by name; the others are details of these.
FORGOTTEN = {
    "processes": "processes that were watched for the shortest time",
    "workers": "children that lived for the shortest time",
    "runs": "runs of the recorder",
    "samples": "samples older than five years",
}


def kept_small(loaded: Loaded) -> list[str]:
    """What went so that the file stays bounded, one line for all of it."""
    gone = [f"{loaded.forgotten[what]:,} {text}" for what, text in FORGOTTEN.items() if loaded.forgotten.get(what)]
    return [f"no longer in it, for a file has an end: {'; '.join(gone)}"] if gone else []


def ago(then: float, now: float) -> str:
    """How long ago that was."""
    return f"{duration(max(now - then, 0))} ago"
