"""What is odd but right runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Command
from tests.hostile.conftest import assert_refused, report_of
from tests.hostile.files import Plain, base, changed, write_scenario


def test_every_kind_of_file_runs(abbotify: Command, fresh: Path) -> None:
    result = report_of(abbotify, fresh, base())
    assert len(result["arms"]) == 6


ODD = {
    "Unicode names": {"name": "été 😀 <b>", "arms.random.latency_ms": 7},
    "one track": {"world.catalogue": {"tracks": 1, "artists": 1, "genres": 1, "dims": 1}},
    "one dimension": {"world.catalogue": {"tracks": 9, "artists": 9, "genres": 9, "dims": 1}},
    "two users": {"world.users": {"count": 2}, "arrivals.sessions": 40},
    "hardly any session": {"arrivals.sessions": 1e-9},
    "a budget of one": {"listener.session_budget": 1},
    "sessions of one track": {"listener.max_tracks": 1},
    "everything is skipped": {"listener.skip_below": 1.0},
    "nothing is skipped": {"listener.skip_below": 0.0},
    "no second track of an artist": {"listener.artist_discount_gamma": 0.0},
    "users who love all": {"world.users": {"bias": -1e6, "sharpness": 1.0, "count": 20}}
    | {"listener.max_tracks": 30},
    "users who hate all": {"world.users": {"bias": 1e6, "sharpness": 1.0, "count": 20}},
    "more shards than users": {"shards": 1000},
    "a visit a minute": {"arrivals": {"visits_per_day": 1000}, "world.users": {"count": 4}},
    "slow answers": {"arms.random.latency_ms": 86_400_000},
    "the largest seeds": {"seeds": {"world": 2**64 - 1, "dynamics": 2**64 - 1}},
    "a queue": {"service": {"replicas": 1, "timeout_ms": 1, "patience_ms": 0}}
    | {"arms.random.latency_ms": 5000},
}


@pytest.mark.parametrize("changes", ODD.values(), ids=ODD)
def test_odd_worlds_run(abbotify: Command, tmp_path: Path, small: Plain, changes: Plain) -> None:
    for path, value in changes.items():
        small = changed(small, path, value)
    result = report_of(abbotify, tmp_path, small)
    assert [arm["name"] for arm in result["arms"]] == ["random", "sticky"]


def test_one_user_is_too_few_for_two_arms(abbotify: Command, tmp_path: Path, small: Plain) -> None:
    write_scenario(tmp_path, changed(small, "world.users", {"count": 1}))
    assert_refused(abbotify, tmp_path, ("none of the 1 users",))
