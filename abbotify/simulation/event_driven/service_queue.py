"""The recommender service as a queue: replicas, timeouts, and who is served first."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any, Final, NamedTuple, Protocol

from abbotify.scenario.arms import Service

_DISPATCH: Final = 2**40  # after every user's event of the millisecond
_EXPIRE: Final = _DISPATCH + 1

_reply: Final = tuple.__new__  # a named tuple's own constructor takes 0.2 us more

# A request that waits: arrival, user, session, step, the time its service takes, who has asked;
# None instead of who has asked once it has left. The first four order the queue.
_Waiting = list[Any]


class Reply(NamedTuple):
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


class Caller(Protocol):
    """Who sends a request and goes on when the reply comes: an event, scheduled again and again.

    Attributes:
        reply: to the last request.
        callbacks: what is called, in order, when the scheduled event comes.
    """

    reply: Reply | None
    callbacks: Any

    def after(self, delay: int) -> Any:
        """Schedules the event in `delay` ms, at the user's place among those of that moment."""


class Clock(Protocol):
    """The simulated time a queue lives in."""

    @property
    def ms(self) -> int:
        """Now, in ms from the start of the run."""

    def call(self, action: Callable[[Any], None], delay: int, priority: int) -> None:
        """Calls an action in `delay` ms, at its place among the events of that millisecond."""


class Queue:
    """Replicas with a priority queue on (arrival, user, session, step) before them.

    Serving starts after all arrivals of a millisecond. A request that is still waiting when its
    timeout has passed leaves; one that a server becomes free for at that moment is served.

    Few of these rules need an event. Whoever arrives while a server is free and nobody waits, or
    has waited since an earlier millisecond when a server becomes free, cannot be overtaken and is
    served at once; only arrivals that meet others of their millisecond wait for its end. So does
    a service that takes no time: its reply is of the same millisecond, and comes after arrivals.
    One event, for the request that has waited longest, looks after all timeouts.
    """

    def __init__(self, clock: Clock, service: Service) -> None:
        self.clock = clock
        self.free = service.replicas
        self.timeout_ms = service.timeout_ms
        self.patience_ms = service.patience_ms
        self.waiting: list[_Waiting] = []
        self.expiring: deque[_Waiting] = deque()  # as they came; some have left
        self.dispatching = False

    def request(
        self, user: int, session: int, step: int, service_ms: int, caller: Caller
    ) -> Caller:
        """Joins the queue; the caller's event comes with the reply in `caller.reply`.

        Args:
            user: the user's id, the second part of the key.
            session: the user's own session number.
            step: the step of the request.
            service_ms: how long a server is busy with it.
            caller: who is told.
        """
        now = self.clock.ms
        if self.free and service_ms and not self.waiting:
            self._serve(now, now, service_ms, caller)
            return caller
        one: _Waiting = [now, user, session, step, service_ms, caller]
        heappush(self.waiting, one)
        if self.timeout_ms is not None:
            if not self.expiring:
                self.clock.call(self._expire, self.timeout_ms, _EXPIRE)
            self.expiring.append(one)
        if self.free:
            self._dispatch_soon()
        return caller

    def _serve(self, now: int, arrival: int, service_ms: int, caller: Caller) -> None:
        self.free -= 1
        self._answer(now - arrival, service_ms, True, caller)
        caller.callbacks = (self._release, *caller.callbacks)

    def _answer(self, wait: int, delay: int, served: bool, caller: Caller) -> None:
        impatient = self.patience_ms is not None and wait > self.patience_ms
        caller.reply = _reply(Reply, (wait, wait + delay, served, impatient))
        caller.after(delay)

    def _release(self, _: Any) -> None:
        self.free += 1
        waiting = self.waiting
        while waiting and waiting[0][5] is None:  # it has left
            heappop(waiting)
        if not waiting or self.dispatching:
            return
        if waiting[0][0] < self.clock.ms and waiting[0][4]:
            self._serve_first()
        else:
            self._dispatch_soon()

    def _serve_first(self) -> None:
        one = heappop(self.waiting)
        arrival, _, _, _, service_ms, caller = one
        if caller is not None:
            one[5] = None
            self._serve(self.clock.ms, arrival, service_ms, caller)

    def _dispatch_soon(self) -> None:
        if not self.dispatching:
            self.dispatching = True
            self.clock.call(self._dispatch, 0, _DISPATCH)

    def _dispatch(self, _: Any) -> None:
        self.dispatching = False
        while self.free and self.waiting:
            self._serve_first()

    def _expire(self, _: Any) -> None:
        assert self.timeout_ms is not None, "nothing expires without a timeout"
        now, expiring = self.clock.ms, self.expiring
        due = now - self.timeout_ms
        _drop_gone(expiring)
        if expiring and expiring[0][0] == due:
            one = expiring.popleft()
            caller, one[5] = one[5], None
            self._answer(self.timeout_ms, 0, False, caller)
            _drop_gone(expiring)
        if expiring:  # also for the next of the same moment, who leaves after this one's reply
            self.clock.call(self._expire, expiring[0][0] - due, _EXPIRE)


def _drop_gone(requests: deque[_Waiting]) -> None:
    while requests and requests[0][5] is None:
        requests.popleft()
