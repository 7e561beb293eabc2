"""`python -m relengtools`, and what the console script calls."""

import signal
from typing import NoReturn


def main() -> NoReturn:
    """Import the command line and run it; Ctrl-C in the meantime ends the program without a traceback."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from relengtools import cli

    cli.main()


if __name__ == "__main__":
    main()
