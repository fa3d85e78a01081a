"""Processes that tests start: they mind the signals that they would in a terminal, and all end."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Final

# Children inherit which signals are ignored or blocked: in `nohup`, in a background shell, in CI.
_LAUNCHER: Final = """
import os, signal, sys
ignored = {int(number) for number in sys.argv[1].split()}
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN if number in ignored else signal.SIG_DFL)
signal.pthread_sigmask(signal.SIG_SETMASK, ())
os.execv(sys.argv[2], sys.argv[2:])
"""
_ENOUGH: Final = 300.0  # seconds: no test fails since the machine does other work


@contextmanager
def started(
    command: Sequence[object], ignored: Collection[signal.Signals] = (), **environment: str
) -> Iterator[subprocess.Popen[str]]:
    """A program of Python in a group of its own; killed and waited for at the end.

    Args:
        command: what follows the name of the interpreter.
        ignored: signals that it ignores from its start; the others do what they do by default.
        environment: variables beside ours.
    """
    launcher = [sys.executable, "-I", "-S", "-c", _LAUNCHER, " ".join(str(int(n)) for n in ignored)]
    with subprocess.Popen(
        [*launcher, sys.executable, *map(str, command)],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def wait_until(condition: Callable[[], bool]) -> None:
    """Waits for a condition; fails only when it does not come for minutes."""
    end = time.monotonic() + _ENOUGH
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)


def left_behind() -> list[int]:
    """The processes that this one has started and not waited for, each of them ended now.

    Known on Linux alone. That of multiprocessing which watches over resources is none of them: it
    stays for the next test.
    """
    watcher = getattr(resource_tracker._resource_tracker, "_pid", None)
    left = sorted(_children() - {watcher})
    for number in left:
        with suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)
        for process in gc.get_objects():
            if isinstance(process, subprocess.Popen) and process.pid == number:
                with process:  # or it would warn in the middle of another test
                    pass
        with suppress(ChildProcessError):
            os.waitpid(number, 0)
    return left


def _children() -> set[int]:
    files = Path("/proc/self/task").glob("*/children")
    return {int(number) for file in files for number in file.read_text().split()}
