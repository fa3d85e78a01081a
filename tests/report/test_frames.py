"""Frames of a result: one row of the file, one row of the frame, with types and missing values."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from abbotify.report.frames import Kind, frame
from abbotify.report.result import Result
from abbotify.stats import EFFECT_COLUMNS


def test_effects_have_the_columns_of_the_file_and_a_label(small: Result) -> None:
    shown = frame(small, "effects")
    assert tuple(shown.columns) == (*EFFECT_COLUMNS, "label")
    assert shown["effect"].tolist() == [row.effect for row in small.effects]
    assert shown["n_control"].dtype == "Int64"
    assert shown["significant"].dtype == "boolean"
    assert shown["label"].tolist() == ["Time per session", "Skip rate"]
    assert math.isnan(shown["relative_lower"][1])


def test_arms_have_counts_and_means(usual: Result) -> None:
    shown = frame(usual, "arms")
    assert shown["arm"].tolist() == [arm.name for arm in usual.arms]
    assert shown["control"].tolist() == [True, False]
    assert shown["exposed"].tolist() == [arm.users for arm in usual.arms]
    assert shown["session_count"].tolist() == [arm.sessions for arm in usual.arms]
    for arm, (_, row) in zip(usual.arms, shown.iterrows(), strict=True):
        for name, moments in (arm.metrics or {}).items():
            assert row[name] == moments.mean


@pytest.mark.parametrize("kind", ["guardrails", "checks", "decisions", "truth"])
def test_a_row_of_the_result_is_a_row_of_the_frame(usual: Result, kind: Kind) -> None:
    rows = getattr(usual, kind)
    shown = frame(usual, kind)
    assert len(shown) == len(rows)
    for name in shown.columns:
        for value, row in zip(shown[name], rows, strict=True):
            own = getattr(row, name)
            assert pd.isna(value) if own is None else value == own


def test_looks_and_segments_name_their_arms(huge: Result) -> None:
    looks, segments = frame(huge, "looks"), frame(huge, "segments")
    rows = [(arm.name, look.day) for arm in huge.arms for look in arm.looks or ()]
    assert list(zip(looks["arm"], looks["day"], strict=True)) == rows
    assert rows
    assert huge.segments is not None
    assert segments["effect"].tolist() == [row.effect for row in huge.segments.rows]


def test_a_frame_without_rows_has_its_columns_and_types(small: Result) -> None:
    shown = frame(small, "truth")
    assert len(shown) == 0
    assert shown["covered"].dtype == "boolean"
    assert shown["estimate"].dtype == "float64"
