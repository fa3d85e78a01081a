"""The queue before a service: order within a millisecond, timeouts, patience, waiting times."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abbotify.scenario.recommenders import Service
from abbotify.simulation.compiled.engine import Compiled
from abbotify.simulation.event_driven.clock import FIRST_USER, Clock
from abbotify.simulation.event_driven.engine import EventDriven
from abbotify.simulation.event_driven.service_queue import Reply, ServiceQueue

ENGINES = [EventDriven, Compiled]
Ask = tuple[int, int, int, int, int]  # arrival, user, session, step, service ms


def answers(service: Service, asked: Sequence[Ask]) -> dict[tuple[int, ...], tuple[Reply, int]]:
    """The reply to each request and when it came, by (user, session, step)."""
    clock = Clock()
    queue = ServiceQueue(clock, service)
    replies: dict[tuple[int, ...], tuple[Reply, int]] = {}

    def ask(arrival: int, user: int, session: int, step: int, busy: int) -> Generator[Any, Any]:
        if arrival:
            yield clock.pause(arrival, FIRST_USER + user)
        else:
            yield clock.later_in_round(FIRST_USER + user)
        reply = yield from queue.request(user, session, step, busy, FIRST_USER + user)
        replies[user, session, step] = (reply, clock.ms)

    for one in asked:
        clock.process(ask(*one))
    clock.run_until()
    return replies


def waits(service: Service, asked: Sequence[Ask]) -> dict[int, int]:
    return {key[0]: reply.wait for key, (reply, _) in answers(service, asked).items()}


def test_one_server_serves_in_order_of_arrival() -> None:
    asked = [(0, 9, 0, 0, 100), (10, 3, 0, 0, 50), (5, 7, 0, 0, 20), (300, 1, 0, 0, 1)]
    replies = answers(Service(), asked)
    assert replies[9, 0, 0] == (Reply(0, 100, True), 100)
    assert replies[7, 0, 0] == (Reply(95, 115, True), 120)
    assert replies[3, 0, 0] == (Reply(110, 160, True), 170)
    assert replies[1, 0, 0] == (Reply(0, 1, True), 301)


@pytest.mark.parametrize("turn", [1, -1])
def test_within_a_millisecond_users_come_in_order_of_their_ids(turn: int) -> None:
    asked = [(5, user, 0, 0, 10) for user in (4, 2, 8, 6)][::turn]
    assert waits(Service(), asked) == {2: 0, 4: 10, 6: 20, 8: 30}
    assert waits(Service(replicas=3), asked) == {2: 0, 4: 0, 6: 0, 8: 10}


@pytest.mark.parametrize("turn", [1, -1])
def test_then_by_session_and_step(turn: int) -> None:
    asked = [(0, 1, 1, 0, 10), (0, 1, 0, 9, 10), (0, 1, 0, 2, 10), (0, 0, 5, 5, 10)][::turn]
    order = sorted((when, key) for key, (_, when) in answers(Service(), asked).items())
    assert order == [(10, (0, 5, 5)), (20, (1, 0, 2)), (30, (1, 0, 9)), (40, (1, 1, 0))]


def test_serving_starts_after_all_arrivals_of_a_millisecond() -> None:
    # The server is free again at 50, when 7 has waited longer than 3, who comes at 50.
    assert waits(Service(), [(0, 9, 0, 0, 50), (49, 7, 0, 0, 5), (50, 3, 0, 0, 5)]) == {
        9: 0, 7: 1, 3: 5,
    }  # fmt: skip
    # At 50 two come while the server becomes free: the smaller id is first, whoever asked first.
    assert waits(Service(), [(0, 9, 0, 0, 50), (50, 7, 0, 0, 5), (50, 3, 0, 0, 5)]) == {
        9: 0, 3: 0, 7: 5,
    }  # fmt: skip


def test_a_request_past_its_timeout_leaves() -> None:
    service = Service(timeout_ms=30)
    asked = [(0, 1, 0, 0, 100), (10, 2, 0, 0, 5), (69, 3, 0, 0, 5), (71, 4, 0, 0, 5)]
    replies = answers(service, asked)
    assert replies[1, 0, 0] == (Reply(0, 100, True), 100)  # one in service keeps its server
    assert replies[2, 0, 0] == (Reply(30, 30, False), 40)
    assert replies[3, 0, 0] == (Reply(30, 30, False), 99)
    assert replies[4, 0, 0] == (Reply(29, 34, True), 105)  # nothing is served in their stead


@pytest.mark.parametrize("user", [0, 2])
def test_a_server_free_exactly_at_the_timeout_serves(user: int) -> None:
    replies = answers(Service(timeout_ms=30), [(0, 1, 0, 0, 50), (20, user, 0, 0, 7)])
    assert replies[user, 0, 0] == (Reply(30, 37, True), 57)


def test_servers_that_take_no_time_empty_the_queue_before_timeouts() -> None:
    asked = [(0, 1, 0, 0, 30), *((0, user, 0, 0, 0) for user in range(2, 9))]
    assert set(waits(Service(timeout_ms=30), asked).values()) == {0, 30}
    assert all(reply.served for reply, _ in answers(Service(timeout_ms=30), asked).values())


def test_no_time_to_wait_at_all() -> None:
    asked = [(0, 1, 0, 0, 10), (0, 2, 0, 0, 10), (10, 3, 0, 0, 10)]
    replies = answers(Service(timeout_ms=0), asked)
    assert [replies[user, 0, 0][0].served for user in (1, 2, 3)] == [True, False, True]
    assert replies[2, 0, 0] == (Reply(0, 0, False), 0)


def test_replicas_serve_side_by_side() -> None:
    asked = [(0, user, 0, 0, 10 * user) for user in range(1, 6)]
    assert waits(Service(replicas=2), asked) == {1: 0, 2: 0, 3: 10, 4: 20, 5: 40}


def by_the_millisecond(service: Service, asked: Sequence[Ask]) -> dict[tuple[int, ...], Any]:
    """The rules of the queue, looked at again in every millisecond."""
    replies: dict[tuple[int, ...], Any] = {}
    free, ends, waiting = service.replicas, Counter[int](), set[Ask]()
    for now in range(sum(one[4] for one in asked) + max(one[0] for one in asked) + 100):
        waiting |= {one for one in asked if one[0] == now}
        free += ends[now]
        for one in sorted(waiting):
            wait, busy = now - one[0], one[4]
            if free:
                free -= busy > 0  # else it is free again at once
                ends[now + busy] += 1
                replies[one[1:4]] = (Reply(wait, wait + busy, True), now + busy)
            elif wait == service.timeout_ms:
                replies[one[1:4]] = (Reply(wait, wait, False), now)
        waiting -= {one for one in waiting if one[1:4] in replies}
    return replies


@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 9)), min_size=1, max_size=12),
    st.integers(1, 3),
    st.none() | st.integers(0, 9),
)
def test_what_is_served_at_once_is_what_the_rules_say(
    requests: list[tuple[int, int]], replicas: int, timeout: int | None
) -> None:
    asked = [(at, user, 0, 0, busy) for user, (at, busy) in enumerate(requests)]
    service = Service(replicas=replicas, timeout_ms=timeout)
    assert answers(service, asked) == by_the_millisecond(service, asked)


def crowd(make: Callable[..., Any], arms: dict[str, Any], **keys: Any) -> Any:
    settings: dict[str, Any] = {
        "world": {
            "catalogue": {
                "source": "synthetic", "tracks": 60, "artists": 12, "genres": 3, "dims": 8,
            },
            "users": {"source": "synthetic", "count": 20_000, "interests": 1},
        },
        "timeline": [{"phase": "experiment", "days": 1}],
        "experiment": {"name": "AB", "control": "a"},
    }  # fmt: skip
    return make(**{**settings, "arms": arms, **keys})


def erlang_c(servers: int, load: float) -> float:
    """The share of requests that wait in M/M/c (Erlang 1917), by the recursion of Erlang's B."""
    blocked = 1.0
    for n in range(1, servers + 1):
        blocked = load * blocked / (n + load * blocked)
    return blocked / (1 - load / servers * (1 - blocked))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("servers", [1, 2, 5])
