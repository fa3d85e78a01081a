"""Units of work run by processes of this machine, which read what they share from one file."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from multiprocessing import resource_tracker
from multiprocessing.process import BaseProcess
from typing import Any, Final

from abbotify.simulation.parallel.executor import Executor
from abbotify.simulation.parallel.shared_arrays import Shipment, shipped
from abbotify.simulation.parallel.worker import begin, run

# Every library that has threads of its own: N processes would have N times as many as cores.
# Arrow, numpy's BLAS and PyTorch all ask for the first.
ONE_THREAD: Final = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
)


class Processes(Executor):
    """Processes that start with the first unit and stay until the end: starting takes 2 to 3 s.

    Args:
        shared: see `Executor`; pickled to a file that all of them map.
        size: how many there are.
    """

    losses = (BrokenProcessPool,)

    def __init__(self, shared: Any, size: int) -> None:
        super().__init__(shared, size)
        self._shipment: Shipment | None = None
        self._pool: ProcessPoolExecutor | None = None
        self._processes: set[BaseProcess] = set()
        self._stack = ExitStack()

    def submit(self, function: Callable[[Any, Any], Any], unit: Any) -> Future[Any]:
        """Begins a unit, see `Executor`.

        Raises:
            OutputError: there is no room for what is shared.
        """
        if self._shipment is None:
            self._shipment = self._stack.enter_context(shipped(self.shared))
        if self._pool is None:
            # spawn: a forked child inherits locks and thread pools (numba's, BLAS's) in unknown
            # states.
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self.size, context, begin, (self._shipment,))
        with _inherited():
            before = set(multiprocessing.active_children())
            try:
                return self._pool.submit(run, function, unit)
            except BrokenProcessPool as error:  # it broke since the last unit was begun
                lost = Future[Any]()
                lost.set_exception(error)
                return lost
            finally:
                self._processes |= set(multiprocessing.active_children()) - before

    def renew(self) -> str:
        """Ends the processes that are left; the next unit starts others."""
        self._stop()
        # What was ended since another one died has been sent a SIGTERM.
        codes = [each.exitcode for each in self._processes]
        died = [code for code in codes if code not in (None, 0, -signal.SIGTERM)]
        self._processes.clear()
        return f"the last one of {_cause(died[0] if died else -signal.SIGTERM)}"

    def end(self, at_once: bool) -> None:
        """Ends the processes and removes what they share, see `Executor`."""
        with self._stack:
            for process in self._processes if at_once else ():
                process.kill()
            self._stop()

    def _stop(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None


def _cause(code: int | None) -> str:
    if code is None or code >= 0:
        return f"exit code {code}"
    known = {each.value: each.name for each in signal.Signals}
    how = known.get(-code, f"signal {-code}")
    often = "; often that is too little memory: try fewer workers" if how == "SIGKILL" else ""
    return how + often


@contextmanager
def _inherited() -> Iterator[None]:
    """What processes started meanwhile inherit: one thread, no interrupts before they can mind."""
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(ONE_THREAD)
    try:
        with _interrupts_blocked():
            yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    if not hasattr(signal, "pthread_sigmask"):  # on Windows
        yield
        return
    resource_tracker.ensure_running()  # else it starts meanwhile, and unblocks them
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)  # blocked they stay where they were
