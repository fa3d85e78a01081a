"""What a report says beside the effects: guardrails, segments, looks, trends; as plain data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from abbotify.errors import DataError
from abbotify.stats.effects import MEAN


@dataclass(frozen=True)
class GuardrailRow:
    """One guardrail of one treatment: is it not worse than the control by more than a margin?

    Attributes:
        arm: the treatment.
        metric: its name.
        margin: the largest loss tolerated, in `unit`.
        unit: `PERCENT` of the control, or `METRIC`: the metric's own.
        loss: how much worse the treatment is, negative when it is better; None when undefined.
        lower: one-sided lower bound of the loss, confidence 1 - alpha.
        upper: one-sided upper bound, likewise; non-inferior when it is below the margin.
        p_value: of the hypothesis that the loss is the margin or more.
        verdict: "non-inferior", "inferior" or "undecided"; None where undefined.
        note: empty, or what a reader has to know.
    """

    arm: str
    metric: str
    margin: float
    unit: str
    loss: float | None
    lower: float | None
    upper: float | None
    p_value: float | None
    verdict: str | None
    note: str = ""


@dataclass(frozen=True)
class DecisionRow:
    """What to do with one treatment.

    Attributes:
        arm: the treatment.
        verdict: "invalid", "too_small", "do_not_ship", "ship", "ship_with_reservations",
            "beats_control" or "undecided".
        reasons: what the verdict rests on, then what stands against it, a sentence each.
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
class SegmentRow:
    """The effect among one kind of users; columns as those of `Effect`.

    Attributes:
        arm: the treatment.
        metric: its name.
        segment: the kind of users.
        n_control: users behind it.
        n_treatment: likewise.
        effect: treatment - control, in the metric's units.
        lower: Welch's interval, of this segment alone.
        upper: likewise.
        relative_effect: per cent of the segment's |control mean|.
        relative_lower: Fieller's interval.
        relative_upper: likewise.
        p_value: two-sided, of this segment alone.
        p_adjusted: by Benjamini and Hochberg over the segments.
        note: empty, or what a reader has to know.
    """

    arm: str
    metric: str
    segment: str
    n_control: int
    n_treatment: int
    effect: float | None
    lower: float | None
    upper: float | None
    relative_effect: float | None
    relative_lower: float | None
    relative_upper: float | None
    p_value: float | None
    p_adjusted: float | None
    note: str = ""


@dataclass(frozen=True)
class SegmentTest:
    """Whether one treatment's effect is the same in all segments (Cochran's Q, a Wald test)."""

    arm: str
    metric: str
    statistic: float | None
    df: int | None
    p_value: float | None
    note: str = ""


@dataclass(frozen=True)
class Segments:
    """Effects by kind of user.

    Attributes:
        by: what users are told apart by, in words of the scenario: `pre_time`, `file`.
        bounds: where the values were cut, in the value's units; a bound belongs below it.
        without: users in no segment, as their value is unknown.
        rows: by arm, metric and segment.
        tests: one for each arm and metric.
    """

    by: str
    bounds: tuple[float, ...]
    without: int
    rows: tuple[SegmentRow, ...]
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
    """Whether an effect fades with the days since users first met it.

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

    def check(self, key: str) -> None:
        """Raises DataError, with the key path, when days and shares do not fit."""
        if not len(self.days) == len(self.active) == len(self.returned):
            raise DataError("days, active and returned must have one length", key=key)
        if not all(before < after for before, after in pairwise(self.days)):
            raise DataError("days must ascend", key=f"{key}.days")


def check_looks(looks: Iterable[Look], key: str) -> None:
    """Raises DataError, with the key path, when looks are not in order."""
    if not all(before.day < after.day for before, after in pairwise(looks)):
        raise DataError("days must ascend", key=key)
