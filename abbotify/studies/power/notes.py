"""The title, the answer and the notes of a power study, and its numbers as texts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from abbotify.report.text import labels, numbers
from abbotify.stats.effects import LEAST_USERS, MEAN
from abbotify.stats.non_inferiority import PERCENT
from abbotify.studies.power.design import LIFT, SUCCESS, Point, Row
from abbotify.studies.power.enrolment import Enrolment
from abbotify.studies.power.study import PowerStudy

_MODEL: Final = (
    "Lifts are increases, in per cent of the control. A lift of an amount (time, sessions) "
    "multiplies every user's value, so its standard deviation grows with it; a decrease needs "
    "fewer users. A lift of a share is added to it, so that no share exceeds 1; a decrease needs "
    "as many users."
)


def title(study: PowerStudy) -> str:
    """The scenario and the question."""
    question, name = study.question, labels.clean(study.scenario)
    if question.mde is not None:
        return f"{name}: users for a lift of {lift(question.mde)}"
    if question.users is not None:
        return f"{name}: what {numbers.count(question.users)} users can find"
    return f"{name}: what {_days(study.enrolment.days)} can find"


def sentence(study: PowerStudy) -> str:
    """The answer for the first success metric."""
    name, wanted = labels.metric(study.terms.success[0]).label, f"{study.terms.wanted:.3g}"
    rows = [row for row in study.rows if _is_first(study, row)]
    deciding = [row for row in rows if row.decides]
    answers = [text for row in deciding if (text := _answer(study, row, rows))]
    if not answers:
        why = deciding[0].points[0].note if deciding else "the pilot has no such metric"
        return f"{name}: nothing can be planned ({why})."
    adjusted = f", {labels.ADJUSTED}" if deciding[0].piloted.cuped else ""
    few = _too_few(study, [row.points[0] for row in deciding])
    return f"{name}{adjusted}, with power {wanted}: {'; '.join(answers)}.{few}"


def _too_few(study: PowerStudy, points: Sequence[Point]) -> str:
    """What the decision's rule needs beside power, where that is more."""
    weights = (study.terms.control, *(weight for _, weight in study.terms.treatments))
    least = math.ceil(LEAST_USERS * sum(weights) / min(weights))
    if not any(point.users is not None and point.users < least for point in points):
        return ""
    return (
        f" A decision needs {LEAST_USERS} users in each arm, {numbers.count(least)} in all arms, "
        "whatever the power."
    )


def _is_first(study: PowerStudy, row: Row) -> bool:
    return row.piloted.metric == study.terms.success[0] and row.piloted.estimand == MEAN


def _answer(study: PowerStudy, row: Row, rows: Sequence[Row]) -> str:
    """The answer of the row that decides, beside that of the other estimate."""
    point = row.points[0]
    if point.users is None or point.lift is None:
        return ""
    twin = next((r.points[0] for r in rows if not r.decides and r.arms == row.arms), None)
    against = f"{', '.join(map(labels.clean, row.arms))}: " if len(study.terms.sizes) > 1 else ""
    text = against + f"{_people(point.users)} users find a lift of {lift(point.lift)}"
    if twin is None or twin.users is None or twin.lift is None:
        return text
    return f"{text}, {'by the plain mean' if row.piloted.cuped else 'with CUPED'} {_twin(twin)}"


def _twin(point: Point) -> str:
    return lift(point.lift) if point.solved == LIFT else f"{_people(point.users or 0)} do"


def _people(users: float) -> str:
    return numbers.count(math.ceil(users))


def notes(study: PowerStudy) -> list[str]:
    """How to read the numbers, a sentence or two each."""
    always = [_pilot(study), _users(study), _levels(study), _MODEL, _cuped(study), _more(study)]
    return [*always, *([_guardrails(study)] if study.guardrails else [])]


def _pilot(study: PowerStudy) -> str:
    enrolment, control = study.enrolment, labels.clean(study.control)
    who = "came" if study.population == "exposed" else "were admitted"
    share = enrolment.enrolled / enrolment.world if enrolment.world else 0.0
    so = f", so n users need a population of n / {share:.4g}" if share else ""
    return (
        f"Pilot: everybody under {control} for {_days(enrolment.days)}; "
        f"{enrolment.enrolled:,} of the world's {enrolment.world:,} users {who} "
        f"({numbers.percent(share)}){so}."
    )


