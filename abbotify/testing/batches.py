"""Requests asked together in several ways: what the contract of `recommend_batch` is tried with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from abbotify.digests import digest_data
from abbotify.recommenders.answers import checked
from abbotify.recommenders.base import Request
from abbotify.recommenders.batch import FAILED, MISSED, Requests, checked_batch, one_by_one


def answer_of(recommender: Any) -> Callable[[Request], Any]:
    """Its `recommend`, or what stands in for it where there is only `recommend_batch`."""
    alone: Callable[[Request], Any] | None = getattr(recommender, "recommend", None)
    return alone or one_by_one(recommender.recommend_batch)


def answers_alone(recommender: Any, asked: Sequence[Request], n_tracks: int) -> list[int]:
    """The answers to requests one by one, MISSED for a miss."""
    recommend = answer_of(recommender)
    answers = [checked(recommend(request), n_tracks) for request in asked]
    return [MISSED if track is None else track for track in answers]


def answers_together(recommender: Any, asked: Sequence[Request], n_tracks: int) -> list[int]:
    """The answers to requests asked as one batch, MISSED for a miss.

    Raises:
        AssertionError: an answer is no track, or the requests were changed.
    """
    requests = Requests.of(asked)
    before = digest_data(_columns(requests))
    found = recommender.recommend_batch(requests)
    answers: list[int] = checked_batch(found, len(asked), n_tracks).tolist()
    assert before == digest_data(_columns(requests)), "recommend_batch changed its requests"
    for answer, request in zip(answers, asked, strict=True):
        assert answer != FAILED, f"answered with no track of the catalogue; asked {request}"
    return answers


def divided(n: int) -> dict[str, list[list[int]]]:
    """How -> the places of n requests, batch by batch."""
    growing: list[list[int]] = []
    start = 0
    while start < n:
        growing.append(list(range(start, min(start + len(growing) + 1, n))))
        start += len(growing[-1])
    return {
        "asked in one batch": [list(range(n))],
        "asked in a batch in the reverse order": [list(range(n))[::-1]],
        "asked in growing batches": growing,
    }


def _columns(requests: Requests) -> dict[str, Any]:
    columns = {name: v for name, v in vars(requests).items() if isinstance(v, np.ndarray)}
    return {**columns, "played": requests.played.tracks, "history": requests.history.tracks}
