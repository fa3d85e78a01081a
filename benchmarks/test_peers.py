"""From a table of users to effects with CUPED, beside other packages for A/B tests.

tea-tasting is given the table in every form that is installed here (polars and duckdb are no
requirement, and the first is its fastest); splita takes arrays.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import splita
import tea_tasting
from numpy.typing import NDArray

from abbotify import stats
from benchmarks.runs import ratio, timed, told

pytestmark = [
    pytest.mark.bench,
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),  # splita's advice
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of ibis with duckdb 2
]

USERS: Final = 1_000_000
METRICS: Final = tuple("abcd")
ALPHA: Final = 0.05
ROUNDS: Final = 9

Columns = dict[str, NDArray[Any]]
Effects = dict[str, tuple[float, float, float]]


@pytest.fixture(scope="module")
def columns() -> Columns:
    """Arm 0 or 1, metrics a to d and each one's value before, lognormal and correlated."""
    g = np.random.Generator(np.random.Philox(key=np.array([91, 1], dtype=np.uint64)))
    arm = (g.random(USERS) < 0.5).astype(np.int64)
    found: Columns = {"arm": arm}
    for place, name in enumerate(METRICS):
        before, noise = g.standard_normal((2, USERS))
        found[f"{name}_before"] = np.exp(0.6 * before)
        found[name] = np.exp(0.6 * (0.8 * before + 0.6 * noise)) * (1 + 0.002 * place * arm)
    return found


def ours(columns: Columns) -> tuple[tuple[stats.Effect, ...], Effects]:
    """Rows of effects as a report has them, and adjusted effects with their intervals."""
    rows = [np.flatnonzero(columns["arm"] == arm) for arm in range(2)]
    moments = {
        name: [
            stats.Moments.of_rows([columns[name], columns[f"{name}_before"]], own) for own in rows
        ]
        for name in METRICS
    }
    alone = [
        stats.ArmMoments(
            label,
            {name: both[arm].leading(1) for name, both in moments.items()},
        )
        for arm, label in enumerate(("control", "treatment"))
    ]
    effects = stats.compare(alone, METRICS, METRICS, ALPHA)
    adjusted: Effects = {}
    for name, both in moments.items():
        pair = stats.cuped_means(both).pair(1)
        found = stats.difference(*pair, ALPHA)
        assert stats.relative(*pair, ALPHA).lower is not None
        assert found.effect is not None
        assert found.lower is not None
        assert found.upper is not None
        adjusted[name] = (found.effect, found.lower, found.upper)
    return effects, adjusted


def by_splita(columns: Columns) -> Effects:
    found = {}
    own = columns["arm"] == 0
    for name in METRICS:
        y, x = columns[name], columns[f"{name}_before"]
        arms = splita.CUPED().fit_transform(y[own], y[~own], x[own], x[~own])
        result = splita.Experiment(*arms, metric="continuous", method="ttest").run()
        found[name] = (result.lift, result.ci_lower, result.ci_upper)
    return found


def by_tea_tasting(table: Any) -> Effects:
    metrics = {name: tea_tasting.Mean(name, f"{name}_before") for name in METRICS}
    result = tea_tasting.Experiment(metrics, variant="arm").analyze(table)
    return {
        name: (
            float(result[name].effect_size),
            float(result[name].effect_size_ci_lower),
            float(result[name].effect_size_ci_upper),
        )
        for name in METRICS
    }


def tables(columns: Columns) -> dict[str, Any]:
    """In every form that tea-tasting reads and that is installed."""
    found: dict[str, Any] = {"pandas": pd.DataFrame(columns), "pyarrow": pa.table(columns)}
    if find_spec("polars"):
        import polars

        found["polars"] = polars.DataFrame(columns)
    if find_spec("duckdb"):
        import ibis

        backend = ibis.duckdb.connect()
        backend.con.register("arrow", found["pyarrow"])
        backend.con.execute("create table users as select * from arrow")
        found["duckdb"] = backend.table("users")
    return found


def test_effects_of_a_million_users_are_found_as_fast_as_by_the_fastest_peer(
    columns: Columns, capsys: pytest.CaptureFixture[str]
) -> None:
    ways: dict[str, Callable[[], Any]] = {
        f"tea-tasting from {form}": partial(by_tea_tasting, table)
        for form, table in tables(columns).items()
    }
    ways["splita"] = partial(by_splita, columns)
    effects, adjusted = ours(columns)  # kernels compile here
    assert [effect.metric for effect in effects] == list(METRICS)
    for name, way in ways.items():
        for metric, theirs in way().items():
            # One slope or two: the same within a hundredth of the interval.
            width = theirs[2] - theirs[1]
            assert np.allclose(adjusted[metric], theirs, atol=width / 100, rtol=0), (name, metric)
    ways["abbotify"] = partial(ours, columns)
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            times[name].append(timed(way))
    mine = times["abbotify"]
    fastest = min((name for name in ways if name != "abbotify"), key=lambda n: min(times[n]))
    for name in ways:
        told(
            capsys,
            f"{name}: {min(times[name]) * 1e3:.0f} ms, median {np.median(times[name]) * 1e3:.0f}, "
            f"{ratio(times[name], mine):.1f} times abbotify's",
        )
    assert ratio(mine, times[fastest]) < 1
