"""Work spread over processes: the same tasks, the same results, in the same order.

A process has one task at a time, so that what is lost with it is known: when it is killed, its
task begins again in another. Results wait only within a window of tasks ahead of the consumer.
"""

from __future__ import annotations

import heapq
import multiprocessing
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from typing import Any, Final, TypeVar

from abbotify.errors import UserError
from abbotify.simulation.parallel.shared_arrays import Shipment, shipped
from abbotify.simulation.parallel.worker import serve

Payload = TypeVar("Payload")
Task = TypeVar("Task")
Result = TypeVar("Result")

_AHEAD: Final = 4  # tasks for each process that may be done before their turn
_DEATHS: Final = 3  # of processes with the same task
_SECONDS_TO_END: Final = 5.0
# Every library that has threads of its own: N processes would have N times as many as cores.
# Arrow, numpy's BLAS and PyTorch all ask for the first.
_ONE_THREAD: Final = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
)


def each(
    prepare: Callable[[Payload], Callable[[Task], Result]],
    payload: Payload,
    tasks: Sequence[Task],
    workers: int = 1,
) -> Iterator[Result]:
    """The results of all tasks, in the order of the tasks.

    Args:
        prepare: makes the function that does a task; called once in each process. A name at a
            module's top level.
        payload: what `prepare` needs; with more than one worker in a file that all of them map.
        tasks: what is to be done; each a pure function of payload and task, for it may be begun
            again after its process was killed.
        workers: processes; 1 works in this one.

    Raises:
        UserError: a task's process has died three times.
        OutputError: there is no room for the payload's file.
        Exception: whatever a task raises.
    """
    with processes(prepare, payload, min(workers, len(tasks))) as do:
        yield from do(tasks)


@contextmanager
def processes(
    prepare: Callable[[Payload], Callable[[Task], Result]], payload: Payload, workers: int = 1
) -> Iterator[Callable[[Sequence[Task]], Iterator[Result]]]:
    """A function that does what `each` does, for one batch of tasks after the other.

    The processes stay, so that only the first batch waits for them to start: 2 to 3 s.

    Args:
        prepare: as for `each`.
        payload: the same.
        workers: the same.
    """
    if workers <= 1:
        function = prepare(payload)
        yield lambda tasks: map(function, tasks)
        return
    with shipped((prepare, payload)) as shipment:
        pool = _Pool(shipment, workers)
        try:
            yield pool.each
            pool.dismiss()
        finally:
            pool.kill()


class _Worker:
    """A process and the task it has.

    Attributes:
        process: the process.
        pipe: our end of the pipe to it.
        task: the place of the task it was given last, None when that is done.
    """

    def __init__(self, shipment: Shipment) -> None:
        # spawn: a forked child inherits locks and thread pools (numba's, BLAS's) in unknown states.
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.task: int | None = None
        self.process: SpawnProcess = context.Process(
            target=serve, args=(theirs, shipment), daemon=True
        )
        with _inherited():
            self.process.start()
        theirs.close()  # so that its end is the pipe's end


class _Pool:
    def __init__(self, shipment: Shipment, size: int) -> None:
        self.shipment = shipment
        self.size = size
        self.tasks: Sequence[Any] = ()
        self.waiting: list[int] = []  # a heap of places
        self.deaths: Counter[int] = Counter()
        self.answers: dict[int, tuple[bool, Any]] = {}
        self.workers: list[_Worker] = []

    def each(self, tasks: Sequence[Any]) -> Iterator[Any]:
        """The results of a batch of tasks, in their order; the batch before has been done."""
        self.tasks, self.waiting = tasks, list(range(len(tasks)))
        self.deaths.clear()
        for place in range(len(tasks)):
            yield self.result(place)

    def result(self, place: int) -> Any:
        """The result of the task at a place; raises what the task raised."""
        while place not in self.answers:
            self._hand_out(place + _AHEAD * self.size)
            self._listen()
        good, answer = self.answers.pop(place)
        if not good:
            raise answer
        return answer

    def _hand_out(self, limit: int) -> None:
        """Gives the next tasks below a limit to processes that have none."""
        while self.waiting and self.waiting[0] < limit:
            idle = next((worker for worker in self.workers if worker.task is None), None)
            if idle is None:
                if len(self.workers) == self.size:
                    return
                idle = _Worker(self.shipment)
                self.workers.append(idle)
            idle.task = heapq.heappop(self.waiting)
            try:
                idle.pipe.send(self.tasks[idle.task])
            except OSError:
                self._restart_task(idle)

    def _listen(self) -> None:
        """Waits until a process has done its task, or has died."""
        ready = wait([worker.pipe for worker in self.workers])
        for worker in [worker for worker in self.workers if worker.pipe in ready]:
            try:
                answer = worker.pipe.recv()
            except (EOFError, OSError):
                self._restart_task(worker)
                continue
            assert worker.task is not None, "a process answers once"
            self.answers[worker.task], worker.task = answer, None

    def _restart_task(self, dead: _Worker) -> None:
        """Lets the task of a process that has died wait again."""
        dead.process.join(_SECONDS_TO_END)
        dead.process.kill()  # one that has closed its pipe and does not end
        dead.process.join()
        dead.pipe.close()
        self.workers.remove(dead)
        if dead.task is None:
            return
        self.deaths[dead.task] += 1
        if self.deaths[dead.task] == _DEATHS:
            raise UserError(_death_message(dead.task, len(self.tasks), dead.process.exitcode))
        heapq.heappush(self.waiting, dead.task)

    def dismiss(self) -> None:
        """Lets all processes end by themselves."""
        for worker in self.workers:
            worker.pipe.close()
        for worker in self.workers:
            worker.process.join(_SECONDS_TO_END)

    def kill(self) -> None:
        """Ends all processes that are left, whatever they do."""
        for worker in self.workers:
            worker.process.kill()
        for worker in self.workers:
            worker.process.join()
            worker.pipe.close()


def _death_message(task: int, tasks: int, code: int | None) -> str:
    how = f"exit code {code}"
    if code is not None and code < 0:
        known = {each.value: each.name for each in signal.Signals}
        how = known.get(-code, f"signal {-code}")
    often = "; often that is too little memory: try fewer workers" if how == "SIGKILL" else ""
    return (
        f"task {task + 1} of {tasks} was given up: {_DEATHS} processes that had it died, "
        f"the last one of {how}{often}"
    )


@contextmanager
def _inherited() -> Iterator[None]:
    """What processes started meanwhile inherit: one thread, no interrupts before they can mind."""
    before = {name: os.environ.get(name) for name in _ONE_THREAD}
    os.environ.update(_ONE_THREAD)
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
