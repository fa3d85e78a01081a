"""What means are adjusted for: values of users from before the experiment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from abbotify import stats
from abbotify.eventlog.sessions import FloatArray
from abbotify.metrics.definitions import METRICS, PRE
from abbotify.metrics.users import UserTable


def named(covariates: Mapping[str, FloatArray]) -> list[FloatArray]:
    """Covariates that a scenario names, each as columns that are defined for everybody.

    Args:
        covariates: name -> float64 (users,), NaN where unknown.
    """
    return [column for values in covariates.values() for column in stats.with_indicator(values).T]


def before(users: UserTable, metric: str, known: Sequence[FloatArray]) -> Sequence[FloatArray]:
    """What a metric's mean is adjusted for, all of it defined; empty for nothing.

    Args:
        users: with their values of the days before, if there were any.
        metric: its name.
        known: covariates that all means are adjusted for; default the metric's own from the days
            before.
    """
    own = users.values.get(PRE + metric)
    if known or own is None:
        return known
    # A sum of the days before is defined for everybody; a mean needs sessions.
    return [own] if METRICS[metric].kind == "sum" else list(stats.with_indicator(own).T)
