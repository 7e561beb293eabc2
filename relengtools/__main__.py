"""`python -m relengtools`, and what the console script calls."""

import sys

if __name__ == "__main__" and not sys.flags.safe_path:
    # `-m` puts the working directory first, which may be a tree to check: nothing of it is to be imported.
    del sys.path[0]

import gc
import signal
from typing import NoReturn


def main() -> NoReturn:
    """Import the command line and run it; Ctrl-C in the meantime ends the program without a traceback."""
    # Modules, syntax trees and tables are many objects and no cycles: looking for those after each 700 of them, as
    # Python does, takes a tenth of the start and a fifth of reading a tree.
    gc.set_threshold(20_000)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from relengtools import cli

    cli.main()


if __name__ == "__main__":
    main()
