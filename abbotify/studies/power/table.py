"""The tables of a power study as people read them: metrics, and guardrails."""

from __future__ import annotations

import math
from collections.abc import Sequence

from abbotify.report.text import labels
from abbotify.report.text import numbers as rounding
from abbotify.stats.effects import RATIO
from abbotify.studies.power import words
from abbotify.studies.power.design import LIFT, POWER, Point, Row
from abbotify.studies.power.pilot import NO_PRE_PERIOD
from abbotify.studies.power.study import PowerStudy


def rows(study: PowerStudy) -> tuple[list[str], list[list[str]]]:
    """The table as people read it: its head and its rows.

    A metric without a pre-period or without variance has one row, which says so; any other has
    one without CUPED and one with it.
    """
    several = len(study.terms.sizes) > 1
    shown = [row for row in study.rows if not _said(study, row)]
    places = _places(shown)
    head = ["metric", *(["arm"] if several else []), "level", "CUPED", "mean", "sd per user"]
    body = [
        [
            _named(row),
            *([", ".join(map(labels.clean, row.arms))] if several else []),
            f"{row.level:.3g}",
            _cuped(study, row),
            *_spread(row),
            *(text for point in row.points for text in _texts(study, row, point, places)),
        ]
        for row in shown
    ]
    points = shown[0].points if shown else ()
    return [*head, *(name for point in points for name in _heads(study, point))], body


def rail_rows(study: PowerStudy) -> tuple[list[str], list[list[str]]]:
    """The table of guardrails; without rows where the scenario has none."""
    several = len(study.terms.sizes) > 1
    arm = ["arm"] if several else []
    body = [
        [
            _named(row),
            *([", ".join(map(labels.clean, row.arms))] if several else []),
            words.margin(row),
            *_spread(row),
            *(_rail_text(row, point) for point in row.points),
        ]
        for row in study.guardrails
    ]
    points = study.guardrails[0].points if study.guardrails else ()
    heads = [_rail_head(study, point) for point in points]
    return ["guardrail", *arm, "margin", "mean", "sd per user", *heads], body


def _rail_head(study: PowerStudy, point: Point) -> str:
    if point.solved == POWER:
        return f"power with {rounding.count(study.users)} users"
    return f"users for power {study.terms.wanted:.3g}"


def _rail_text(row: Row, point: Point) -> str:
    missing = (point.note if point is row.points[0] else "") or rounding.MISSING
    if point.solved == POWER:
        return missing if point.power is None else f"{point.power:.3f}"
    return missing if point.users is None else rounding.count(math.ceil(point.users))


def _said(study: PowerStudy, row: Row) -> bool:
    """Whether a row with CUPED says no more than the one without."""
    own = row.piloted
    if not own.cuped or own.pilot is not None:
        return False
    about = (own.metric, own.estimand, False, own.note)
    plain = (other.piloted for other in study.rows)
    return own.note == NO_PRE_PERIOD or any(
        about == (each.metric, each.estimand, each.cuped, each.note) for each in plain
    )


def _named(row: Row) -> str:
    name = labels.metric(row.piloted.metric).label
    return f"{name} (ratio of sums)" if row.piloted.estimand == RATIO else name


def _cuped(study: PowerStudy, row: Row) -> str:
    own = row.piloted
    if not own.cuped:
        twin = (own.metric, own.estimand, NO_PRE_PERIOD)
        never = any(
            twin == (r.piloted.metric, r.piloted.estimand, r.piloted.note) for r in study.rows
        )
        return NO_PRE_PERIOD if never else "no"
    if own.removed is None:
        return "yes"
    return f"yes, {rounding.percent(-own.removed, 0, sign=True)}"


def _spread(row: Row) -> list[str]:
    own = row.piloted
    sd = None if own.pilot is None else math.sqrt(own.pilot.variance)
    return [words.significant(own.value, 4), words.significant(sd, 3)]


def _heads(study: PowerStudy, point: Point) -> list[str]:
    if point.solved == LIFT:
        return ["MDE", "in units"]
    if point.solved == POWER:
        return [f"power at {words.lift(point.lift)}"]
    users = f"users for {words.lift(point.lift)}"
    return [users] if study.question.mde is None else [users, "days of this world"]


def _places(rows: Sequence[Row]) -> int:
    """Decimals of all detectable lifts: two digits of the least."""
    lifts = [p.lift for row in rows for p in row.points if p.solved == LIFT and p.lift]
    return words.places(min(lifts, default=None), 2)


def _texts(study: PowerStudy, row: Row, point: Point, places: int) -> list[str]:
    """The cells of a point; the first of a row without numbers says why."""
    missing = (point.note if point is row.points[0] else "") or rounding.MISSING
    if point.solved == LIFT:
        found = missing if point.lift is None else f"{rounding.number(point.lift, places)}%"
        return [found, words.significant(point.effect, 3)]
    if point.solved == POWER:
        return [missing if point.power is None else f"{point.power:.3f}"]
    users = missing if point.users is None else rounding.count(math.ceil(point.users))
    if study.question.mde is None:
        return [users]
    return [users, words.days(study.coming, point.users)]


def numbers(study: PowerStudy) -> int:
    """How many of the table's last columns are numbers."""
    points = study.rows[0].points if study.rows else ()
    return 2 + sum(len(_heads(study, point)) for point in points)


def rail_numbers(study: PowerStudy) -> int:
    """The same of the table of guardrails."""
    return 2 + len(study.guardrails[0].points if study.guardrails else ())
