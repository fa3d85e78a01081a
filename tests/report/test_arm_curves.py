"""Curves of an arm: histograms over common edges, long survival curves by their steps."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from abbotify import stats
from abbotify.eventlog.schema import ARM
from abbotify.metrics.session_totals import SessionTotals
from abbotify.report.arm_curves import (
    LONGEST,
    MOST_BINS,
    bin_edges,
    daily,
    distributions,
    positions,
    survival,
    top_tracks,
)
from tests.report.tallied import ARMS, DAYS, made, one_session, tallied


def test_histograms_share_their_edges_and_count_everybody() -> None:
    groups = [[np.arange(10.0), np.arange(5.0)], [np.arange(20.0)]]
    one, other = distributions("time", groups)
    assert one is not None
    assert other is not None
    assert one.edges == other.edges
    assert (sum(one.counts), sum(other.counts)) == (15, 20)
    assert distributions("time", [[], []]) == [None, None]


def test_survival_is_kaplan_and_meiers() -> None:
    sessions = SessionTotals(ARMS, ARM, [1])
    for tracks in (1, 2, 2, 5):
        sessions.add(one_session(0, tracks))
    assert survival(sessions, 0) == stats.kaplan_meier([0, 1, 2, 0, 0, 1], [])
    assert survival(sessions, 1) is None


def test_a_long_survival_curve_keeps_its_steps() -> None:
    sessions = SessionTotals(ARMS, ARM, [1])
    for tracks in (2, LONGEST + 50):
        sessions.add(one_session(0, tracks))
    curve = survival(sessions, 0)
    assert curve is not None
    assert curve.tracks == (0, 2, LONGEST + 50)
    assert curve.alive == pytest.approx((1, 0.5, 0))


def test_nothing_of_an_arm_without_sessions() -> None:
    sessions = SessionTotals(ARMS, ARM, [1])
    assert positions(sessions, 0) is None
    assert top_tracks(sessions, 0, None) is None


def test_the_control_has_days_without_an_effect() -> None:
    days = daily(tallied([made()]), 0, 0.05)
    assert [day.day for day in days] == list(DAYS)
    assert all(day.effect is None and day.mean is not None for day in days)


@pytest.mark.parametrize(
    "values",
    [
        [3.0],
        [0.0] * 50,
        [1e15, np.nextafter(1e15, 2e15)],
        [1.0] * 99 + [1e6],
        list(np.random.default_rng(1).lognormal(size=5000)),
        [0.0, 5e-324],
        [-2.0, 0.0, 7.5],
    ],
    ids=["one", "equal", "neighbours", "outlier", "skewed", "denormal", "few"],
)
def test_bins_ascend_and_hold_every_value(values: list[float]) -> None:
    edges = bin_edges(np.array(values))
    assert all(before < after for before, after in pairwise(edges))
    assert len(edges) - 1 <= MOST_BINS
    assert np.histogram(np.array(values), edges)[0].sum() == len(values)
