"""What a bandit credits: the tracks it recommended, and with what was listened to of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from abbotify.recommenders.build import build_arms
from abbotify.recommenders.shipped.bandit import BanditRecommender
from abbotify.world.base import World
from tests.recommenders.bandit.conftest import BEST, SECOND, Recorder


def recorded(*answers: int) -> tuple[BanditRecommender, Recorder]:
    policy = Recorder(*answers)
    tracks = np.arange(10, dtype=np.int32)
    return BanditRecommender(policy, lambda request: tracks, 10, True), policy


def test_an_answer_is_credited_by_the_next_request(ask: Any) -> None:
    it, policy = recorded(4, 5)
    it.recommend(ask(plays=[(0, 1.0)]))
    assert policy.told == []  # the first track was the user's own choice
    it.recommend(ask(plays=[(0, 1.0), (4, 0.3)]))
    assert policy.told == [(1, 0.3)]


def test_the_last_track_is_credited_when_the_session_ends(ask: Any) -> None:
    it, policy = recorded(4)
    it.recommend(ask(plays=[(0, 1.0)]))
    last = ask(plays=[(0, 1.0), (4, 0.07)])
    it.ended(last)
    it.ended(last)  # once
    assert policy.told == [(1, 0.07)]


def test_a_session_without_a_recommendation_teaches_nothing(ask: Any) -> None:
    it, policy = recorded()
    it.ended(ask(plays=[(0, 1.0)]))
    assert policy.told == []


def test_what_others_answered_is_not_credited(ask: Any) -> None:
    """A fallback stood in: another track was played, or the same one a step later."""
    it, policy = recorded(4, 5, 6)
    it.recommend(ask(plays=[(0, 1.0)]))
    it.recommend(ask(plays=[(0, 1.0), (7, 0.5)]))
    it.recommend(ask(plays=[(0, 1.0), (7, 0.5), (8, 0.5), (5, 0.5)]))
    assert policy.told == []


def test_sessions_under_way_at_once_are_kept_apart(ask: Any) -> None:
    it, policy = recorded(4, 4, 4)
    it.recommend(ask(row=0, session=0))
    it.recommend(ask(row=1, session=0))
    it.recommend(ask(row=1, session=1))
    it.ended(ask(row=1, session=0, plays=[(0, 1.0), (4, 0.2)]))
    it.ended(ask(row=0, session=0, plays=[(0, 1.0), (4, 0.1)]))
    it.ended(ask(row=1, session=1, plays=[(0, 1.0), (4, 0.3)]))
    assert policy.told == [(2, 0.2), (1, 0.1), (3, 0.3)]


def test_the_arm_tells_it_of_the_end(world: World, scenario_of: Any, ask: Any) -> None:
    """Sessions of one recommendation each: nothing but the end can tell which track is good."""
    arm = build_arms(scenario_of("it: {recommender: bandit, size: 2}"), world)[1]
    assert not arm.lowers
    assert arm.couples == "bandit learns from every answer"
    picks = []
    for session in range(100):
        track, outcome = arm.recommend(ask(session=session, plays=[(1, 1.0)]))
        assert outcome == 0
        picks.append(track)
        heard = 0.9 if track == BEST else 0.1
        arm.end(ask(session=session, plays=[(1, 1.0), (track, heard)]))
    assert set(picks) == {BEST, SECOND}
    assert picks[-30:] == [BEST] * 30
