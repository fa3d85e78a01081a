"""Each pick rule over one row among others, against plain Python."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from abbotify.recommenders import pick_kernels as kernels

OFFSETS = np.array([0, 3, 3, 8])
TRACKS = np.array([7, 8, 9, 1, 4, 5, 8, 12], np.int32)
BEGIN, END = 3, 8  # the last row
DRAW = (31337, 1, 3, 2, 0)


def drawn(word: Any, n: int, attempt: int = 0) -> int:
    return word(1, 3, 2, 0, attempt) * n >> 64


def test_uniformly_takes_a_track_of_the_row(word: Any) -> None:
    expected = TRACKS[BEGIN + drawn(word, 5)]
    assert kernels.uniformly(TRACKS, BEGIN, END, DRAW) == expected
    assert kernels.uniformly(TRACKS, 3, 3, DRAW) == kernels.NONE


@pytest.mark.parametrize("previous", [0, 1, 5, 6, 12, 13])
def test_without_previous_takes_another_track(previous: int, word: Any) -> None:
    others = [track for track in TRACKS[BEGIN:END].tolist() if track != previous]
    expected = others[drawn(word, len(others))]
    assert kernels.without_previous(TRACKS, BEGIN, END, previous, DRAW) == expected


def test_by_rank_ends_with_the_row() -> None:
    tracks = [kernels.by_rank(TRACKS, 0, 3, step) for step in (1, 2, 3, 4)]
    assert tracks == [7, 8, 9, kernels.NONE]


def test_first_unseen_goes_on_where_it_ended() -> None:
    cursor = np.full(2, -1)
    played = np.array([1], np.int32)
    assert kernels.first_unseen(TRACKS, BEGIN, END, played, cursor) == 4
    assert cursor.tolist() == [BEGIN, BEGIN + 1]
    played = np.array([1, 4, 5, 12], np.int32)
    assert kernels.first_unseen(TRACKS, BEGIN, END, played, cursor) == 8
    assert kernels.first_unseen(TRACKS, 0, 3, played, cursor) == 7
    assert cursor.tolist() == [0, 0]
    assert kernels.first_unseen(TRACKS, BEGIN, END, TRACKS[BEGIN:END], cursor) == kernels.NONE


@pytest.mark.parametrize("shift", [-3, 0, 2])
def test_by_weight_reads_weights_that_lie_elsewhere(shift: int, word: Any) -> None:
    weights = np.zeros(12)
    weights[BEGIN + shift : END + shift] = np.cumsum([0.0, 1.0, 3.0, 0.0, 4.0])
    target = (word(1, 3, 2, 0) >> 11) * 2.0**-53 * 8.0
    expected = 4 if target < 1 else 5 if target < 4 else 12
    assert kernels.by_weight(TRACKS, BEGIN, END, weights, shift, DRAW) == expected
    assert kernels.by_weight(TRACKS, BEGIN, END, np.zeros(12), shift, DRAW) == kernels.NONE


def test_anchored_draws_another_anchor_when_a_row_has_nothing_new(word: Any) -> None:
    anchors, times = np.array([2, 0, 9, 8, 7]), np.array([50, 30, 0, 0, 0])
    first = drawn(word, 80)
    # Row 0 holds 7, 8 and 9, which were all played: whichever is drawn first, row 2 answers.
    assert kernels.anchored(OFFSETS, TRACKS, anchors, times, DRAW) == 1
    assert times.tolist() == ([0, 30, 0, 0, 0] if first < 50 else [0, 0, 0, 0, 0])


def test_anchored_misses_without_listened_time() -> None:
    anchors, times = np.array([2, 0]), np.zeros(2, np.int64)
    assert kernels.anchored(OFFSETS, TRACKS, anchors, times, DRAW) == kernels.NONE


def test_a_pair_is_found_within_its_own_table() -> None:
    pairs = np.array([4, 9, 11, 2, 4, 30])
    assert [kernels.pair_row(pairs, 0, 3, code) for code in (4, 9, 11, 2, 30)] == [0, 1, 2, -1, -1]
    assert [kernels.pair_row(pairs, 3, 6, code) for code in (2, 4, 30, 9)] == [0, 1, 2, -1]