def test_waiting_times_are_those_of_an_m_m_c_queue(
    make: Callable[..., Any], servers: int, engine: type[Any]
) -> None:
    assert erlang_c(1, 0.7) == pytest.approx(0.7)
    sessions, use = 30_000, 0.7
    mean = use * servers * 86_400_000 / sessions
    arm = {
        "recommender": "random",
        "latency_ms": {"distribution": "exponential", "mean": mean},
    }
    # One track a session, so one request; 20 000 users hardly ever visit twice at once.
    game = crowd(
        make,
        {"a": arm, "b": arm},
        arrivals={"sessions": sessions, "profile": "flat"},
        listener={"max_tracks": 1},
        service={"replicas": servers},
    )
    events = game.play(coupled=True, kind=engine)
    latency = events.latency_ms[np.argsort(events.timestamp, kind="stable")].astype(float)
    expected = mean + erlang_c(servers, use * servers) * mean / (servers * (1 - use))
    # Waits are correlated over some busy periods: batch means.
    batches = np.array([part.mean() for part in np.array_split(latency, 30)])
    assert abs(latency.mean() - expected) < 4 * batches.std(ddof=1) / math.sqrt(30)
    assert batches.std(ddof=1) / math.sqrt(30) < 0.1 * expected


def left_share(servers: int, load: float, limit: float) -> float:
    """The share of requests that leave M/M/c at a fixed wait, in mean services of one server.

    Source: Barrer, Queuing with impatient customers and ordered service (1957).
    """
    states = [1.0]  # with 0, 1, ... servers busy and nobody waiting
    for busy in range(1, servers):
        states.append(states[-1] * load / busy)
    drain = servers - load
    decay = math.exp(-drain * limit)
    inside = load * states[-1] * (1 - decay) / drain
    beyond = load * states[-1] * decay / servers
    return beyond / (sum(states) + inside + beyond)


