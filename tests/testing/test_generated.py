"""The generated world and its sessions have what their descriptions promise."""

from __future__ import annotations

import numpy as np

from abbotify.recommenders.base import Play
from abbotify.recommenders.candidate_table import HISTORY
from abbotify.testing.generated import (
    generated_log,
    generated_requests,
    requests_of,
    small_world,
)


def test_the_world_is_small_and_has_ties() -> None:
    catalogue, users = small_world().catalogue, small_world().users
    assert (len(catalogue), len(catalogue.artists), len(users)) == (60, 12, 20)
    assert users.ids[:3].tolist() == [3, 10, 17]
    tracks = np.bincount(catalogue.artist)
    assert (tracks.min(), tracks.max()) == (3, 12)
    assert len(catalogue.titles) == 60


def test_requests_follow_each_other_in_their_sessions() -> None:
    world = small_world()
    requests = generated_requests(world, sessions=40, seed=3)
    assert {request.time for request in requests} >= {0.0, 1.0}
    assert max(request.session for request in requests) > 0  # somebody comes back
    for request in requests:
        assert request.user == world.users.ids[request.row]
        assert len(request.played) == request.step
        assert request.played[-1] == request.previous
        assert request.history[-1] == Play(request.previous, request.time)
        assert len(request.history) <= HISTORY


def test_the_log_has_a_play_for_each_request() -> None:
    world = small_world()
    requests, log = generated_requests(world, 30, 5), generated_log(world, 30, 5)
    assert len(log.track) == len(requests)
    assert sorted(log.track.tolist()) == sorted(request.previous for request in requests)
    assert log.step.min() == 0


def test_a_session_begins_with_its_first_track() -> None:
    before, plays = [Play(9, 0.5)], [Play(4, 1.0), Play(5, 0.2)]
    first, second = requests_of(7, 1, 2, before, plays, 11)
    assert (first.first, first.previous, first.step, first.session) == (4, 4, 1, 2)
    assert (second.first, second.previous, second.time) == (4, 5, 0.2)
    assert second.history == [*before, *plays]
