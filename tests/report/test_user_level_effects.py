"""Effects from the values of all users: quantiles, bootstrap, segments and shapes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from abbotify import stats
from abbotify.eventlog.schema import ARM, Labels
from abbotify.eventlog.sessions import FloatArray
from abbotify.metrics.segments import SegmentBounds
from abbotify.metrics.users import Users
from abbotify.report.user_level_effects import UserLevelSpec, user_level_effects
from abbotify.stats.normal import Shape

SPEC = UserLevelSpec(("C", "T1"), ("time",), "exposed", 0.05, (0.5,))


class Table(Users):
    """Three hundred users; every third is in neither arm, every tenth has no value."""

    def __init__(self) -> None:
        random = np.random.default_rng(7)
        self.codes = (np.arange(300) % 3 - 1).astype(np.int16)
        self.values = {"time": random.exponential(5, 300), "before": np.arange(300.0)}
        self.values["time"][::10] = np.nan
        self.values["retained"] = np.arange(300) % 2.0

        self.exposed = np.arange(300) < 250

    def label(self, column: str = ARM) -> Labels:
        assert column == ARM
        return Labels(self.codes, ("C", "T1"))

    def stored(self, name: str) -> FloatArray:
        return self.values[name]

    def arm(self, code: int, name: str = "time") -> FloatArray:
        rows = (self.codes == code) & self.members("exposed") & ~np.isnan(self.values[name])
        return self.values[name][rows]


def test_quantiles_and_bootstrap_are_rows_without_a_p_value() -> None:
    table = Table()
    median, mean = user_level_effects(table, replace(SPEC, bootstrap=True)).effects
    quantile = stats.quantile_effect(table.arm(0), table.arm(1), 0.5, 0.05, 0)
    assert (median.arm, median.metric, median.estimand) == ("T1", "time", "quantile_0.5")
    assert (median.lower, median.upper) == (quantile.difference.lower, quantile.difference.upper)
    assert (median.n_control, median.n_treatment) == (len(table.arm(0)), len(table.arm(1)))
    assert mean.estimand == "bootstrap"
    assert mean.effect == pytest.approx(table.arm(1).mean() - table.arm(0).mean())
    assert median.p_value is mean.p_value is None


def test_zeros_and_ones_have_no_quantiles() -> None:
    assert user_level_effects(Table(), replace(SPEC, metrics=("retained",))).effects == ()


def test_segments_cut_the_users_of_the_arms() -> None:
    table = Table()
    spec = replace(SPEC, segments=SegmentBounds("before", bounds=(99.5,)))
    segments = user_level_effects(table, spec).segments
    assert segments is not None
    assert (segments.by, segments.bounds, segments.without) == ("before", (99.5,), 0)
    assert [(row.arm, row.metric) for row in segments.rows] == [("T1", "time")] * 2
    assert sum(row.n_control for row in segments.rows) == len(table.arm(0))
    assert [(test.arm, test.metric, test.df) for test in segments.tests] == [("T1", "time", 1)]


def test_guarded_metrics_have_their_shape_alone() -> None:
    table = Table()
    result = user_level_effects(table, replace(SPEC, metrics=(), guarded=("time",)))
    assert result.effects == ()
    assert result.segments is None
    assert result.shapes == {"time": (Shape.of(table.arm(0)), Shape.of(table.arm(1)))}