def _users(study: PowerStudy) -> str:
    terms, who = study.terms, "exposed" if study.population == "exposed" else "assigned"
    total = terms.control + sum(weight for _, weight in terms.treatments)
    arms = ((study.control, terms.control), *terms.treatments)
    split = ", ".join(f"{labels.clean(name)} {100 * w / total:.4g}%" for name, w in arms)
    return f"Users are {who} users of all arms together: {split}."


def _levels(study: PowerStudy) -> str:
    terms, h = study.terms, study.terms.hypotheses
    if h == 1:
        return f"One success metric and one treatment: all rows are tested at {terms.alpha:g}."
    return (
        f"{h} hypotheses decide ({numbers.plural(len(terms.success), 'success metric')} x "
        f"{numbers.plural(len(terms.treatments), 'treatment')}, Holm): each is planned at "
        f"{terms.alpha:g} / {h} = "
        f"{terms.level(SUCCESS):.3g} and has at least this power, whatever the others are. "
        f"Exploratory rows are planned at {terms.alpha:g}."
    )


def _cuped(study: PowerStudy) -> str:
    if not (study.pre_days or study.covariates):
        return "No CUPED: the scenario has no pre or collect days, and names no covariates."
    before = f"its value in the {_days(study.pre_days)} before the experiment"
    what = f"each mean on {', '.join(map(labels.clean, study.covariates))}"
    adjusted = any(row.decides and row.piloted.cuped for row in study.rows)
    decides, other = (
        ("adjusted estimate", "plain mean") if adjusted else ("plain mean", "adjusted one")
    )
    return (
        f"CUPED regresses {what if study.covariates else f'each metric on {before}'}. Its sd is "
        "that of the residuals of the pilot's own users, and the per cent beside it how their "
        f"variance changes. The report decides by the {decides}; the {other} is planned at the "
        "same level, so that the two compare."
    )


def _guardrails(study: PowerStudy) -> str:
    each, whole = study.terms.wanted, study.question.power
    count = len({row.piloted.metric for row in study.guardrails})
    return (
        f"With {numbers.plural(count, 'guardrail')} each test is planned at power {each:.3g} = "
        f"1 - {1 - whole:.3g} / {count + 1}, so that the success metric and all guardrails hold "
        f"with power {whole:g}. "
        f"A guardrail is one-sided at {study.terms.alpha:g}, by the plain mean. Its power is the "
        "chance to be found non-inferior when the treatment does not touch the metric."
    )


def _more(study: PowerStudy) -> str:
    enrolment = study.enrolment
    if study.population == "assigned":
        return "All users that the experiment admits count, from the day of their admission on."
    return (
        f"Days: at most {enrolment.most:,} users can come, fewer new ones every day. Within "
        f"{_days(enrolment.days)} they are the pilot's; beyond, a user who has not come does so on "
        f"a day with a chance of {numbers.percent(-math.expm1(-enrolment.visits))} (arrivals). The "
        "standard deviation per user is this pilot's; the option --days plays them."
    )


def lift(value: float | None) -> str:
    """A lift in per cent, `5%`; empty when there is none."""
    return "" if value is None else digits(value, 3).rstrip() + "%"


def margin(row: Row) -> str:
    """The margin of a guardrail: `5%`, or in the metric's units."""
    rail = row.rail
    if rail is None:
        return numbers.MISSING
    if rail.unit == PERCENT:
        return lift(rail.margin)
    return f"{digits(rail.margin, 3)} {labels.metric(rail.metric).unit}".rstrip()


def days(enrolment: Enrolment, users: float | None) -> str:
    """In how many days of the world so many users come."""
    if users is None:
        return numbers.MISSING
    needed = enrolment.days_for(users)
    return enrolment.never(users) if needed is None else numbers.count(needed)


def digits(value: float | None, count: int) -> str:
    """A number with so many significant digits, none of a whole number dropped, no idle zeros."""
    text = significant(value, count)
    return text.rstrip("0").rstrip(".") if "." in text else text


def significant(value: float | None, count: int) -> str:
    """A number with so many significant digits, zeros among them, as columns need it."""
    return "0" if value == 0 else numbers.number(value, places(value, count))


def places(value: float | None, count: int) -> int:
    """Decimals that show so many significant digits."""
    if not value:
        return 0
    exponent = int(f"{value:.{count - 1}e}".partition("e")[2])
    return max(count - 1 - exponent, 0)


def _days(count: int) -> str:
    return numbers.plural(count, "day")
