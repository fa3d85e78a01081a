"""The recommender service as a queue: replicas, timeouts, and who is served first."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, NamedTuple

import simpy

from abbotify.scenario.recommenders import Service
from abbotify.simulation.event_driven.clock import JOIN, RELEASE, Clock


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


class ServiceQueue:
    """Replicas with a priority queue on (arrival, user, session, step) before them.

    Those who arrive in a round join when all have arrived. A wait expires at the end of its
    millisecond: a request that a server becomes free for at that moment is served.
    """

    def __init__(self, clock: Clock, service: Service) -> None:
        self.clock, self.service = clock, service
        self.servers = simpy.PriorityResource(clock, service.replicas)

    def request(
        self, user: int, session: int, step: int, service_ms: int, rank: int
    ) -> Generator[Any, Any, Reply]:
        """A request from arrival to reply.

        Args:
            user: the user's id, the second part of the key.
            session: the user's own session number.
            step: the step of the request.
            service_ms: how long a server is busy with it.
            rank: the user's, among the events of a round.
        """
        clock, service = self.clock, self.service
        arrival = clock.ms
        yield clock.later_in_round(JOIN)
        # SimPy types priorities as integers and compares them as what they are.
        key: Any = (arrival, user, session, step)
        server = self.servers.request(priority=key)
        if service.timeout_ms is None:
            yield server
        else:
            yield server | clock.end_of(service.timeout_ms)
        wait, served = clock.ms - arrival, server.triggered
        if served:
            yield clock.pause(service_ms, rank)
            self._release_later(server)
        else:
            server.cancel()
            yield clock.pause(0, rank)
        impatient = service.patience_ms is not None and wait > service.patience_ms
        return Reply(wait, clock.ms - arrival, served, impatient)

    def _release_later(self, server: Any) -> None:
        # Once all have joined who arrive in this round: the first of all is served next.
        end: Any = self.clock.later_in_round(RELEASE)
        end.callbacks.append(lambda _: self.servers.release(server))
