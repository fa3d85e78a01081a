"""The `abbotify` command and `python -m abbotify`.

Apart from `cli.py`: processes that share the work import the module of the command that started
them, and need none of the command line.
"""

import os
import sys
import threading


def main() -> None:
    """Runs the command line."""
    from abbotify import cli

    try:
        cli.main()
    except SystemExit as end:
        _leave(end.code)
        raise


def _leave(code: object) -> None:
    """Ends the process at once if threads are left, which the interpreter would wait for.

    They are of recommenders of the user's own: all that is ours is done.
    """
    here = threading.current_thread()
    left = [each for each in threading.enumerate() if each is not here and not each.daemon]
    if left and isinstance(code, int):
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
