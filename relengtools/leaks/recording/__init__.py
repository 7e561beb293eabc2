"""A recording: one SQLite file that describes itself, written by `record` and read by everything after."""

from relengtools.leaks.recording.access import copy, has_sample, is_recording
from relengtools.leaks.recording.opening import mark, open_for_writing
from relengtools.leaks.recording.read import Loaded, load
from relengtools.leaks.recording.write import Kept, Moment, Recording, Worker
from relengtools.leaks.recording.writer import Writer

__all__ = [
    "Kept",
    "Loaded",
    "Moment",
    "Recording",
    "Worker",
    "Writer",
    "copy",
    "has_sample",
    "is_recording",
    "load",
    "mark",
    "open_for_writing",
]
