"""Frames of a result: one row of the file, one row of the frame, with types and missing values."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from abbotify.report.frames import Frames
from abbotify.report.result import Result
from abbotify.stats import EFFECT_COLUMNS


def test_effects_have_the_columns_of_the_file_and_a_label(small: Result) -> None:
    frame = Frames(small).effects()
    assert tuple(frame.columns) == (*EFFECT_COLUMNS, "label")
    assert frame["effect"].tolist() == [row.effect for row in small.effects]
    assert frame["n_control"].dtype == "Int64"
    assert frame["significant"].dtype == "boolean"
    assert frame["label"].tolist() == ["Time per session", "Skip rate"]
    assert math.isnan(frame["relative_lower"][1])


def test_arms_have_counts_and_means(usual: Result) -> None:
    frame = Frames(usual).arms()
    assert frame["arm"].tolist() == [arm.name for arm in usual.arms]
    assert frame["control"].tolist() == [True, False]
    assert frame["exposed"].tolist() == [arm.users for arm in usual.arms]
    for arm, (_, row) in zip(usual.arms, frame.iterrows(), strict=True):
        for name, moments in (arm.metrics or {}).items():
            assert row[name] == moments.mean


@pytest.mark.parametrize("kind", ["guardrails", "checks", "decisions", "truth"])
def test_a_row_of_the_result_is_a_row_of_the_frame(usual: Result, kind: str) -> None:
    rows = getattr(usual, kind)
    frame: pd.DataFrame = getattr(Frames(usual), kind)()
    assert len(frame) == len(rows)
    for name in frame.columns:
        for value, row in zip(frame[name], rows, strict=True):
            own = getattr(row, name)
            assert pd.isna(value) if own is None else value == own


def test_looks_and_segments_name_their_arms(huge: Result) -> None:
    looks, segments = Frames(huge).looks(), Frames(huge).segments()
    rows = [(arm.name, look.day) for arm in huge.arms for look in arm.looks or ()]
    assert list(zip(looks["arm"], looks["day"], strict=True)) == rows
    assert rows
    assert huge.segments is not None
    assert segments["effect"].tolist() == [row.effect for row in huge.segments.rows]


def test_a_frame_without_rows_has_its_columns_and_types(small: Result) -> None:
    frame = Frames(small).truth()
    assert len(frame) == 0
    assert frame["covered"].dtype == "boolean"
    assert frame["estimate"].dtype == "float64"
