"""Guardrails of a planned experiment: whether they would be found to hold, were nothing harmed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from abbotify.metrics.definitions import METRICS
from abbotify.stats.effects import MEAN
from abbotify.stats.non_inferiority import METRIC, GuardrailSpec
from abbotify.stats.power import FEWEST, Pilot, non_inferiority_power, non_inferiority_users
from abbotify.studies.power.design import (
    GUARDRAIL,
    POWER,
    USERS,
    Point,
    PointSpec,
    Row,
    Terms,
    in_arms,
    shares_of,
    too_few,
)
from abbotify.studies.power.pilot import Piloted


def guarded(
    metrics: Sequence[Piloted], rails: Sequence[GuardrailSpec], terms: Terms, spec: PointSpec
) -> tuple[Row, ...]:
    """A row for each guardrail and size of treatments, by the plain means that the report tests.

    Each is a one-sided test at level alpha of its own. Its points are the users needed for the
    wanted power and the power with the users asked for, both when the true effect is 0.
    """
    plain = {m.metric: m for m in metrics if m.estimand == MEAN and not m.cuped}
    return tuple(
        replace(row, points=tuple(_points(row, terms.wanted, spec)))
        for rail in rails
        if rail.metric in plain
        for names, shares in terms.sizes
        for row in (Row(plain[rail.metric], names, shares, GUARDRAIL, terms.alpha, (), rail),)
    )


def _points(row: Row, wanted: float, spec: PointSpec) -> Iterator[Point]:
    if spec.users is not None:
        yield _powered(row, spec.users)
    if spec.lifts:
        yield _needed(row, wanted)


def _needed(row: Row, wanted: float) -> Point:
    pilot = row.piloted.pilot
    if pilot is None:
        return Point(USERS, None, 0.0, 0.0, wanted, row.piloted.note)
    margin, ratio = _margin(row, pilot)
    users = non_inferiority_users(pilot, margin, wanted, row.level, shares_of(row), ratio)
    if users is None:
        return Point(USERS, None, 0.0, 0.0, wanted, "no number of users is enough")
    return Point(USERS, users, 0.0, 0.0, _power(row, pilot, users))


def _powered(row: Row, users: float) -> Point:
    pilot, why = row.piloted.pilot, row.piloted.note or too_few(row, users)
    if pilot is None or why:
        return Point(POWER, users, 0.0, 0.0, None, why)
    return Point(POWER, users, 0.0, 0.0, _power(row, pilot, users))


def _power(row: Row, pilot: Pilot, users: float) -> float:
    control, treatment = in_arms(row, users)
    arms = (max(FEWEST, control), max(FEWEST, treatment))
    margin, ratio = _margin(row, pilot)
    return non_inferiority_power(pilot, margin, arms, row.level, ratio)


def _margin(row: Row, pilot: Pilot) -> tuple[float, float]:
    """The margin in the metric's units, and the ratio of treatment to control there."""
    rail = row.rail
    assert rail is not None, "a guardrail has a margin"
    if rail.unit == METRIC:
        return rail.margin, 1.0
    worse = 1 if METRICS[rail.metric].direction == "lower" else -1
    return pilot.effect_of(rail.margin), 1 + worse * rail.margin / 100
