"""What a worker process does. Imported before anything else there, so it imports little."""

from __future__ import annotations

import os
import pickle
import signal
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from multiprocessing import parent_process
from multiprocessing.connection import wait
from typing import Any

from abbotify.simulation.parallel.shared_arrays import Shipment

_shipments: list[Shipment] = []  # one, once the process has begun


def begin(shipment: Shipment) -> None:
    """Begins a worker process.

    Args:
        shipment: what all units share; read with the first one.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C: the parent ends us
    threading.Thread(target=_end_with_parent, args=(shipment.path,), daemon=True).start()
    _shipments.append(shipment)


def run(function: Callable[[Any, Any], Any], unit: Any) -> Any:
    """Runs a unit, see `Executor.submit`."""
    return run_portably(function, _shared, unit)


def run_portably(function: Callable[[Any, Any], Any], shared: Callable[[], Any], unit: Any) -> Any:
    """Runs a unit; what it raises reaches the parent whatever it is."""
    try:
        return function(shared(), unit)
    except Exception as error:
        raise _portable(error) from None


@cache
def _shared() -> Any:
    return _shipments[0].load()


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
