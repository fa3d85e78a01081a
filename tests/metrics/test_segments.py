"""Segments of users by a value: about equal parts, or given bounds, with names that tell apart."""

from __future__ import annotations

import math

import numpy as np
import pytest

from abbotify.metrics.segments import SegmentBounds, cut, rounded, segment_bounds


def test_parts_are_equal_among_the_members() -> None:
    values = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 900.0, np.nan])
    members = np.array([True] * 6 + [False] * 2)
    segments = cut(values, SegmentBounds("time"), members)
    assert (segments.by, segments.bounds) == ("time", (2.0, 4.0))
    assert segments.codes.tolist() == [0, 0, 1, 1, 2, 2, 2, -1]
    assert segments.names == ("up to 2", "above 2 to 4", "above 4")


def test_given_bounds_belong_to_the_part_below() -> None:
    everybody = np.ones(3, np.bool_)
    segments = cut(np.array([1.0, 2.0, 3.0]), SegmentBounds("age", bounds=(2.0,)), everybody)
    assert segments.codes.tolist() == [0, 0, 1]


def test_equal_values_are_one_segment() -> None:
    assert cut(np.ones(4), SegmentBounds("age"), np.ones(4, np.bool_)).names == ("all",)


def test_bounds_are_shown_with_as_many_digits_as_tell_them_apart() -> None:
    assert rounded((1.23456, 2.0)) == ["1.235", "2"]
    assert rounded((1.00001, 1.00002)) == ["1.00001", "1.00002"]


def test_bounds_cut_into_equal_parts() -> None:
    values = np.append(np.arange(100.0), np.nan)
    segments = cut(values, SegmentBounds("time", 4), np.ones(101, np.bool_))
    assert segments.bounds == segment_bounds(values, 4) == (24, 49, 74)
    assert np.bincount(segments.codes[:-1]).tolist() == [25, 25, 25, 25]
    assert segments.codes[-1] == -1
    others = cut(
        np.array([math.nan, -5, 24, 24.5, 1e9]),
        SegmentBounds("time", bounds=segments.bounds),
        np.ones(5, np.bool_),
    )
    assert others.codes.tolist() == [-1, 0, 0, 1, 3]


def test_users_alike_are_not_cut_apart() -> None:
    # Most had no session before: they are one segment, and no segment is empty.
    values = np.array([0.0] * 70 + [1.0] * 10 + [2.0] * 20)
    segments = cut(values, SegmentBounds("time", 4), np.ones(100, np.bool_))
    assert segments.bounds == (0, 1)
    assert np.bincount(segments.codes).tolist() == [70, 10, 20]
    assert segment_bounds(np.full(9, 5.0), 3) == ()
    assert segment_bounds(np.array([math.nan]), 3) == ()
    with pytest.raises(ValueError, match="at least 2"):
        segment_bounds(np.array([1.0]), 1)
