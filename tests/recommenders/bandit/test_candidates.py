"""What a bandit chooses among, and which keys go together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from abbotify.errors import DataError, ScenarioError
from abbotify.recommenders.base import Request
from abbotify.recommenders.shipped.bandit import Bandit, BanditRecommender
from abbotify.world.base import World
from tests.recommenders.bandit.conftest import BEST, Recorder


def offered(it: BanditRecommender, request: Request) -> list[int]:
    it.policy = policy = Recorder(0)
    it.recommend(request)
    return policy.offered[0] if policy.offered else []


def test_top_pop_offers_the_most_popular(made: Any, ask: Any, world: World) -> None:
    popularity = world.catalogue.popularity
    expected = sorted(range(60), key=lambda t: (-popularity[t], t))[:7]
    request = ask(plays=[(expected[2], 1.0), (1, 0.5), (expected[0], 0.1)])
    assert offered(made(size=7, skip_heard=False), request) == expected
    assert offered(made(size=7), request) == [expected[1], *expected[3:]]


@pytest.mark.parametrize("size", [2, 5, 9, 30, 100])
def test_artist_offers_its_tracks_then_the_most_popular(
    size: int, made: Any, ask: Any, world: World
) -> None:
    artist, popularity = world.catalogue.artist, world.catalogue.popularity
    ranked = sorted(range(60), key=lambda t: (-popularity[t], t))
    it = made(size=size, candidates="artist", skip_heard=False)
    for previous in range(60):
        ordered = sorted(ranked, key=lambda t: artist[t] != artist[previous])  # stable
        assert offered(it, ask(plays=[(previous, 1.0)])) == ordered[:size]


def test_file_offers_the_previous_tracks_list(made: Any, ask: Any, tmp_path: Path) -> None:
    line = {"track": 5, "recommendations": [9, 1, 5, 3]}
    (tmp_path / "lists.jsonl").write_text(json.dumps(line) + "\n")
    it = made(size=3, candidates="file", file="lists.jsonl")
    assert offered(it, ask(plays=[(1, 1.0), (5, 0.5)])) == [9]
    assert offered(it, ask(plays=[(5, 1.0)])) == [9, 1]
    assert it.recommend(ask(plays=[(6, 1.0)])) is None


def test_nothing_left_is_a_miss(made: Any, ask: Any) -> None:
    it = made(size=1)
    assert it.recommend(ask(plays=[(1, 1.0)])) == BEST
    assert it.recommend(ask(plays=[(1, 1.0), (BEST, 0.5)])) is None
    assert it.policy.successes[BEST] == 1.5  # credited all the same


def test_bad_files_are_named(made: Any, tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="none\\.jsonl"):
        made(candidates="file", file="none.jsonl")
    (tmp_path / "lists.jsonl").write_text('{"track": 60, "recommendations": []}\n')
    with pytest.raises(DataError, match="lists\\.jsonl:1: track"):
        made(candidates="file", file="lists.jsonl")


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"candidates": "file"}, "belong together"),
        ({"file": "lists.jsonl"}, "belong together"),
        ({"policy": "linucb", "prior": (2.0, 1.0)}, "prior belongs to the policy thompson"),
        ({"alpha": 0.5}, "alpha belongs to the policy linucb, not thompson"),
    ],
)
def test_keys_that_do_not_go_together(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Bandit(recommender="bandit", **keys)


def test_all_keys_written_out_are_taken() -> None:
    for policy in ("thompson", "linucb"):
        params = Bandit(recommender="bandit", policy=policy)
        assert Bandit.model_validate(params.model_dump()) == params
