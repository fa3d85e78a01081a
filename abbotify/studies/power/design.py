"""Users, lift and power of every metric of an experiment: each from the other two.

A guardrail is planned for a lift of 0: would it be found to hold, were nothing harmed?
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from abbotify.metrics.definitions import METRICS
from abbotify.stats.effects import CUPED, MEAN, Estimator, deciding_estimand
from abbotify.stats.non_inferiority import METRIC, GuardrailSpec
from abbotify.stats.power import (
    FEWEST,
    Pilot,
    detectable_effect,
    non_inferiority_power,
    non_inferiority_users,
    power,
    sample_size,
)
from abbotify.studies.power.pilot import Piloted

SUCCESS: Final = "success"
EXPLORATORY: Final = "exploratory"
GUARDRAIL: Final = "guardrail"

USERS: Final = "users"
LIFT: Final = "lift"
POWER: Final = "power"


@dataclass(frozen=True)
class Terms:
    """How an experiment decides, and between whom.

    Attributes:
        alpha: two-sided error rate of the experiment.
        wanted: power of each test; with G guardrails 1 - beta / (G + 1), so that the success metric
            and all of them are found to hold with power 1 - beta (Schultzberg, Ankargren and
            Frånberg, arXiv 2402.11609).
        success: metrics that decide.
        treatments: (name, weight) of each treatment, weights on the control's scale.
        control: weight of the control.
        estimator: which estimate of a success metric decides.
    """

    alpha: float
    wanted: float
    success: tuple[str, ...]
    treatments: tuple[tuple[str, float], ...]
    control: float = 1.0
    estimator: Estimator = "mean"

    @property
    def hypotheses(self) -> int:
        """Of Holm's family: success metrics times treatments."""
        return len(self.success) * len(self.treatments)

    @property
    def sizes(self) -> tuple[tuple[tuple[str, ...], tuple[float, float]], ...]:
        """Treatments of one size, and the shares of (control, each of them) in all users."""
        total = self.control + sum(weight for _, weight in self.treatments)
        alike: dict[float, list[str]] = {}
        for name, weight in self.treatments:
            alike.setdefault(weight, []).append(name)
        return tuple(
            (tuple(names), (self.control / total, weight / total))
            for weight, names in alike.items()
        )

    def level(self, role: str) -> float:
        """The two-sided level a row is planned at: Holm rejects at alpha / h whatever the rest."""
        return self.alpha / self.hypotheses if role == SUCCESS else self.alpha


@dataclass(frozen=True)
class Point:
    """Users, lift and power that belong together; None where there is no such number.

    Attributes:
        solved: which of the three follows from the other two: `USERS`, `LIFT` or `POWER`.
        users: of all arms together, whether the metric is defined for them or not.
        lift: per cent of |control|, a rise.
        effect: the same in the metric's units.
        power: of this hypothesis, at least.
        note: why a number is missing, else empty.
    """

    solved: str
    users: float | None
    lift: float | None
    effect: float | None
    power: float | None
    note: str = ""


@dataclass(frozen=True)
class Row:
    """One metric and estimand, against treatments of one size, with or without CUPED.

    Attributes:
        piloted: the metric.
        arms: the treatments.
        shares: of control and of each of these treatments in all users.
        role: `SUCCESS`, `EXPLORATORY` or `GUARDRAIL`.
        level: of this hypothesis, two-sided; one-sided of a guardrail.
        rail: the margin of a guardrail.
        decides: the experiment decides by this estimate.
        points: in the order asked for.
    """

    piloted: Piloted
    arms: tuple[str, ...]
    shares: tuple[float, float]
    role: str
    level: float
    rail: GuardrailSpec | None = None
    decides: bool = False
    points: tuple[Point, ...] = ()


@dataclass(frozen=True)
class PointSpec:
    """The points of every row.

    Attributes:
        users: at which the detectable lift is wanted, of all arms together; None for none.
        lifts: per cent, at which the users needed are wanted.
        power_at: per cent, at which the power at `users` is wanted.
    """

    users: float | None = None
    lifts: tuple[float, ...] = ()
    power_at: tuple[float, ...] = ()


def design(metrics: Sequence[Piloted], terms: Terms, spec: PointSpec) -> tuple[Row, ...]:
    """The rows: success metrics first, what decides on each of them before the other estimate."""
    adjusted = {m.metric for m in metrics if m.cuped and m.estimand == MEAN and m.pilot is not None}
    deciding = {
        (name, deciding_estimand(terms.estimator, name in adjusted) == CUPED)
        for name in terms.success
    }
    rows = []
    for piloted in metrics:
        success = piloted.metric in terms.success and piloted.estimand == MEAN
        role = SUCCESS if success else EXPLORATORY
        decides = success and (piloted.metric, piloted.cuped) in deciding
        for names, shares in terms.sizes:
            row = Row(piloted, names, shares, role, terms.level(role), decides=decides)
            rows.append(replace(row, points=tuple(_points(row, terms.wanted, spec))))
    places = list(dict.fromkeys(piloted.metric for piloted in metrics))

    def place(row: Row) -> tuple[bool, int, bool]:
        success = row.role == SUCCESS
        return not success, places.index(row.piloted.metric) if success else 0, not row.decides

    return tuple(sorted(rows, key=place))