def assert_share(happened: Any, expected: float) -> None:
    """Whether a share is what is expected, by batch means: neighbours depend on each other."""
    batches = np.array([part.mean() for part in np.array_split(happened.astype(float), 30)])
    error = batches.std(ddof=1) / math.sqrt(30)
    assert abs(happened.mean() - expected) < 4 * error
    assert error < 0.1 * expected


@pytest.mark.parametrize("engine", ENGINES)
def test_those_who_leave_are_as_many_as_in_theory(
    make: Callable[..., Any], engine: type[Any]
) -> None:
    assert left_share(1, 0.5, 0.0) == pytest.approx(1 / 3)  # who comes while it is busy: M/M/1/1
    sessions, load, servers, limit = 30_000, 1.8, 2, 0.8
    mean = load * 86_400_000 / sessions
    arm = {"recommender": "random", "latency_ms": {"distribution": "exponential", "mean": mean}}
    game = crowd(
        make,
        {"a": arm, "b": arm},
        arrivals={"sessions": sessions, "profile": "flat"},
        listener={"max_tracks": 1},
        service={"replicas": servers, "timeout_ms": round(limit * mean)},
    )
    ((result,),) = game.results(coupled=True, kind=engine)
    order = np.argsort(result.sessions.start, kind="stable")
    assert_share(result.facts.timeouts[order] == 1, left_share(servers, load, limit))


@pytest.mark.parametrize("engine", ENGINES)
def test_those_who_lose_patience_are_as_many_as_in_theory(
    make: Callable[..., Any], engine: type[Any]
) -> None:
    # All hear all of two tracks: who has budget left has not lost patience before the second. The
    # queue has a session's second request some minutes after the first (Jackson 1957).
    sessions, use, servers = 30_000, 0.8, 2
    mean = use * servers * 86_400_000 / (2 * sessions)
    arm = {"recommender": "random", "latency_ms": {"distribution": "exponential", "mean": mean}}
    users = {"source": "synthetic", "count": 20_000, "interests": 1, "bias": -1000.0}
    catalogue = {"source": "synthetic", "tracks": 60, "artists": 12, "genres": 3, "dims": 8}
    game = crowd(
        make,
        {"a": arm, "b": arm},
        world={"catalogue": catalogue, "users": users},
        arrivals={"sessions": sessions, "profile": "flat"},
        listener={"max_tracks": 2, "session_budget": 1, "artist_discount_gamma": 1.0},
        service={"replicas": servers, "patience_ms": round(mean)},
    )
    ((result,),) = game.results(coupled=True, kind=engine)
    order = np.argsort(result.sessions.start, kind="stable")
    order = order[result.sessions.repeats[order] == 0]  # a repeated track bores everybody
    expected = erlang_c(servers, use * servers) * math.exp(-servers * (1 - use))
    assert_share(~result.facts.cut[order], expected)


