"""One way to run units of work, whatever stands behind it: this process, others, a cluster.

A unit is a call `function(shared, unit)` of plain data. What is shared reaches a worker once. Units
are pure, for one whose worker has died is run again.
"""

from __future__ import annotations

import heapq
import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self, TypeVar

from abbotify.errors import LostWorkers, UserError

Unit = TypeVar("Unit")
Result = TypeVar("Result")

_AHEAD: Final = 4  # units for each worker that may be done before their turn
_ATTEMPTS: Final = 3  # at the same unit


@dataclass(frozen=True)
class Cluster:
    """A Dask cluster.

    Attributes:
        address: `local:` and a number of processes, or that of a scheduler.
        sends_files: its workers share no disk with this process: units bring what they read
            along, and send back what they have written.
    """

    address: str
    sends_files: bool = False

    @property
    def processes(self) -> int | None:
        """The number of local processes; None for a scheduler elsewhere.

        Raises:
            UserError: it is of neither form.
        """
        local = re.fullmatch(r"local:([1-9]\d{0,3})", self.address)
        if local is None and not re.fullmatch(r"(tcp|tls)://\S+:\d+", self.address):
            what = "must read local:4 or tcp://host:8786"
            raise UserError(f"{what}, got {self.address!r}", key="--cluster")
        return int(local[1]) if local else None


class Executor(ABC):
    """Runs units of work.

    Args:
        shared: what all units need; the first argument of their functions.
        size: how many units are under way at the same time.

    Attributes:
        ahead: how many units may be done before their turn; their results wait here.
        remote: units run in other processes.
        losses: exceptions of units whose worker has died.
        sends_files: see `Cluster`.
    """

    remote: ClassVar[bool] = True
    losses: tuple[type[BaseException], ...] = ()
    sends_files = False

    def __init__(self, shared: Any, size: int) -> None:
        self.shared, self.size = shared, size
        self.ahead = _AHEAD * size

    @abstractmethod
    def submit(self, function: Callable[[Any, Any], Any], unit: Any) -> Future[Any]:
        """Begins a unit.

        Args:
            function: a name at a module's top level, or a method of what is shared.
            unit: plain data, its second argument.
        """

    def renew(self) -> str:
        """Replaces workers that have died; how they died."""
        return ""

    def each(
        self, function: Callable[[Any, Unit], Result], units: Sequence[Unit]
    ) -> Iterator[Result]:
        """The results of all units, in the order of the units.

        Args:
            function: see `submit`.
            units: pure, for one whose worker was killed is run again.

        Raises:
            LostWorkers: a unit's workers have died three times.
            OutputError: there is no room for what is shared.
            Exception: whatever a unit raises.
        """
        return _Batch(self, function, units).results()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.end(at_once=error[0] is not None)

    @abstractmethod
    def end(self, at_once: bool) -> None:
        """Ends the workers.

        Args:
            at_once: whatever they do.
        """


class InProcess(Executor):
    """Runs units in this process, each when its result is wanted."""

    remote = False

    def __init__(self, shared: Any) -> None:
        super().__init__(shared, 1)
        self.ahead = 1

    def submit(self, function: Callable[[Any, Any], Any], unit: Any) -> Future[Any]:
        """Runs a unit; raises what it raises."""
        future = Future[Any]()
        future.set_result(function(self.shared, unit))
        return future

    def end(self, at_once: bool) -> None:
        """Does nothing: there are no workers."""


Workers = int | Cluster  # processes of this machine; 1 works in this one


def runs_here(workers: Workers, units: int) -> bool:
    """Whether `open_executor` runs units in this process."""
    return not isinstance(workers, Cluster) and min(workers, units) <= 1


def open_executor(shared: Any, workers: Workers, units: int) -> Executor:
    """What runs units.

    Args:
        shared: what all of them need, see `Executor`.
        workers: who runs them.
        units: how many there will be at a time, at most: no more processes are started.
    """
    if runs_here(workers, units):
        return InProcess(shared)
    if isinstance(workers, Cluster):
        from abbotify.simulation.parallel.dask_executor import DaskExecutor

        return DaskExecutor(shared, workers)
    from abbotify.simulation.parallel.processes import Processes

    return Processes(shared, min(workers, units))


class _Batch:
    """Units: those that wait for a worker, those that run, those done before their turn."""

    def __init__(
        self, executor: Executor, function: Callable[[Any, Any], Any], units: Sequence[Any]
    ) -> None:
        self.executor, self.function, self.units = executor, function, units
        self.waiting = list(range(len(units)))  # a heap of places
        self.running: dict[Future[Any], int] = {}
        self.done: dict[int, Future[Any]] = {}
        self.lost: Counter[int] = Counter()

    def results(self) -> Iterator[Any]:
        for place in range(len(self.units)):
            while place not in self.done:
                self._submit(place + self.executor.ahead)
                self._collect()
            yield self.done.pop(place).result()

    def _submit(self, limit: int) -> None:
        """Begins the next units below a limit, as many as there are workers for.

        Which of the units under way has killed its worker is not known. So one that was lost
        twice runs alone: others that were lost with it go on after that, it is given up.
        """
        while self.waiting and self.waiting[0] < limit:
            suspect = self.lost[self.waiting[0]] >= _ATTEMPTS - 1
            alone = suspect or any(
                self.lost[each] >= _ATTEMPTS - 1 for each in self.running.values()
            )
            if len(self.running) >= (1 if alone else self.executor.size):
                return
            place = heapq.heappop(self.waiting)
            future = self.executor.submit(self.function, self.units[place])
            self.running[future] = place

    def _collect(self) -> None:
        """Waits until a unit is done, or its worker has died."""
        ready = wait(self.running, return_when=FIRST_COMPLETED).done
        if not any(map(self._is_lost, ready)):
            self.done |= {self.running.pop(future): future for future in ready}
            return
        why = self.executor.renew()  # all that run are lost, or done
        for future in list(self.running):
            place = self.running.pop(future)
            if future.done() and not self._is_lost(future):
                self.done[place] = future
                continue
            self.lost[place] += 1
            if self.lost[place] == _ATTEMPTS:
                what = f"task {place + 1} of {len(self.units)} was given up"
                raise LostWorkers(f"{what}: {_ATTEMPTS} processes that had it died, {why}")
            heapq.heappush(self.waiting, place)

    def _is_lost(self, future: Future[Any]) -> bool:
        return future.cancelled() or isinstance(future.exception(), self.executor.losses)