def _points(row: Row, wanted: float, spec: PointSpec) -> Iterator[Point]:
    if spec.users is not None:
        yield detectable(row, spec.users, wanted)
    for lift in spec.lifts:
        yield needed(row, lift, wanted)
    if spec.users is not None:
        for lift in spec.power_at:
            yield powered(row, lift, spec.users)


def guarded(
    metrics: Sequence[Piloted], rails: Sequence[GuardrailSpec], terms: Terms, spec: PointSpec
) -> tuple[Row, ...]:
    """A row for each guardrail and size of treatments, by the plain means that the report tests.

    Each is a one-sided test at level alpha of its own. Its points are the power with the users
    asked for and the users needed for the wanted power, both when the true effect is 0.
    """
    plain = {m.metric: m for m in metrics if m.estimand == MEAN and not m.cuped}
    rows = [
        Row(plain[rail.metric], names, shares, GUARDRAIL, terms.alpha, rail)
        for rail in rails
        if rail.metric in plain
        for names, shares in terms.sizes
    ]
    return tuple(
        replace(
            row,
            points=(
                *([] if spec.users is None else [powered(row, 0.0, spec.users)]),
                *([needed(row, 0.0, terms.wanted)] if spec.lifts else []),
            ),
        )
        for row in rows
    )


def detectable(row: Row, users: float, wanted: float) -> Point:
    """The least lift that has the wanted power with so many users."""
    pilot, why = row.piloted.pilot, row.piloted.note or _too_few(row, users)
    if pilot is None or why:
        return Point(LIFT, users, None, None, wanted, why)
    effect = detectable_effect(pilot, wanted, in_arms(row, users), row.level)
    if effect is None:
        why = f"no lift has this power with {users:,.0f} users"
        return Point(LIFT, users, None, None, wanted, why)
    return Point(LIFT, users, pilot.lift_of(effect), effect, wanted)


def needed(row: Row, lift: float, wanted: float) -> Point:
    """The users with whom a lift has the wanted power; not a whole number."""
    pilot, shares = row.piloted.pilot, in_arms(row, 1.0)
    if pilot is None:
        return Point(USERS, None, lift, 0.0 if row.rail else None, wanted, row.piloted.note)
    effect = pilot.effect_of(lift)
    if row.rail is None:
        users = sample_size(pilot, effect, wanted, row.level, shares)
    else:
        margin, ratio = _margin(row.rail, pilot)
        users = non_inferiority_users(pilot, margin, wanted, row.level, shares, ratio)
    if users is None:
        return Point(USERS, None, lift, effect, wanted, "no number of users is enough")
    return Point(USERS, users, lift, effect, _power(row, pilot, effect, users))


def powered(row: Row, lift: float, users: float) -> Point:
    """The power that a lift has with so many users."""
    pilot, why = row.piloted.pilot, row.piloted.note or _too_few(row, users)
    if pilot is None or why:
        return Point(POWER, users, lift, 0.0 if row.rail else None, None, why)
    effect = pilot.effect_of(lift)
    return Point(POWER, users, lift, effect, _power(row, pilot, effect, users))


def _power(row: Row, pilot: Pilot, effect: float, users: float) -> float:
    """The chance to find an effect, or of a guardrail to be found to hold."""
    control, treatment = in_arms(row, users)
    # The least arm has FEWEST exactly, whatever the rounding of its share.
    arms = max(FEWEST, control), max(FEWEST, treatment)
    if row.rail is None:
        return power(pilot, effect, arms, row.level)
    margin, ratio = _margin(row.rail, pilot)
    return non_inferiority_power(pilot, margin, arms, row.level, ratio)


def _margin(rail: GuardrailSpec, pilot: Pilot) -> tuple[float, float]:
    """The margin in the metric's units, and the ratio of treatment to control there."""
    if rail.unit == METRIC:
        return rail.margin, 1.0
    worse = 1 if METRICS[rail.metric].direction == "lower" else -1
    return pilot.effect_of(rail.margin), 1 + worse * rail.margin / 100


def in_arms(row: Row, users: float) -> tuple[float, float]:
    """Of so many users those in the control and in one treatment with the metric defined."""
    control, treatment = (share * row.piloted.share for share in row.shares)
    return control * users, treatment * users


def _too_few(row: Row, users: float) -> str:
    """Why so many users are no experiment; empty when they are."""
    few = min(in_arms(row, users)) < FEWEST or not math.isfinite(users)
    return f"fewer than {FEWEST:.0f} users in an arm" if few else ""
