"""The rows of a report beside those that statistics return: of arms by day, looks, decisions."""

from __future__ import annotations

from dataclasses import dataclass

from abbotify.progress import Epoch
from abbotify.stats.effects import MEAN
from abbotify.stats.heterogeneity import SegmentEffect, SegmentTest


@dataclass(frozen=True)
class DecisionRow:
    """What to do with one treatment.

    Attributes:
        arm: the treatment.
        verdict: "invalid", "too_small", "do_not_ship", "ship", "ship_with_reservations",
            "beats_control" or "undecided".
        reasons: for the verdict, then cautions about it, a sentence each.
    """

    arm: str
    verdict: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class PairRow:
    """Two treatments that beat the control, compared with each other.

    Attributes:
        arm: one of them.
        against: the other.
        metric: the first success metric.
        estimand: that decides.
        effect: arm - against, in the metric's units; None where undefined.
        lower: simultaneous interval over all pairs of treatments.
        upper: likewise.
        p_value: adjusted for all pairs of treatments.
        significant: p_value < alpha; None without a test.
        note: empty, or what a reader has to know.
    """

    arm: str
    against: str
    metric: str
    estimand: str
    effect: float | None
    lower: float | None
    upper: float | None
    p_value: float | None
    significant: bool | None
    note: str = ""


@dataclass(frozen=True)
class Segments:
    """Effects by kind of user.

    Attributes:
        by: the attribute that users are segmented by, in words of the scenario: `pre_time`, `file`.
        bounds: where the values were cut, in the value's units; a bound belongs below it.
        without: users in no segment, as their value is unknown.
        rows: by arm, metric and segment.
        tests: one for each arm and metric.
    """

    by: str
    bounds: tuple[float, ...]
    without: int
    rows: tuple[SegmentEffect, ...]
    tests: tuple[SegmentTest, ...]


@dataclass(frozen=True)
class Look:
    """The effect as it stood at the end of a day, over users whose window was complete.

    Attributes:
        day: of the run.
        users: of control and treatment, by then.
        information: share of the planned information; None without variance.
        effect: treatment - control in the monitored metric over the window.
        lower: the group-sequential interval of this look; None where it may not stop.
        upper: likewise.
        critical: |z| at which this look stops; None where it may not.
        significant: the look crosses its boundary; None where it may not stop.
        valid_lower: the always-valid interval.
        valid_upper: likewise.
        valid_p: always-valid p-value: the least of the looks so far.
        sample_ratio_p: sequential p-value of the arms' sizes, all arms together.
        note: why the look may not stop, else empty.
    """

    day: int
    users: int
    information: float | None
    effect: float | None
    lower: float | None
    upper: float | None
    critical: float | None
    significant: bool | None
    valid_lower: float | None
    valid_upper: float | None
    valid_p: float | None
    sample_ratio_p: float | None
    note: str = ""


@dataclass(frozen=True)
class Monitored:
    """What all looks have in common.

    Attributes:
        metric: the one watched.
        window_days: a user's value is that of so many days from the first session on.
        planned_users: at which the error is spent, all arms together.
        spending: how: "obrien_fleming" or "pocock".
        alpha: error over all looks of one treatment: the run's, shared out among the treatments.
        estimand: that of the looks' estimates, "mean" or "cuped".
    """

    metric: str
    window_days: int
    planned_users: int
    spending: str
    alpha: float
    estimand: str = MEAN


@dataclass(frozen=True)
class TrendDay:
    """The effect on one day since exposure, per cent of the control; None where undefined."""

    effect: float | None
    lower: float | None
    upper: float | None


@dataclass(frozen=True)
class Trend:
    """Whether an effect fades with days since first exposure.

    Attributes:
        metric: the one watched, per user and day.
        days: the effect on each day since exposure, 0 being that of the first session.
        users: who have all these days behind them, control and treatment.
        slope: of the lift, per cent a day; None where undefined.
        lower: its interval.
        upper: likewise.
        p_value: two-sided.
        fading: whether it significantly moves towards 0; None without a test.
        note: empty, or what a reader has to know.
    """

    metric: str
    days: tuple[TrendDay, ...]
    users: int
    slope: float | None
    lower: float | None
    upper: float | None
    p_value: float | None
    fading: bool | None
    note: str = ""


@dataclass(frozen=True)
class Retention:
    """Who comes back.

    Attributes:
        days: since the first session: 1, 2, ...
        active: share of users with a session on that day, of those who have it behind them.
        returned: share of users who have come back by then, by Kaplan and Meier: users who have
            fewer days behind them are censored.
    """

    days: tuple[int, ...]
    active: tuple[float, ...]
    returned: tuple[float, ...]


@dataclass(frozen=True)
class Distribution:
    """A histogram over users: `counts[i]` of them lie in `edges[i]..edges[i + 1]`."""

    metric: str
    edges: tuple[float, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Position:
    """The listened fraction at one place in the sessions.

    Attributes:
        step: of the session; 1 is the first recommended track, as 0 is the user's own pick.
        n: played tracks at that step, which is sessions that got there.
        mean: listened fraction, 0 .. 1.
    """

    step: int
    n: int
    mean: float


@dataclass(frozen=True)
class Day:
    """The decision metric of one day, and its effect against the control."""

    day: int
    users: int
    mean: float | None = None
    effect: float | None = None
    lower: float | None = None
    upper: float | None = None


@dataclass(frozen=True)
class TopTrack:
    """One of the most played tracks; `share` is of the arm's plays."""

    track: int
    title: str | None
    artist: str | None
    plays: int
    share: float


@dataclass(frozen=True)
class Training:
    """A training of an arm that learns.

    Attributes:
        day: at whose start it was; the model serves from that day on.
        plays: how many played tracks it saw.
        curve: its passes in order; empty for a training that has none.
        digest: of the model.
    """

    day: int
    plays: int
    curve: tuple[Epoch, ...]
    digest: str

    @property
    def best(self) -> Epoch | None:
        """The first pass with the least validation loss; None without validation."""
        validated = [epoch for epoch in self.curve if epoch.validation is not None]
        return min(validated, key=lambda epoch: epoch.validation or 0.0, default=None)
