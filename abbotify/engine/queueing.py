"""The recommender service as a queue: replicas, timeouts, and who is served first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Any, Final, Protocol

from abbotify.scenario.arms import Service

_DISPATCH: Final = 2**40  # after every user's event of the millisecond
_EXPIRE: Final = _DISPATCH + 1

Key = tuple[int, int, int, int]


class Clock(Protocol):
    """The simulated time a queue lives in."""

    @property
    def ms(self) -> int:
        """Now, in ms from the start of the run."""

    def event(self) -> Any:
        """A new event, not yet scheduled."""

    def at(self, event: Any, delay: int, priority: int) -> None:
        """Schedules an event in `delay` ms, at its place among those of that millisecond."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a service says to a request.

    Attributes:
        wait: ms in the queue.
        latency: ms from request to reply.
        served: False when the request left the queue at its timeout.
        impatient: the wait was longer than the listener's patience.
    """

    wait: int
    latency: int
    served: bool
    impatient: bool = False


class Queue:
    """Replicas with a priority queue on (arrival, user, session, step) before them.

    Serving starts after all arrivals of a millisecond. A request that is still waiting when its
    timeout has passed leaves; one that a server becomes free for at that moment is served.
    """

    def __init__(self, clock: Clock, service: Service) -> None:
        self.clock = clock
        self.free = service.replicas
        self.timeout_ms = service.timeout_ms
        self.patience_ms = service.patience_ms
        self.waiting: list[tuple[Key, Any, int, int]] = []
        self.dispatching = False

    def request(self, user: int, session: int, step: int, service_ms: int, priority: int) -> Any:
        """Joins the queue; the event's value is a `Reply`.

        Args:
            user: the user's id, the second part of the key.
            session: the user's own session number.
            step: the step of the request.
            service_ms: how long a server is busy with it.
            priority: the order of the reply among the events of its millisecond.
        """
        reply, now = self.clock.event(), self.clock.ms
        heappush(self.waiting, ((now, user, session, step), reply, service_ms, priority))
        self._dispatch_soon()
        if self.timeout_ms is not None:
            self._later(self.timeout_ms, _EXPIRE, lambda _: self._expire(reply, now, priority))
        return reply

    def _later(self, delay: int, place: int, action: Callable[[Any], None]) -> None:
        event = self.clock.event()
        event._ok, event._value = True, None
        event.callbacks.append(action)
        self.clock.at(event, delay, place)

    def _dispatch_soon(self) -> None:
        if not self.dispatching:
            self.dispatching = True
            self._later(0, _DISPATCH, self._dispatch)

    def _dispatch(self, _: Any) -> None:
        self.dispatching = False
        while self.free and self.waiting:
            key, reply, service_ms, priority = heappop(self.waiting)
            if reply.triggered:  # it has left
                continue
            self.free -= 1
            reply.callbacks.insert(0, self._release)
            self._answer(reply, key[0], priority, service_ms)

    def _release(self, _: Any) -> None:
        self.free += 1
        self._dispatch_soon()

    def _expire(self, reply: Any, arrival: int, priority: int) -> None:
        if not reply.triggered:
            self._answer(reply, arrival, priority, None)

    def _answer(self, reply: Any, arrival: int, priority: int, service_ms: int | None) -> None:
        """Settles what a request gets; `service_ms` is None when it leaves unserved."""
        wait, served, delay = self.clock.ms - arrival, service_ms is not None, service_ms or 0
        impatient = self.patience_ms is not None and wait > self.patience_ms
        reply._ok, reply._value = True, Reply(wait, wait + delay, served, impatient)
        self.clock.at(reply, delay, priority)
