"""The catalogue of metrics, held against the specification's list and against itself."""

from __future__ import annotations

from itertools import chain, combinations
from typing import get_args

from abbotify.metrics.definitions import COLUMNS, METRICS, SUMS, undetermined
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


def test_what_is_not_determined_has_a_reason() -> None:
    assert undetermined(METRICS, METRICS) == {}
    without = ("minutes", "artist_diversity", "timeouts", "retained")
    for missing in chain.from_iterable(combinations(without, n) for n in range(5)):
        columns = set(METRICS) - set(missing)
        assert set(undetermined(columns, METRICS)) == set(missing) == set(undetermined(columns, ()))
    only = set(METRICS) - {"artist_diversity"}
    assert undetermined(only, ()) == {"artist_diversity": "the log names no artists"}
    assert undetermined(only - {"tracks"}, ["tracks"])["tracks"] == "the input has no such values"
    assert "tracks" not in undetermined(only - {"tracks"}, ["time"])
