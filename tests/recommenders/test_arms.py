"""An arm meets every request, and says how."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from abbotify.errors import RecommenderFailure
from abbotify.recommenders.arms import Arm
from abbotify.recommenders.base import ERROR, MISS, OK, checked
from abbotify.recommenders.build import build_arms
from abbotify.recommenders.candidate_table import Key
from abbotify.world.base import World

PLUGIN = """\
from dataclasses import dataclass

class R:
    @dataclass(frozen=True)
    class Params:
        answer: str = "None"

    def __init__(self, params, world):
        self.code = compile(params.answer, "answer", "eval")

    def recommend(self, request):
        return eval(self.code, {"request": request})

class Lowers(R):
    def candidates(self):
        from abbotify import CandidateTable, Key, Lists, Pick
        import numpy as np
        return CandidateTable(Key.NOTHING, Lists(np.array([0, 1]), np.array([7])), Pick.RANK)

class Declines(R):
    def candidates(self):
        return None
"""


@pytest.fixture
def arm(tmp_path: Path, scenario_of: Any, world: World) -> Any:
    (tmp_path / "mine.py").write_text(PLUGIN)

    def make(text: str) -> Arm:
        return build_arms(scenario_of(f"it: {{{text}}}"), world)[1]

    return make


def test_arms_come_in_file_order_with_their_options(scenario_of: Any, world: World) -> None:
    lines = "b: {recommender: top_pop, latency_ms: 40, service: {replicas: 2}}\n"
    lines += "a: {recommender: sticky_artist, on_error: stop}"
    arms = build_arms(scenario_of(lines), world)
    assert [arm.name for arm in arms] == ["random", "b", "a"]
    assert arms[1].latency == 40
    assert arms[1].service is not None
    assert arms[1].service.replicas == 2
    assert [arm.on_error for arm in arms] == ["fallback", "fallback", "stop"]
    assert all(arm.lowers and arm.why_not == "" for arm in arms)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("recommender: random", ["random", "random"]),
        ("recommender: random, fallback: top_pop", ["random", "top_pop", "random"]),
        ("recommender: sticky_artist", ["sticky_artist", "random"]),
        ("recommender: contextual, fallback: sticky_artist", ["contextual", "sticky_artist", "*"]),
        (
            "recommender: contextual, "
            "fallback: {recommender: sticky_artist, fallback: {recommender: top_pop, size: 3}}",
            ["contextual", "sticky_artist", "top_pop", "random"],
        ),
    ],
)
def test_a_chain_ends_where_nothing_misses(text: str, names: list[str], arm: Any) -> None:
    chain = arm(text).chain
    expected = ["random" if name == "*" else name for name in names]
    found = [link.name for link in chain]
    # A top_pop that never misses needs nobody after it.
    assert found == (expected[:-1] if expected[-2] == "top_pop" else expected)
    assert chain[-1].table.never_misses
    assert [link.purpose for link in chain] == [2, 3, 259, 515][: len(chain)]


def test_an_answer_of_its_own(arm: Any, ask: Any, world: World) -> None:
    sticky = arm("recommender: sticky_artist")
    for user in range(50):
        request = ask(user=user, plays=[(59, 1.0)])
        track, outcome = sticky.recommend(request)
        assert outcome == OK
        assert world.catalogue.artist[track] == world.catalogue.artist[59]


def test_a_miss_goes_to_the_fallback_with_draws_of_its_own(
    arm: Any, ask: Any, word: Any, tmp_path: Path
) -> None:
    (tmp_path / "no.jsonl").write_text('{"user": 999, "tracks": []}\n')
    indexed = arm("recommender: indexed, file: no.jsonl")
    for user in range(50):
        expected = word(1, user, 3, 0) * 60 >> 64
        assert indexed.recommend(ask(user=user)) == (expected, MISS)
        assert indexed.fallback(ask(user=user)) == (expected, 0)


def test_a_fallbacks_fallback(arm: Any, ask: Any, word: Any) -> None:
    # Track 59 has no recommendations; the only track of the list is that of rank 1.
    text = "recommender: contextual, fallback: {recommender: top_pop, size: 1, pick: rank}"
    both = arm(text)
    assert both.recommend(ask(plays=[(59, 1.0)]))[1] == MISS
    expected = word(2, 3, 259, 0) * 60 >> 64
    assert both.recommend(ask(plays=[(0, 1.0), (59, 1.0)])) == (expected, MISS)


@pytest.mark.parametrize(
    ("answer", "outcome", "message"),
    [
        ("17", OK, ""),
        ("request.previous", OK, ""),
        ("None", MISS, ""),
        ("60", ERROR, "returned track 60, not between 0 and 59"),
        ("-1", ERROR, "returned track -1, not between 0 and 59"),
        ("7.0", ERROR, "returned 7.0 (float), not a track id or None"),
        ("True", ERROR, "returned True (bool), not a track id or None"),
        ("1 // 0", ERROR, "ZeroDivisionError: integer division or modulo by zero (answer:1)"),
    ],
)
def test_a_plugins_answers(answer: str, outcome: int, message: str, arm: Any, ask: Any) -> None:
    text = f"recommender: mine.py:R, answer: {answer!r}"
    lenient, strict = arm(text), arm(f"{text}, on_error: stop")
    track, found = lenient.recommend(ask(plays=[(5, 1.0)], session=4))
    assert found == outcome
    if outcome == OK:
        assert track == (17 if answer == "17" else 5)
    else:
        assert (track, 0) == lenient.fallback(ask(plays=[(5, 1.0)], session=4))
    if outcome != ERROR:
        assert strict.recommend(ask(plays=[(5, 1.0)])) == (track, outcome) or outcome == MISS
        return
    with pytest.raises(RecommenderFailure) as caught:
        strict.recommend(ask(plays=[(5, 1.0)], session=4))
    text = str(caught.value)
    assert text.startswith("arms.it: mine.py:R failed for user 3, session 4, step 1: " + message)


def test_a_fallback_that_fails_is_an_error_too(arm: Any, ask: Any, word: Any) -> None:
    nothing = "recommender: mine.py:R, fallback: {recommender: mine.py:R, answer: 1 // 0}"
    expected = word(1, 3, 259, 0) * 60 >> 64
    assert arm(nothing).recommend(ask()) == (expected, ERROR)
    with pytest.raises(RecommenderFailure, match=re.escape("mine.py:R failed for user 3")):
        arm(f"{nothing}, on_error: stop").recommend(ask())


def test_a_plugin_draws_for_its_place_in_the_chain(arm: Any, ask: Any, word: Any) -> None:
    text = "recommender: mine.py:R, answer: request.choice(60)"
    both = arm(f"{text}, fallback: {{{text}}}")
    assert both.recommend(ask()) == (word(1, 3, 2, 0) * 60 >> 64, OK)
    assert both.fallback(ask()) == (word(1, 3, 3, 0) * 60 >> 64, 0)


def test_what_lowers_and_why_the_rest_does_not(arm: Any) -> None:
    lowers = arm("recommender: mine.py:Lowers")
    assert lowers.lowers
    assert lowers.why_not == ""
    assert lowers.chain[0].table.key == Key.NOTHING
    plain = arm("recommender: mine.py:R, fallback: {recommender: mine.py:Declines}")
    assert not plain.lowers
    assert plain.why_not == "R has no candidates(); Declines.candidates() returned None"
    assert not arm("recommender: top_pop, fallback: {recommender: mine.py:R}").lowers


@pytest.mark.parametrize("value", [5, np.int32(5), np.uint64(5), None])
def test_tracks_are_checked_into_pythons_integers(value: Any) -> None:
    found = checked(value, 6)
    assert found == value
    assert type(found) in (int, type(None))


@pytest.mark.parametrize("value", [6, np.int64(-1), np.float64(5), np.bool_(1), "5", [5]])
def test_anything_else_is_no_track(value: Any) -> None:
    with pytest.raises(ValueError, match=r"^returned "):
        checked(value, 6)