def test_two_queues_are_apart(make: Callable[..., Any]) -> None:
    # The arm without a service of its own never waits.
    slow = {"recommender": "random", "latency_ms": 20_000, "service": {"replicas": 1}}
    game = crowd(
        make,
        {"a": {"recommender": "random", "latency_ms": 20}, "b": slow},
        arrivals={"sessions": 2000, "profile": "flat"},
    )
    events = game.play(coupled=True)
    label = events.arms["arm"]
    quick = label.codes == label.names.index("a")
    assert set(events.latency_ms[quick].tolist()) == {20}
    assert events.latency_ms[~quick].max() > 20_000


def busy(make: Callable[..., Any], **service: Any) -> Any:
    """A service that cannot keep up, and a fallback that plays only the most popular track."""
    arm = {
        "recommender": "random",
        "fallback": {"recommender": "top_pop", "size": 1},
        "latency_ms": {"distribution": "exponential", "mean": 60_000},
        "service": {"replicas": 2, **service},
    }
    arrivals = {"sessions": 600, "profile": "flat"}
    return crowd(make, {"a": arm, "b": arm}, arrivals=arrivals)


def test_timeouts_are_counted_and_get_the_fallback(make: Callable[..., Any]) -> None:
    game = busy(make, timeout_ms=5000)
    ((result,),) = game.results(coupled=True)
    events = result.events
    top = int(np.argmax(game.world.catalogue.popularity))
    # A reply that is neither longer nor shorter than the timeout came from nobody else.
    late = (events.latency_ms == 5000) & ~events.last
    assert late.sum() > 100
    assert (events.recommendation[late] == top).mean() > 0.99  # but for services of just 5000 ms
    on_time = (events.recommendation[~late & ~events.last] != top).mean()
    assert on_time > 0.9
    timeouts = int(result.facts.timeouts.sum())
    assert abs(timeouts - (events.latency_ms == 5000).sum()) <= 2
    assert result.facts.misses.sum() == 0
    assert result.facts.errors.sum() == 0


def test_impatience_takes_budget(make: Callable[..., Any]) -> None:
    patient = busy(make).play(coupled=True)
    hasty = busy(make, patience_ms=0).play(coupled=True)
    tracks = [len(events) / events.last.sum() for events in (patient, hasty)]
    assert tracks[1] < 0.8 * tracks[0]


def test_a_wait_of_exactly_the_patience_costs_nothing(make: Callable[..., Any]) -> None:
    # Everybody who waits, waits 5000 ms and gives up.
    endless = busy(make, timeout_ms=5000)
    at_limit = busy(make, timeout_ms=5000, patience_ms=5000)
    assert at_limit.play(coupled=True).track.tolist() == endless.play(coupled=True).track.tolist()
    below = busy(make, timeout_ms=5000, patience_ms=4999)
    assert below.play(coupled=True).track.tolist() != endless.play(coupled=True).track.tolist()


def test_a_service_with_room_for_all_is_no_service(make: Callable[..., Any], rows: Any) -> None:
    arms = {"a": {"recommender": "random", "latency_ms": 300}, "b": {"recommender": "random"}}
    arrivals = {"sessions": 500, "profile": "evening"}
    free = crowd(make, arms, arrivals=arrivals)
    roomy = {"replicas": 1_000_000, "timeout_ms": 0, "patience_ms": 0}
    served = crowd(make, arms, arrivals=arrivals, service=roomy)
    assert rows(served.play(coupled=True)) == rows(free.play())
