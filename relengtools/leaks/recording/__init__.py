"""A recording: one SQLite file that describes itself, written by `record` and read by everything after."""

from relengtools.leaks.recording.read import Loaded, copy, load
from relengtools.leaks.recording.write import Moment, Recording, mark, open_for_writing

__all__ = ["Loaded", "Moment", "Recording", "copy", "load", "mark", "open_for_writing"]
