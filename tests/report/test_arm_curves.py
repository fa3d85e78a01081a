"""The bins of a histogram, whatever the values are."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from abbotify.report.arm_curves import MOST_BINS, bin_edges


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
