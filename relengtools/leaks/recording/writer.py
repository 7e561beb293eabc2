"""A thread that commits, so that a disk that hangs holds up no sample: what comes meanwhile waits in memory."""

import signal
import threading
from queue import Empty, SimpleQueue

from relengtools.leaks.recording.write import Kept, Moment, Recording

# The disk is said not to answer after so long.
STALLED_S = 5.0
# How long the end waits for it.
LAST_S = 10.0


class Writer:
    """Commits what waits in a recording; sqlite3 lets other threads run while it waits for the disk."""

    def __init__(self, recording: Recording, patience_s: float) -> None:
        self.recording = recording
        self.patience_s = patience_s
        self.since: float | None = None
        self.jobs: SimpleQueue[tuple[Moment, int] | None] = SimpleQueue()
        self.answers: SimpleQueue[Kept | BaseException] = SimpleQueue()
        self.thread = threading.Thread(target=self.work, name="writer", daemon=True)
        self.thread.start()

    def work(self) -> None:
        """Commit until told to end: the life of the thread. Signals are for the main one, whose sleep they end."""
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        while job := self.jobs.get():
            try:
                self.answers.put(self.recording.keep(*job))
            except BaseException as error:
                self.answers.put(error)

    def commit(self, now: Moment) -> Kept:
        """Have all that waits now committed; returns what is known soon: {} while the disk may still answer.

        Raises RelengError as `Recording.flush` does.
        """
        late: Kept | None = None
        if self.since is not None and (late := self.answer(0)) is None:
            stalled = now.mono - self.since >= STALLED_S
            return {"recording": f"{self.recording.path}: the disk does not answer"} if stalled else {}
        self.since = now.mono
        self.jobs.put((now, len(self.recording.pending)))
        return self.answer(self.patience_s) or late or {}

    def answer(self, patience_s: float) -> Kept | None:
        """What became of the last commit; None while it goes on."""
        try:
            found = self.answers.get(timeout=patience_s)
        except Empty:
            return None
        self.since = None
        if isinstance(found, BaseException):
            raise found
        return found

    def close(self) -> None:
        """End the thread; where the disk doesn't let it end, the recording is given up."""
        self.jobs.put(None)
        self.thread.join(LAST_S)
        self.recording.given_up = self.thread.is_alive()
