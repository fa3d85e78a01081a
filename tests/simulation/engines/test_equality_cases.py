"""Both engines agree: for every recommender by name, and where scenarios are extreme."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

from abbotify.errors import RecommenderFailure
from abbotify.recommenders.shipped import OnlineLearner
from abbotify.scenario.recommenders import shipped
from abbotify.simulation.compiled import batched_requests
from abbotify.simulation.compiled import engine as compiled
from abbotify.simulation.engine import UnitResult
from tests.simulation.engines.both import Match, assert_engines_agree, match
from tests.simulation.engines.scenarios import DAY_MS, TINY
from tests.simulation.engines.surroundings import write_surroundings

Keys = dict[str, Any]
TRACKS_OF: Final = "tracks-40-gaps.jsonl"
BATCH: Final = {"recommender": "mine.py:Batch", "miss": 5}
# What each registered recommender is tried with; bandits couple users.
BY_NAME: Final[dict[str, list[Keys]]] = {
    "random": [{}],
    "sticky_artist": [{}],
    "sticky_artist_mixed": [{}, {"below": 1.0}],
    "top_pop": [{"size": 5}, {"size": 9, "pick": "first_unseen"}, {"file": "top-40-gaps.json"}],
    "indexed": [{"file": "users-40-gaps.jsonl", "pick": pick} for pick in ("uniform", "rank")],
    "contextual": [
        {"file": TRACKS_OF},
        {"file": TRACKS_OF, "anchor": "first", "pick": "first_unseen"},
    ],
    "i2i": [{"file": TRACKS_OF}],
    "neural": [
        TINY,
        {**TINY, "anchor": "previous", "pick": "rank"},
        {**TINY, "user_aware": False},
        {**TINY, "user_embedding": False, "optimizer": "lazy_adam"},
    ],
    "als": [{"factors": 4}, {"factors": 4, "key": "previous", "pick": "first_unseen"}],
    "bpr": [{"factors": 4}, {"factors": 4, "key": "first", "pick": "rank"}],
    "item2item": [{}, {"key": "first", "pick": "rank"}, {"key": "previous", "together": "user"}],
    "lightgcn": [{"factors": 4, "epochs": 1}],
}
EXTRAS: Final = {"als": "implicit", "bpr": "implicit", "lightgcn": "torch_geometric"}


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_surroundings(tmp_path_factory.mktemp("surroundings"))


def described(*arms: Any, users: int = 12, **keys: Any) -> Keys:
    """A scenario whose first arm is `random`; top-level keys replace the defaults."""
    every = [{"recommender": "random"}, *arms]
    kinds = [shipped().get(arm["recommender"]) for arm in arms]
    learning = any(kind is not None and kind.learns for kind in kinds)
    collect = {"phase": "collect", "days": 1, "traffic": {"arm 0": 1.0}}
    before = [collect, {"phase": "train"}] if learning else []
    return {
        "name": "case",
        "world": {
            "catalogue": {
                "source": "synthetic", "tracks": 40, "artists": 7, "genres": 3, "dims": 8,
            },
            "users": {"source": "synthetic", "count": users},
        },
        "arrivals": {"sessions": 3.0 * users},
        "timeline": [*before, {"phase": "experiment", "days": 2}],
        "arms": {f"arm {place}": arm for place, arm in enumerate(every)},
        "experiment": {"name": "AB", "control": "arm 0"},
        "shards": 2,
        **keys,
    }  # fmt: skip


def agree(folder: Path, data: Keys, varied: int | None = None) -> list[UnitResult]:
    return assert_engines_agree(match(data, folder, varied))


def tracks_of(results: list[UnitResult]) -> list[int]:
    return [n for result in results for n in result.sessions.tracks.tolist()]


def test_every_registered_recommender_is_compared() -> None:
    apart = {name for name, kind in shipped().items() if not issubclass(kind, OnlineLearner)}
    assert BY_NAME.keys() == apart


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.extras if n in EXTRAS else ()) for n in BY_NAME]
)
def test_engines_agree_on(folder: Path, name: str) -> None:
    if name in EXTRAS and importlib.util.find_spec(EXTRAS[name]) is None:
        pytest.skip(f"needs {EXTRAS[name]}")
    arms = [{"recommender": name, **keys} for keys in BY_NAME[name]]
    results = agree(folder, described(*arms, users=30))
    assert sum(tracks_of(results)) > 300


@pytest.mark.extras
def test_engines_agree_on_a_network(folder: Path) -> None:
    pytest.importorskip("torch")
    head = {"recommender": "neural", **TINY, "head": [4], "shortlist": 20}
    arms = [head, {**head, "user_aware": False}, {**head, "anchor": "previous"}]
    assert sum(tracks_of(agree(folder, described(*arms)))) > 100


ENDLESS: Final = {"session_budget": 10_000, "artist_discount_gamma": 1.0, "max_tracks": 700}


@pytest.mark.parametrize("tracks", [40, 1500])
def test_sessions_longer_than_a_scan(folder: Path, tracks: int) -> None:
    arms = [
        {"recommender": "sticky_artist"},
        {"recommender": "top_pop", "size": 600, "pick": "first_unseen"},
        {"recommender": "top_pop", "size": 600, "pick": "rank", "fallback": BATCH},
        BATCH,
    ]
    catalogue = {"tracks": tracks, "artists": 30, "genres": 3, "dims": 8}
    world = {"catalogue": catalogue, "users": {"count": 8}}
    arrivals = {"sessions": 8.0}
    results = agree(folder, described(*arms, world=world, arrivals=arrivals, listener=ENDLESS))
    assert max(tracks_of(results)) == 700
    assert (
        sum(
            int(result.sessions.repeats.sum())
            for result in results
            if result.sessions.repeats is not None
        )
        > 700
    )


@pytest.mark.parametrize("arrivals", [{"sessions": 80.0}, {"visits_per_day": 9.0}])
def test_buffers_that_are_too_small_grow(
    folder: Path, monkeypatch: pytest.MonkeyPatch, arrivals: Keys
) -> None:
    monkeypatch.setattr(compiled, "_ROOM", 1)
    monkeypatch.setattr(batched_requests, "_ROOM_EACH", 0)
    listener = {"max_tracks": 9, "session_budget": 20}
    arms = [BATCH, {"recommender": "neural", **TINY, "anchor": "previous"}]
    results = agree(folder, described(*arms, arrivals=arrivals, listener=listener))
    assert max(tracks_of(results)) == 9
    assert sum(len(result.sessions) for result in results) > 2 * 12 * 2


def test_lists_of_users_survive_their_sessions_growing(folder: Path) -> None:
    arms = [{**BATCH, "fails": 3}, {"recommender": "mine.py:OnlyBatch"}]
    results = agree(folder, described(*arms, listener={**ENDLESS, "max_tracks": 130}))
    assert max(tracks_of(results)) == 130


@pytest.mark.parametrize("arm", [{"recommender": "i2i", "file": TRACKS_OF}, BATCH])
def test_visits_that_wait_for_each_other(folder: Path, arm: Keys) -> None:
    slow = {"latency_ms": DAY_MS // 5}
    data = described({**arm, **slow}, users=6, arrivals={"sessions": 40.0})
    data["arms"]["arm 0"] |= slow
    results = agree(folder, data, varied=2)
    last = results[-1].state.busy_until
    assert last.max() > 2 * DAY_MS
    # More visits are drawn than there are sessions: what would start after the run is dropped.
    assert sum(len(result.sessions) for result in results) < 60


@pytest.mark.parametrize("arrivals", [{"sessions": 1e-9}, {"visits_per_day": 1e-9}])
def test_nobody_comes(folder: Path, arrivals: Keys) -> None:
    results = agree(folder, described(BATCH, arrivals=arrivals))
    assert tracks_of(results) == []


@pytest.mark.parametrize("arrivals", [{"sessions": 9.0}, {"visits_per_day": 9.0}])
def test_one_user(folder: Path, arrivals: Keys) -> None:
    for salt in "AB", "CD", "EF", "GH":
        experiment = {"name": salt, "control": "arm 0"}
        data = described(BATCH, users=1, arrivals=arrivals, experiment=experiment)
        assert tracks_of(agree(folder, data))


@pytest.mark.parametrize("seed", [0, 2**63, 2**64 - 1])
def test_extreme_seeds(folder: Path, seed: int) -> None:
    drawn = {"distribution": "lognormal", "median": 9e5, "sigma": 5.0}
    arms = [{"recommender": "random", "latency_ms": drawn}, BATCH]
    assert tracks_of(agree(folder, described(*arms, seeds={"world": seed, "dynamics": seed})))


def test_sessions_of_one_track(folder: Path) -> None:
    assert {*tracks_of(agree(folder, described(BATCH, listener={"max_tracks": 1})))} == {1}


def test_both_stop_at_an_error(folder: Path) -> None:
    failing = {"recommender": "mine.py:Batch", "outside": 2, "on_error": "stop"}
    game = match(described(failing), folder)
    for engine in engines(game):
        with pytest.raises(RecommenderFailure, match=r"Batch failed for user .*returned track"):
            game.play(engine)


def engines(game: Match) -> list[Any]:
    from abbotify.simulation.event_driven.engine import EventDriven

    return [EventDriven(game.setup), compiled.Compiled(game.setup)]


def test_an_engine_can_be_used_again(folder: Path) -> None:
    """What is left of a unit in its buffers changes nothing."""
    game = match(described(BATCH, {"recommender": "neural", **TINY}), folder)
    engine = compiled.Compiled(game.setup)
    one, other = game.play(engine), game.play(engine)
    for first, second in zip(one, other, strict=True):
        assert first.events is not None
        assert second.events is not None
        np.testing.assert_array_equal(first.events.timestamp, second.events.timestamp)
        assert not np.shares_memory(first.events.track, second.events.track)


def test_lists_made_late_move_no_other_table(folder: Path) -> None:
    # An arm whose pick is made early, behind one whose lists grow, and waiting itself.
    ranked = {"recommender": "neural", **TINY, "user_aware": True}
    gaps = {"recommender": "contextual", "file": TRACKS_OF, "fallback": BATCH}
    data = described(ranked, gaps, users=30, arrivals={"sessions": 90.0})
    assert sum(tracks_of(agree(folder, data))) > 300
