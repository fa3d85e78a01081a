"""The contract finds what is wrong with deliberately bad recommenders, and passes good ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abbotify.errors import PluginError
from abbotify.recommenders.base import Request
from abbotify.testing import RecommenderContract, generated_requests, requests, small_world
from abbotify.vectors import top_k
from tests.conftest import printed

WORLD = small_world()
HEAD = """\
import random
from dataclasses import dataclass, field
import numpy as np
from abbotify import CandidateTable, Key, Lists, Pick

EVERYTHING = Lists(np.array([0, 60]), np.arange(60))

class R:
    def __init__(self, params, world):
        self.calls = 0
"""
GOOD = {
    "keyed draws": "    def recommend(self, request): return request.choice(60)\n",
    "a miss": "    def recommend(self, request): return None\n",
    "a numpy integer": "    def recommend(self, request): return np.int64(request.previous)\n",
    "keyed draws as a table": """\
    def recommend(self, request): return request.choice(60)
    def candidates(self): return CandidateTable(Key.NOTHING, EVERYTHING, Pick.UNIFORM)
""",
    "learning": """\
    def fit(self, log, catalogue):
        return {"best": np.bincount(log.track, log.time, 60).argmax()}
    def restore(self, arrays): self.best = int(arrays["best"])
    def recommend(self, request): return self.best
""",
    "batches": """\
    def recommend(self, request): return request.choice(60) if request.step % 3 else None
    def recommend_batch(self, requests):
        return np.where(requests.step % 3, requests.choice(60), -1)
""",
    "batches alone": """\
    def recommend_batch(self, requests):
        return [request.choice(60) if request.step % 3 else None for request in requests]
""",
    "parameters": """\
    @dataclass(frozen=True)
    class Params:
        size: int = 3
    def recommend(self, request): return None
""",
}
TRACKS = "answers_are_tracks_of_the_catalogue_or_none"
EQUAL = "equal_requests_get_equal_answers"
ALONE = "requests_are_left_alone"
AGREE = "candidates_agree_with_recommend"
BATCHES = "batches_agree_with_recommend"
NEWCOMERS = "newcomers_are_served"
PLAIN = "params_are_plain_values"
MODELS = "equal_logs_give_equal_models"
WHOLE = "a_model_is_all_that_serving_needs"
EMPTY = "an_empty_log_is_met"
LEARNS = """\
    def restore(self, arrays): self.best = int(arrays["best"])
    def recommend(self, request): return self.best
