"""What a worker process does. Imported before anything else there, so it imports little."""

from __future__ import annotations

import os
import pickle
import signal
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait
from typing import Any

from abbotify.simulation.parallel.shared_arrays import Shipment


def serve(pipe: Connection, shipment: Shipment) -> None:
    """Does the tasks that come through a pipe, until that is closed.

    Args:
        pipe: gives tasks, takes (True, result) or (False, exception) for each.
        shipment: (prepare, payload), as in `processes.each`.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C: the parent ends us
    threading.Thread(target=_end_with_parent, args=(shipment.path,), daemon=True).start()
    work: Callable[[Any], Any] | None = None
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            task = pipe.recv()
            try:
                work = work or _prepared(shipment)
                answer = True, work(task)
            except Exception as error:
                answer = False, _portable(error)
            _send(pipe, answer)


def _prepared(shipment: Shipment) -> Callable[[Any], Any]:
    prepare, payload = shipment.load()
    return prepare(payload)


def _send(pipe: Connection, answer: tuple[bool, Any]) -> None:
    try:
        pipe.send(answer)
    except OSError:
        raise
    except Exception as error:  # a result that cannot be pickled; nothing of it was sent
        pipe.send((False, _portable(error)))


def _portable(error: Exception) -> Exception:
    """The exception as the parent can raise it, with this process's traceback as its note."""
    trace = "".join(traceback.format_exception(error))
    error.add_note(f"In a worker:\n{trace}")
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}\n{trace}")
    return error


def _end_with_parent(path: str) -> None:
    """A parent that was killed can neither end its processes nor remove the file they share."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        with suppress(OSError):
            os.unlink(path)
        # A thread cannot exit for its process, and what can be ignored may have been.
        os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
