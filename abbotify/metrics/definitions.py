"""The metrics: what each is called, what it means, which way is better, what it is a ratio of."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

Direction = Literal["higher", "lower"]
Kind = Literal["sum", "mean"]


class Ratio(NamedTuple):
    """Two columns of per-user sums, divided."""

    numerator: str
    denominator: str


@dataclass(frozen=True)
class Metric:
    """A value per user.

    Attributes:
        name: the column's name.
        label: what people call it.
        unit: of the value; "" for a share.
        meaning: one line, of the user's value or of the arm's, whichever is estimated.
        direction: which way is better; None where neither is.
        kind: a user without sessions has a sum of 0, and no mean.
        ratio: the per-user sums whose ratio it is, where it is one.
    """

    name: str
    label: str
    unit: str
    meaning: str
    direction: Direction | None = "higher"
    kind: Kind = "sum"
    ratio: Ratio | None = None


def _by_name(*metrics: Metric) -> Mapping[str, Metric]:
    return MappingProxyType({metric.name: metric for metric in metrics})


METRICS: Final = _by_name(
    Metric(
        "time", "Listened time", "tracks", "listened fractions of all of a user's tracks, added"
    ),
    Metric("sessions", "Sessions", "sessions", "sessions of a user"),
    Metric("tracks", "Tracks", "tracks", "tracks played by a user, skipped ones included"),
    Metric(
        "mean_time_per_session",
        "Time per session",
        "tracks",
        "listened fractions of a session's tracks, added",
        "higher",
        "mean",
        Ratio("time", "sessions"),
    ),
    Metric(
        "mean_tracks_per_session",
        "Tracks per session",
        "tracks",
        "tracks played in a session",
        "higher",
        "mean",
        Ratio("tracks", "sessions"),
    ),
    Metric(
        "mean_request_latency",
        "Request latency",
        "ms",
        "milliseconds a recommendation takes, mean over requests",
        "lower",
        "mean",
        Ratio("latency", "tracks"),
    ),
    Metric("minutes", "Minutes", "min", "minutes listened by a user"),
    Metric(
        "skip_rate",
        "Skip rate",
        "",
        "share of recommended tracks that were skipped",
        "lower",
        "mean",
        Ratio("skips", "recommended"),
    ),
    Metric(
        "repeat_rate",
        "Repeat rate",
        "",
        "share of recommended tracks already played in the session",
        "lower",
        "mean",
        Ratio("repeats", "recommended"),
    ),
    Metric(
        "artist_diversity",
        "Artist diversity",
        "",
        "distinct artists per track of a session",
        None,
        kind="mean",
    ),
    Metric(
        "retained",
        "Retained",
        "",
        "share of users with a session at the end of the experiment",
        kind="mean",
    ),
    Metric("timeouts", "Timeouts", "requests", "requests of a user that timed out", "lower"),
)

SUMS: Final = _by_name(
    Metric("latency", "Latency", "ms", "time all requests of a user took", "lower"),
    Metric(
        "recommended", "Recommended tracks", "tracks", "tracks played but the first of a session"
    ),
    Metric("skips", "Skips", "tracks", "recommended tracks that were skipped", "lower"),
    Metric("repeats", "Repeats", "tracks", "recommended tracks already played", "lower"),
)  # what the ratios need beside the metrics themselves

COLUMNS: Final = _by_name(*METRICS.values(), *SUMS.values())

SUCCESS: Final = "mean_time_per_session"  # decides where nothing else is named

PRE: Final = "pre_"  # before a name: the value of the days before the experiment

_NEEDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "minutes": "the log says no track's length",
        "retained": "the log says when tracks ended, not on which day a visit was due",
        "artist_diversity": "the log names no artists",
        "timeouts": "the log says of no request that it waited past its timeout",
    }
)


def undetermined(columns: Collection[str], needed: Collection[str]) -> dict[str, str]:
    """The metrics that an input does not determine, and why not.

    Args:
        columns: those that it does determine.
        needed: metrics to name even where no reason is known.
    """
    missing = [name for name in METRICS if name not in columns]
    reasons = {name: _NEEDS.get(name, "the input has no such values") for name in missing}
    return {name: why for name, why in reasons.items() if name in needed or name in _NEEDS}


@dataclass(frozen=True)
class Limits:
    """Shares of requests above which an arm did not run as described."""

    errors: float = 0.01
    fallbacks: float = 0.1