"""
BAD = {
    "beyond the catalogue": (TRACKS, "    def recommend(self, request): return 60\n"),
    "a float": (TRACKS, "    def recommend(self, request): return 1.0\n"),
    "a truth": (TRACKS, "    def recommend(self, request): return True\n"),
    "unkeyed draws": (EQUAL, "    def recommend(self, request): return random.randrange(60)\n"),
    "a counter": (
        EQUAL,
        "    def recommend(self, request):\n"
        "        self.calls += 1\n"
        "        return self.calls % 60\n",
    ),
    "the list it was given": (
        ALONE,
        "    def recommend(self, request): return request.played.append(1)\n",
    ),
    "the history": (ALONE, "    def recommend(self, request): request.history.sort()\n"),
    "a table of others": (
        AGREE,
        "    def recommend(self, request): return request.choice(59)\n"
        "    def candidates(self): return CandidateTable(Key.NOTHING, EVERYTHING, Pick.UNIFORM)\n",
    ),
    "draws that are not a fallback's": (
        AGREE,
        "    def recommend(self, request): return request._replace(purpose=2).choice(60)\n"
        "    def candidates(self): return CandidateTable(Key.NOTHING, EVERYTHING, Pick.UNIFORM)\n",
    ),
    "a batch of other answers": (
        BATCHES,
        "    def recommend(self, request): return request.choice(60)\n"
        "    def recommend_batch(self, requests): return requests.choice(59)\n",
    ),
    "answers by the place in the batch": (
        BATCHES,
        "    def recommend_batch(self, requests): return np.arange(len(requests)) % 60\n",
    ),
    "a batch with draws that are not a fallback's": (
        BATCHES,
        "    def recommend(self, request): return request.choice(60)\n"
        "    def recommend_batch(self, requests):\n"
        "        return [r._replace(purpose=2).choice(60) for r in requests]\n",
    ),
    "a batch of which one is no track": (
        BATCHES,
        "    def recommend(self, request): return 1\n"
        "    def recommend_batch(self, requests): return [1, *[60] * (len(requests) - 1)]\n",
    ),
    "a batch put in order": (
        BATCHES,
        "    def recommend(self, request): return 1\n"
        "    def recommend_batch(self, requests):\n"
        "        requests.user.sort()\n"
        "        return [1] * len(requests)\n",
    ),
    "needs a history": (
        NEWCOMERS,
        "    def recommend(self, request): return request.history[-1].track\n",
    ),
    "unkeyed training": (
        MODELS,
        LEARNS + "    def fit(self, log, catalogue): return {'best': np.array(random.random())}\n",
    ),
    "a log put in order": (
        MODELS,
        LEARNS + "    def fit(self, log, catalogue):\n"
        "        log.time.sort()\n"
        "        return {'best': np.array(1)}\n",
    ),
    "more than its arrays": (
        WHOLE,
        "    def fit(self, log, catalogue): return {'best': np.array(1)}\n"
        "    def restore(self, arrays): self.best = random.randrange(60)\n"
        "    def recommend(self, request): return self.best\n",
    ),
    "a track that is none after an empty log": (
        EMPTY,
        LEARNS + "    def fit(self, log, catalogue): return {'best': np.array(len(log) - 1)}\n",
    ),
    "never equal parameters": (
        PLAIN,
        "    @dataclass(frozen=True, eq=False)\n"
        "    class Params:\n"
        "        size: int = 3\n"
        "    def recommend(self, request): return None\n",
    ),
}


def contract(folder: Path, body: str) -> RecommenderContract:
    (folder / "mine.py").write_text(HEAD + body)

    class Case(RecommenderContract):
        recommender = "mine.py:R"
        root = folder

    return Case()


def checks_of(case: RecommenderContract) -> dict[str, Any]:
    prefix = "test_"
    names = [name for name in dir(case) if name.startswith(prefix)]
    return {name.removeprefix(prefix): getattr(case, name) for name in names}


@pytest.mark.parametrize("name", GOOD)
def test_good_recommenders_pass(name: str, tmp_path: Path) -> None:
    for test in checks_of(contract(tmp_path, GOOD[name])).values():
        test()


@pytest.mark.parametrize("name", BAD)
def test_bad_recommenders_fail(name: str, tmp_path: Path) -> None:
    what, body = BAD[name]
    with pytest.raises((AssertionError, IndexError, ValueError, PluginError)):
        checks_of(contract(tmp_path, body))[what]()


def test_every_check_is_shown_to_fail(tmp_path: Path) -> None:
    case = contract(tmp_path, GOOD["a miss"])
    assert {*checks_of(case)} == {what for what, _ in BAD.values()}


def test_failures_say_what_was_asked(tmp_path: Path) -> None:
    case = contract(tmp_path, BAD["a counter"][1])
    with pytest.raises(AssertionError, match=r"^1 became .* order; asked Request\(user="):
        case.test_equal_requests_get_equal_answers()


def test_the_small_world_holds_together() -> None:
    catalogue, users = WORLD.catalogue, WORLD.users
    assert len(catalogue) == len(catalogue.titles) == len(catalogue.popularity) == 60
    assert {*catalogue.artist.tolist()} == {*range(12)}
    assert {*catalogue.genre.tolist()} == {0, 1, 2}
    assert (np.diff(users.ids) > 0).all()
    assert users.interests.offsets[-1] == len(users.interests.tracks) == 60
    nearest, _ = top_k(catalogue.vectors, catalogue.vectors, 10)
    np.testing.assert_array_equal(WORLD.nearest, nearest)
    assert catalogue.recommendations is not None
    assert len(catalogue.recommendations.offsets) == 61
    np.testing.assert_array_equal(WORLD.nearest, small_world().nearest)


def check(request: Request) -> None:
    assert WORLD.users.ids[request.row] == request.user
    assert request.step == len(request.played) >= 1
    assert request.played[0] == request.first
    assert request.played[-1] == request.previous == request.history[-1].track
    assert request.time == request.history[-1].time
    assert len(request.history) <= 10
    recent = [play.track for play in request.history][-request.step :]
    assert recent == list(request.played)[-10:]
    assert all(type(number) is int for number in request[:6])
    assert 0 <= request.choice(60) < 60


def test_generated_requests_are_those_of_sessions() -> None:
    made = generated_requests(WORLD)
    for request in made:
        check(request)
    assert made == generated_requests(WORLD)
    assert {request.session for request in made} >= {0, 1, 2}
    assert {request.time for request in made} == {0.0, 0.29, 0.3, 0.57, 1.0}
    assert len({(r.user, r.session, r.step) for r in made}) == len(made)


@given(data=st.data())
def test_drawn_requests_are_possible(data: st.DataObject) -> None:
    check(data.draw(requests(WORLD)))


def test_the_contract_needs_no_hypothesis() -> None:
    code = (
        "import sys; sys.modules['hypothesis'] = None\n"
        "from abbotify.testing import RecommenderContract, small_world\n"
        "print(RecommenderContract.__name__)\n"
    )
    assert printed(code) == "RecommenderContract\n"
