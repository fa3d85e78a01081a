"""What holds of every log, whatever the scenario."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby, pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abbotify.eventlog.schema import MS_PER_DAY

LATENCIES = [
    0,
    40,
    {"distribution": "exponential", "mean": 900.0},
    {"distribution": "uniform", "low": 5, "high": 5000},
    {"distribution": "lognormal", "median": 700.0, "sigma": 1.0},
]
OTHERS: list[dict[str, Any]] = [
    {"recommender": "sticky_artist"},
    {"recommender": "sticky_artist_mixed"},
    {"recommender": "top_pop", "size": 5},
    {"recommender": "top_pop", "size": 3, "pick": "first_unseen", "fallback": "sticky_artist"},
]
Keys = dict[str, Any]


@st.composite
def scenarios(draw: st.DrawFn) -> Keys:
    """Top-level keys of a small scenario."""
    arrivals: Keys = {"profile": draw(st.sampled_from(["flat", "evening"]))}
    if draw(st.booleans()):
        arrivals["sessions"] = draw(st.sampled_from([3.0, 30.0, 150.0]))
    else:
        arrivals["visits_per_day"] = draw(st.sampled_from([0.3, 2.0, 30.0]))
    days = st.integers(1, 2)
    collect = {"phase": "collect", "traffic": {"random": 0.5, "other": 0.5}}
    return {
        "seeds": {"world": 1, "dynamics": draw(st.integers(0, 2**64 - 1))},
        "arrivals": arrivals,
        "listener": {
            "session_budget": draw(st.integers(1, 5)),
            "artist_discount_gamma": draw(st.sampled_from([0.0, 0.8, 1.0])),
            "interest_neighbours": draw(st.integers(1, 60)),
            "max_tracks": draw(st.sampled_from([1, 2, 7, 1000])),
        },
        "timeline": [
            {"phase": "pre", "days": draw(days), "recommender": "other"},
            {**collect, "days": draw(days)},
            {"phase": "experiment", "days": draw(days)},
        ],
        "arms": {
            "random": {"recommender": "random", "latency_ms": draw(st.sampled_from(LATENCIES))},
            "other": {**draw(st.sampled_from(OTHERS)), "latency_ms": draw(st.sampled_from([0, 9]))},
        },
    }


def sessions_of(log: list[tuple[Any, ...]]) -> list[list[tuple[Any, ...]]]:
    return [list(rows) for _, rows in groupby(log, key=lambda row: (row[2], row[3]))]


@settings(max_examples=25)
@given(keys=scenarios())
def test_every_log_tells_whole_sessions(make: Callable[..., Any], rows: Any, keys: Keys) -> None:
    game = make(**keys)
    parts = [range(5), range(5, 12)]
    log = [row for part in game.results(parts) for unit in part for row in rows(unit.events)]
    for part in game.results(parts):
        for unit in part:
            keys_of_rows = [row[2:5] for row in rows(unit.events)]
            assert keys_of_rows == sorted(set(keys_of_rows))
            assert len(unit.facts.cut) == len({row[:2] for row in keys_of_rows})
    log.sort(key=lambda row: row[2:5])
    artist, limit = game.world.catalogue.artist, game.scenario.listener.max_tracks
    for session in sessions_of(log):
        assert [row[4] for row in session] == list(range(len(session)))
        assert [row[5] for row in session] == [False] * (len(session) - 1) + [True]
        assert len(session) <= limit
        assert session[0][7] == 1.0
        assert session[-1][8] == -1
        assert len({(row[1], row[10]) for row in session}) == 1
        heard: set[int] = set()
        for row, following in pairwise(session):
            heard.add(row[6])
            assert row[8] == following[6]
            assert following[7] == round(following[7] * 100) / 100
            assert 0.0 <= following[7] <= 1.0
            assert following[6] not in heard or following[7] == 0.0
            play = (round(following[7] * 100) * 180_000 + 50) // 100
            assert following[0] == row[0] + row[9] + play
        if game.scenario.listener.artist_discount_gamma == 0.0:
            for i, row in enumerate(session[1:], 1):
                again = artist[row[6]] in {artist[other[6]] for other in session[:i]}
                assert not again or row[7] == 0.0


@settings(max_examples=25)
@given(keys=scenarios())
def test_users_are_in_one_place_at_a_time(make: Callable[..., Any], rows: Any, keys: Keys) -> None:
    game = make(**keys)
    log = rows(game.play())
    for _, mine in groupby(sessions_of(log), key=lambda session: session[0][2]):
        sessions = list(mine)
        assert [session[0][3] for session in sessions] == list(range(len(sessions)))
        starts = [session[0][0] - 180_000 for session in sessions]
        ends = [session[-1][0] + session[-1][9] for session in sessions]
        assert all(end <= start for end, start in zip(ends, starts[1:], strict=False))
        assert all(start < game.scenario.days * MS_PER_DAY for start in starts)
        days = [session[0][1] for session in sessions]
        assert days == sorted(days)
        # A session's day is that of its draw: it may start later, after the one before it.
        for i, (day, start) in enumerate(zip(days, starts, strict=True)):
            assert day <= start // MS_PER_DAY
            late = day < start // MS_PER_DAY
            assert not late or start == ends[i - 1]


@settings(max_examples=15)
@given(keys=scenarios())
def test_how_the_work_is_divided_changes_nothing(
    make: Callable[..., Any], rows: Any, keys: Keys
) -> None:
    game = make(**keys)
    whole = rows(game.play())
    assert rows(game.play([range(1), range(1, 4), range(4, 11), range(11, 12)])) == whole
    assert rows(game.play([range(7, 12), range(7)])) == whole  # the later users first
    assert rows(game.play(coupled=True)) == whole  # all days in one unit
    some = [row for row in whole if row[2] in game.world.users.ids[3:5]]
    assert rows(game.play([range(3, 5)])) == some  # nobody else there


def drawn(log: list[tuple[Any, ...]]) -> dict[tuple[int, int, int], int]:
    return {(r[2], r[3], r[0]): r[6] for r in log if r[4] == 0}


@pytest.mark.parametrize("arrivals", [{"sessions": 40.0}, {"visits_per_day": 3.0}])
def test_under_another_arm_a_user_meets_the_same_draws(
    make: Callable[..., Any], rows: Any, arrivals: Keys
) -> None:
    logs = []
    for recommender in ("random", "sticky_artist"):
        arms = {"a": {"recommender": recommender}, "b": {"recommender": recommender}}
        experiment = {"name": "AB", "control": "a"}
        logs.append(rows(make(arms=arms, arrivals=arrivals, experiment=experiment).play()))
    one, other = (drawn(log) for log in logs)
    common = one.keys() & other.keys()
    assert len(common) > 10
    assert all(one[key] == other[key] for key in common)
    # The number of the session alone decides its first track.
    firsts = [{key[:2]: track for key, track in starts.items()} for starts in (one, other)]
    assert all(firsts[0][key] == firsts[1][key] for key in firsts[0].keys() & firsts[1].keys())
    # The recommended tracks are drawn by the same words, from other candidates.
    assert logs[0] != logs[1]


def test_two_names_for_one_recommender_are_one(make: Callable[..., Any], rows: Any) -> None:
    arms = {"a": {"recommender": "random"}, "b": {"recommender": "random"}}
    first = rows(make(arms=arms, experiment={"name": "AB", "control": "a"}).play())
    second = rows(make(arms=arms, experiment={"name": "OTHER", "control": "b"}).play())
    assert [row[:10] for row in first] == [row[:10] for row in second]
    assert [row[10] for row in first] != [row[10] for row in second]


def test_the_seed_of_the_dynamics_changes_everything_but_the_world(
    make: Callable[..., Any], rows: Any
) -> None:
    one, other = make(seeds={"dynamics": 1}), make(seeds={"dynamics": 2})
    assert np.array_equal(one.world.catalogue.vectors, other.world.catalogue.vectors)
    assert rows(one.play()) != rows(other.play())
    assert rows(one.play()) == rows(make(seeds={"dynamics": 1}).play())
