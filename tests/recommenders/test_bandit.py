"""The bandit: what it credits, what it chooses among, and that it learns."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from pydantic import ValidationError

from abbotify.errors import DataError, ScenarioError
from abbotify.recommenders.arms import build_arms
from abbotify.recommenders.bandit import BanditRecommender, Policy, bandit
from abbotify.recommenders.base import Request
from abbotify.recommenders.linucb import LinUCB
from abbotify.recommenders.thompson import Thompson
from abbotify.scenario.learners import Bandit
from abbotify.world.base import World

ROOT = Path(__file__).parent.parent.parent
KEY = ("arms", "it")
BEST, SECOND = 34, 47  # the most popular tracks of the small world


@pytest.fixture
def made(world: World, scenario_of: Any) -> Callable[..., BanditRecommender]:
    def make(**keys: Any) -> BanditRecommender:
        params = Bandit(recommender="bandit", **keys)
        return bandit(params, world, scenario_of("it: {recommender: random}"), KEY)

    return make


class Recorder:
    """A policy that takes candidates in turn and keeps what it is told."""

    def __init__(self, *answers: int) -> None:
        self.answers = list(answers)
        self.offered: list[list[int]] = []
        self.told: list[tuple[int, float]] = []

    def choose(self, tracks: npt.NDArray[np.int32], request: Request) -> tuple[int, int]:
        self.offered.append(tracks.tolist())
        return self.answers.pop(0), len(self.offered)

    def learn(self, told: int, time: float) -> None:
        self.told.append((told, time))


def recorded(*answers: int, skip_heard: bool = True) -> tuple[BanditRecommender, Recorder]:
    policy = Recorder(*answers)
    tracks = np.arange(10, dtype=np.int32)
    return BanditRecommender(policy, lambda request: tracks, 10, skip_heard), policy


# -- credit ---------------------------------------------------------------------------------


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


# -- candidates -----------------------------------------------------------------------------


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


# -- learning -------------------------------------------------------------------------------


def heard_in_full(world: World, track: int, previous: int) -> float:
    """A planted world: two tracks in three are skipped at once, track 33 is the best."""
    return 0.9 if track == 33 else (track % 3) / 10


def listen(
    it: BanditRecommender, world: World, sessions: int, fraction: Callable[..., float]
) -> list[float]:
    """What was listened to of each recommendation; sessions of 4, the users in turn."""
    times: list[float] = []
    for number in range(sessions):
        row, session = number % 20, number // 20
        plays: list[tuple[int, float]] = [((7 * number) % 60, 1.0)]
        for _ in range(4):
            track = it.recommend(request_of(world, row, session, plays))
            assert track is not None
            time = round(fraction(world, track, plays[-1][0]), 2)
            times.append(time)
            plays.append((track, time))
        it.ended(request_of(world, row, session, plays))
    return times


def request_of(world: World, row: int, session: int, plays: Sequence[tuple[int, float]]) -> Request:
    user, tracks = int(world.users.ids[row]), [track for track, _ in plays]
    last, time = plays[-1]
    return Request(user, row, session, len(plays), tracks[0], last, time, tuple(tracks), (), 31337)


def test_thompson_keeps_counts(made: Any, world: World) -> None:
    it = made(prior=(2.0, 3.0), size=60)
    times = listen(it, world, 100, heard_in_full)
    gained, lost = it.policy.successes - 2.0, it.policy.failures - 3.0
    assert gained.sum() == pytest.approx(sum(times))
    np.testing.assert_allclose((gained + lost).sum(), 400)
    counts = np.round(gained + lost)
    tracks = np.arange(60)
    fractions = np.where(tracks == 33, 0.9, tracks % 3 / 10)
    np.testing.assert_allclose(gained, counts * fractions, atol=1e-9)


@pytest.mark.parametrize("policy", ["thompson", "linucb"])
def test_regret_is_sublinear(policy: str, made: Any, world: World) -> None:
    """For LinUCB the planted effect is one its features tell: the previous track's genre."""
    genre = world.catalogue.genre

    def alike(world: World, track: int, previous: int) -> float:
        return 0.8 if genre[track] == genre[previous] else 0.2

    fraction, best = (heard_in_full, 0.9) if policy == "thompson" else (alike, 0.8)
    times = np.array(listen(made(policy=policy, skip_heard=False), world, 1500, fraction))
    regret = best - times
    by_chance = np.mean([best - fraction(world, t, p) for t in range(60) for p in range(60)])
    quarters = regret.reshape(4, -1).mean(axis=1)
    assert quarters[3] < 0.05 * by_chance
    assert quarters[3] < 0.5 * quarters[0]
    assert regret.mean() < 0.5 * by_chance


def test_thompson_converges_to_the_best_track(made: Any, world: World) -> None:
    it = made(size=60)
    listen(it, world, 1500, heard_in_full)
    means = it.policy.successes / (it.policy.successes + it.policy.failures)
    assert means.argmax() == 33
    played = np.round(it.policy.successes + it.policy.failures - 2.0)
    assert played[33] > 1400  # of 1500 sessions, in each of which it can be played once


@pytest.mark.parametrize("policy", ["thompson", "linucb"])
@pytest.mark.parametrize("candidates", ["top_pop", "artist"])
def test_equal_runs_are_equal(policy: str, candidates: str, made: Any, world: World) -> None:
    runs = []
    for _ in range(2):
        it = made(policy=policy, candidates=candidates)
        listen(it, world, 100, heard_in_full)
        runs.append([it.recommend(request_of(world, 0, 900, [(t, 1.0)])) for t in range(60)])
    assert runs[0] == runs[1]
    assert len(set(runs[0])) > 1


PROGRAM = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_bandit import heard_in_full, listen
from abbotify.jit import INTERPRETED
from abbotify.recommenders.bandit import bandit
from abbotify.scenario.learners import Bandit
from abbotify.testing import small_world

world = small_world()
print(INTERPRETED)
for keys in ({{"prior": (0.5, 2.5)}}, {{"policy": "linucb"}}):
    it = bandit(Bandit(recommender="bandit", size=20, **keys), world, None, ())
    listen(it, world, 5, heard_in_full)
    for values in vars(it.policy).values():
        print(values.tobytes().hex() if hasattr(values, "tobytes") else "")
"""


def test_interpreted_kernels_learn_the_same() -> None:
    outputs = []
    for disable in ("0", "1"):
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", PROGRAM],
            env={**os.environ, "NUMBA_DISABLE_JIT": disable, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        outputs.append(done.stdout.split("\n"))
    assert [output[0] for output in outputs] == ["False", "True"]
    assert outputs[0][1:] == outputs[1][1:]


def test_policies_fit_the_protocol(world: World) -> None:
    policies: list[Policy] = [Thompson(60, (1.0, 1.0)), LinUCB(world.catalogue, 1.0)]
    assert len(policies) == 2
