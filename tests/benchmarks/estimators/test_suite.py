"""A twentieth of the calibration: every gated rate lies in its band, and a wrong one would not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import islice
from typing import Any

import pytest

from abbotify.stats import Estimate, contrast, cuped
from abbotify.studies.validation.characteristics import Characteristic, banded, outside
from benchmarks.estimators import (
    SMALL,
    Calibration,
    calibrate,
    clusters,
    families,
    peeking,
)
from benchmarks.estimators.suite import THEMES


@pytest.fixture(scope="module")
def small() -> Calibration:
    return calibrate(SMALL)


def test_every_gated_rate_lies_in_its_band(small: Calibration) -> None:
    assert list(outside(row.found for row in small.rows)) == []
    assert sum(row.found.gated for row in small.rows) > 100


def test_every_theme_has_gates(small: Calibration) -> None:
    gated = {row.theme for row in small.rows if row.found.gated}
    assert set(THEMES) - gated == {"The warning about skewness", "Quantiles and bootstrap"}
    assert set(small.seconds) == set(THEMES)


def test_rows_are_told_apart(small: Calibration) -> None:
    keys = [(r.theme, r.found.method, r.found.metric, r.found.quantity) for r in small.rows]
    assert len(set(keys)) == len(keys)


def left(rows: Iterable[Characteristic]) -> set[str]:
    return {row.method for row in outside(banded(list(rows)))}


def test_errors_that_are_too_small_leave_the_bands(monkeypatch: pytest.MonkeyPatch) -> None:
    right = contrast.variance_of_difference
    monkeypatch.setattr(contrast, "variance_of_difference", lambda c, t: right(c, t) / 1.5)
    assert left(clusters.sessions(SMALL)) == {"welch over sessions", "delta"}


def test_an_adjustment_left_out_leaves_the_bands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(families, "holm", lambda p_values: p_values)
    assert "holm" in left(islice(families.families(SMALL), 4))


def test_adjusted_looks_that_are_too_sure_leave_the_bands(monkeypatch: pytest.MonkeyPatch) -> None:
    right = cuped._estimate

    def sure(*arguments: Any) -> Estimate:
        estimate = right(*arguments)
        return replace(estimate, variance=(estimate.variance or 0.0) / 2)

    monkeypatch.setattr(cuped, "_estimate", sure)
    found = left(islice(peeking.peeking(SMALL), 8))
    assert {"cuped, fixed", "cuped, obrien_fleming", "cuped, pocock"} <= found
    assert not {"fixed", "obrien_fleming", "pocock"} & found
