"""The metrics: what each is called, what it means, which way is better, what it is a ratio of."""

from __future__ import annotations

from collections.abc import Mapping
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
        unit: of the value; "" for a share.
        meaning: one line.
        direction: which way is better; None where neither is.
        kind: a user without sessions has a sum of 0, and no mean.
        ratio: the per-user sums whose ratio it is, where it is one.
    """

    name: str
    unit: str
    meaning: str
    direction: Direction | None
    kind: Kind
    ratio: Ratio | None = None


def _by_name(*metrics: Metric) -> Mapping[str, Metric]:
    return MappingProxyType({metric.name: metric for metric in metrics})


METRICS: Final = _by_name(
    Metric("time", "tracks", "listened fractions of all tracks, added up", "higher", "sum"),
    Metric("sessions", "sessions", "sessions started", "higher", "sum"),
    Metric("tracks", "tracks", "tracks played, skipped ones included", "higher", "sum"),
    Metric(
        "mean_time_per_session",
        "tracks",
        "listened fractions of a session, averaged over the user's sessions",
        "higher",
        "mean",
        Ratio("time", "sessions"),
    ),
    Metric(
        "mean_tracks_per_session",
        "tracks",
        "tracks of a session, averaged over the user's sessions",
        "higher",
        "mean",
        Ratio("tracks", "sessions"),
    ),
    Metric(
        "mean_request_latency",
        "ms",
        "time a request takes, averaged over the user's requests",
        "lower",
        "mean",
        Ratio("latency", "tracks"),
    ),
    Metric("minutes", "min", "listened time by the tracks' lengths", "higher", "sum"),
    Metric(
        "skip_rate",
        "",
        "share of the recommended tracks (the first excluded) that were skipped",
        "lower",
        "mean",
        Ratio("skips", "recommended"),
    ),
    Metric(
        "repeat_rate",
        "",
        "share of the recommended tracks (the first excluded) already played in the session",
        "lower",
        "mean",
        Ratio("repeats", "recommended"),
    ),
    Metric(
        "artist_diversity",
        "",
        "distinct artists / tracks of a session, averaged over the user's sessions",
        None,
        "mean",
    ),
    Metric("retained", "", "1 with a session in the last days, else 0", "higher", "mean"),
    Metric("timeouts", "requests", "requests that waited past their timeout", "lower", "sum"),
)

SUMS: Final = _by_name(
    Metric("latency", "ms", "time all requests took", "lower", "sum"),
    Metric("recommended", "tracks", "tracks played but the first of a session", "higher", "sum"),
    Metric("skips", "tracks", "recommended tracks that were skipped", "lower", "sum"),
    Metric("repeats", "tracks", "recommended tracks already played", "lower", "sum"),
)  # what the ratios need beside the metrics themselves

COLUMNS: Final = _by_name(*METRICS.values(), *SUMS.values())

PRE: Final = "pre_"  # before a name: the value of the days before the experiment

_NEEDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "minutes": "the log says no track's length",
        "artist_diversity": "the log names no artists",
        "timeouts": "the log says of no request that it waited past its timeout",
    }
)


class Determined(NamedTuple):
    """What an input determines.

    Attributes:
        metrics: names in the order of `METRICS`.
        reasons: name -> why not, for all others.
    """

    metrics: tuple[str, ...]
    reasons: Mapping[str, str]


def determined(*, lengths: bool, artists: bool, timeouts: bool) -> Determined:
    """Which metrics an event log determines, with what is known beside it.

    Args:
        lengths: the tracks' lengths (`play_ms`) are known.
        artists: the tracks' artists are known.
        timeouts: requests past their timeout were counted.

    Returns:
        the determined metrics, and a reason for each of the others.
    """
    known = {"minutes": lengths, "artist_diversity": artists, "timeouts": timeouts}
    reasons = {name: _NEEDS[name] for name in METRICS if not known.get(name, True)}
    return Determined(tuple(name for name in METRICS if name not in reasons), reasons)
