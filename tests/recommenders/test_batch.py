"""Many requests at once: their columns, and how answers are read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from abbotify.recommenders.base import Request, checked
from abbotify.recommenders.batch import FAILED, MISSED, Requests, answers_of, one_by_one
from abbotify.testing import generated_requests, small_world

MADE = generated_requests(small_world(), sessions=20)
TRACKS = 60


def plain(request: Request) -> Request:
    return request._replace(played=tuple(request.played), history=tuple(request.history))


def test_columns_are_those_of_the_requests() -> None:
    requests = Requests.of(MADE)
    assert len(requests) == len(MADE)
    assert list(requests) == [plain(request) for request in MADE]
    assert requests.previous.tolist() == [request.previous for request in MADE]
    assert requests.played.offsets[-1] == sum(request.step for request in MADE)


@pytest.mark.parametrize("attempt", [0, 1, 70])
def test_draws_are_those_of_the_requests(attempt: int) -> None:
    requests = Requests.of([request._replace(purpose=300) for request in MADE])
    drawn = [request.uniform(attempt) for request in requests]
    assert requests.uniform(attempt).tolist() == drawn
    assert len({*drawn}) == len(MADE)
    one_for_all = requests.choice(7, attempt).tolist()
    assert one_for_all == [request.choice(7, attempt) for request in requests]
    bounds = requests.step + 1
    for_each = requests.choice(bounds, attempt).tolist()
    pairs = zip(requests, bounds.tolist(), strict=True)
    assert for_each == [request.choice(n, attempt) for request, n in pairs]


SPOILT = [5, 60, -2, True, 7.0, "a", 2**63, 2**70, None, -1, np.int64(-1), np.uint8(7)]


@pytest.mark.parametrize("value", SPOILT)
def test_an_answer_counts_alike_alone_and_among_others(value: Any) -> None:
    together = answers_of([3, value, 4, None], 4, TRACKS).tracks.tolist()
    assert together[::2] == [3, 4]
    alone = one_by_one(lambda requests: [value])
    try:
        track = checked(alone(MADE[0]), TRACKS)
    except ValueError:
        assert together[1] == FAILED
    else:
        assert together[1] == (MISSED if track is None else track)


@pytest.mark.parametrize("dtype", ["int8", "int64", "uint8", "uint64", "object"])
def test_integers_of_any_size_are_tracks(dtype: str) -> None:
    answers = answers_of(np.array([0, 59, 60, 99], dtype), 4, TRACKS).tracks
    assert answers.dtype == np.int64
    assert answers.tolist() == [0, 59, FAILED, FAILED]


def test_floats_and_truths_are_no_tracks() -> None:
    assert answers_of(np.array([0.0, 1.0]), 2, TRACKS).tracks.tolist() == [FAILED, FAILED]
    assert answers_of(np.array([True, False]), 2, TRACKS).tracks.tolist() == [FAILED, FAILED]
    assert answers_of([1, True], 2, TRACKS).tracks.tolist() == [1, FAILED]


@pytest.mark.parametrize("found", [[1], [1, 2, 3], [[1, 2]], 5, None, []])
def test_there_must_be_as_many_answers_as_requests(found: Any) -> None:
    with pytest.raises(ValueError, match=r"returned answers of shape .*, not \(2,\)"):
        answers_of(found, 2, TRACKS)


@pytest.mark.parametrize("found", [lambda n: [1] * (n + 1), lambda n: 3])
def test_so_it_is_alone(found: Callable[[int], Any]) -> None:
    alone = one_by_one(lambda requests: found(len(requests)))
    with pytest.raises(ValueError, match=r"returned answers of shape .*, not \(1,\)"):
        alone(MADE[0])
