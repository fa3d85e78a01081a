"""The catalogue of metrics, held against the specification's list and against itself."""

from __future__ import annotations

from itertools import product
from typing import get_args

from abbotify.metrics.definitions import COLUMNS, METRICS, SUMS, determined
from abbotify.scenario.metrics import MetricName

NAMES = """time sessions tracks mean_time_per_session mean_tracks_per_session mean_request_latency
minutes skip_rate repeat_rate artist_diversity retained timeouts"""


def test_the_names_and_their_order_are_public() -> None:
    assert list(METRICS) == NAMES.split()
    assert list(SUMS) == ["latency", "recommended", "skips", "repeats"]
    assert list(COLUMNS) == [*METRICS, *SUMS]
    assert all(name == metric.name for name, metric in COLUMNS.items())


def test_a_scenario_may_name_all_of_them_and_no_other() -> None:
    assert get_args(MetricName) == tuple(METRICS)


def test_only_of_diversity_neither_direction_is_better() -> None:
    assert [m.name for m in METRICS.values() if m.direction is None] == ["artist_diversity"]


def test_a_ratio_divides_sums_and_is_a_mean() -> None:
    for metric in COLUMNS.values():
        if metric.ratio is not None:
            assert metric.kind == "mean"
            assert [COLUMNS[part].kind for part in metric.ratio] == ["sum", "sum"]


def test_every_metric_is_determined_or_told_why_not() -> None:
    for lengths, artists, timeouts in product([False, True], repeat=3):
        found = determined(lengths=lengths, artists=artists, timeouts=timeouts)
        assert {*found.metrics, *found.reasons} == set(METRICS)
        assert ("minutes" in found.metrics) == lengths
        assert ("artist_diversity" in found.metrics) == artists
        assert ("timeouts" in found.metrics) == timeouts
        assert len(found.metrics) == 9 + lengths + artists + timeouts
    assert determined(lengths=True, artists=False, timeouts=True).reasons == {
        "artist_diversity": "the log names no artists"
    }
