"""A planted effect: the length of a session has a known distribution.

With a constant listened time p, no repetition, no discount and no cut, the N recommended tracks
of a session of budget b have N - b ~ NegBin(b, 1 - p).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats

GROUPS = {"good": 0.80, "half": 0.50, "poor": 0.07}


def lengths(make: Callable[..., Any], budget: int) -> dict[str, tuple[Any, Any]]:
    """Recommended tracks and session times of each arm."""
    plugin = "recommenders/genre_radio.py:GenreRadio"
    events = make(
        world={
            "catalogue": {"source": "planted", "groups": GROUPS, "tracks_per_group": 300},
            "users": {
                "source": "synthetic", "count": 3000, "interests": 1, "bias": 0.0, "sharpness": 1.0,
            },
        },
        arrivals={"sessions": 6000, "profile": "flat"},
        listener={
            "session_budget": budget, "artist_discount_gamma": 1.0, "interest_neighbours": 1,
        },
        timeline=[{"phase": "experiment", "days": 1}],
        arms={name: {"recommender": plugin, "genre": name} for name in GROUPS},
        experiment={"name": "GEOMETRIC", "control": "good"},
    ).play()  # fmt: skip
    ends = np.flatnonzero(events.last)
    starts = np.concatenate([[0], ends[:-1] + 1])
    times = np.add.reduceat(np.rint(events.time * 100).astype(np.int64), starts)
    arms = np.array(events.arms["arm"].names)[events.arms["arm"].codes[ends]]
    return {name: (events.step[ends][arms == name], times[arms == name]) for name in GROUPS}


@pytest.mark.parametrize("budget", [1, 5])
def test_sessions_are_negative_binomial(make: Callable[..., Any], budget: int) -> None:
    for name, (tracks, times) in lengths(make, budget).items():
        p, n = GROUPS[name], len(tracks)
        law = stats.nbinom(budget, 1 - p)
        mean, variance = budget / (1 - p), budget * p / (1 - p) ** 2
        assert law.mean() + budget == pytest.approx(mean)  # the model's closed forms
        assert law.var() == pytest.approx(variance)
        assert (times == 100 + round(100 * p) * tracks).all()  # a session lasts 1 + p N
        assert abs(tracks.mean() - mean) < 4 * np.sqrt(variance / n)
        fourth = (law.stats("k") + 3) * variance**2
        assert abs(tracks.var(ddof=1) - variance) < 4 * np.sqrt((fourth - variance**2) / n)
        edges = np.unique(law.ppf(np.linspace(0.05, 0.99, 20)))
        edges = edges[n * law.sf(edges) >= 5]
        cells = np.diff(np.concatenate([[0.0], law.cdf(edges), [1.0]])) * n
        counts = np.bincount(np.searchsorted(edges, tracks - budget), minlength=len(cells))
        assert stats.chisquare(counts, cells).pvalue > 1e-3


def test_the_planted_effect_is_recovered(make: Callable[..., Any]) -> None:
    sessions = {name: times / 100 for name, (_, times) in lengths(make, 5).items()}
    truth = {name: 1 + p * 5 / (1 - p) for name, p in GROUPS.items()}
    for name in ("half", "poor"):
        effect = sessions[name].mean() - sessions["good"].mean()
        error = np.sqrt(sum(x.var(ddof=1) / len(x) for x in (sessions[name], sessions["good"])))
        assert abs(effect - (truth[name] - truth["good"])) < 4 * error
