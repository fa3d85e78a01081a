"""What a power study tells: its words, its table, its page."""

from __future__ import annotations

import csv
import math
from dataclasses import replace
from pathlib import Path

from abbotify.scenario import load
from abbotify.studies.power.notes import digits, lift, notes, sentence, significant, title
from abbotify.studies.power.report import guardrails, metrics, power_csv, power_page
from abbotify.studies.power.study import PowerStudy, Question, studied
from tests.browser import assert_fits
from tests.studies.pages import assert_closed
from tests.studies.tables import AWAY, USERS, table


def study(path: Path, question: Question, pre: bool = True, *changes: str) -> PowerStudy:
    return studied(load(path, changes), question, table(pre))


def test_what_is_told_of_users_and_levels(path: Path) -> None:
    found = study(path, Question(mde=5.0))
    told = " ".join(notes(found))
    assert f"{USERS - AWAY:,} of the world's {USERS:,} users came (93.3%)" in told
    assert "exposed users of all arms together: random 25%, sticky 25%, top 50%" in told
    assert "4 hypotheses decide (2 success metrics x 2 treatments, Holm)" in told
    assert "0.05 / 4 = 0.0125" in told
    assert title(found) == "small: users for a lift of 5%"
    head, body = metrics(found).texts()
    assert head[-2:] == ["users for 5%", "days of this world"]
    assert any(f"exceeds its {USERS:,} users" in row[-1] for row in body)
    first = next(row for row in found.rows if row.piloted.metric == "mean_time_per_session")
    assert f"{math.ceil(first.points[0].users or 0):,} users find a lift of 5%" in sentence(found)
    assert sum("no variance" in " ".join(row) for row in body) == 2  # timeouts, by size


def test_fewer_users_than_a_decision_needs_are_named(path: Path) -> None:
    few, many = (sentence(study(path, Question(mde=mde))) for mde in (90.0, 2.0))
    assert few.endswith(
        "A decision needs 100 users in each arm, 400 in all arms, whatever the power."
    )
    assert "A decision needs" not in many


def test_the_answer_is_that_of_the_estimate_that_decides(path: Path) -> None:
    for estimator, adjusted in (("auto", True), ("mean", False)):
        found = study(path, Question(mde=5.0), True, f"metrics.estimator={estimator}")
        users = {
            cuped: math.ceil(row.points[0].users or 0)
            for row in found.rows
            for cuped in [row.piloted.cuped]
            if (row.piloted.metric, row.arms) == ("mean_time_per_session", ("sticky",))
            and row.piloted.estimand == "mean"
        }
        assert users[True] < users[False]
        lead, other = users[adjusted], users[not adjusted]
        beside = "by the plain mean" if adjusted else "with CUPED"
        assert f"sticky: {lead:,} users find a lift of 5%, {beside} {other:,} do" in sentence(found)
        assert ("CUPED-adjusted" in sentence(found)) is adjusted
        decides = "adjusted estimate" if adjusted else "plain mean"
        assert f"The report decides by the {decides}" in " ".join(notes(found))
        told = list(csv.DictReader(power_csv(found).splitlines()))
        deciding = [row for row in told if row["decides"] == "true"]
        assert {row["cuped"] for row in deciding} == {str(adjusted).lower()}
        assert {row["metric"] for row in deciding} == set(found.terms.success)


def test_without_days_before_the_column_says_so(path: Path) -> None:
    alone = ("timeline=[{phase: experiment, days: 2}]",)
    found = study(path, Question(), False, *alone)
    head, body = metrics(found).texts()
    assert {row[head.index("CUPED")] for row in body} == {"no pre-period"}
    assert "No CUPED" in " ".join(notes(found))
    assert "with CUPED" not in power_page(found).html()


def test_the_assigned_are_told_as_such(path: Path) -> None:
    found = study(path, Question(), True, "metrics.population=assigned")
    assert found.enrolment.enrolled == USERS
    assert "assigned users of all arms" in " ".join(notes(found))


def test_the_page_escapes_names_and_draws_what_can_be_drawn(path: Path) -> None:
    named = "experiment.control=random", "name=a<b>|c"
    found = study(path, Question(users=5000), True, *named)
    page = power_page(found).html()
    assert "a<b>" not in page
    assert "a&lt;b&gt;" in page
    assert page.count("<svg") == 2
    assert_closed(page)
    assert "a\\<b>\\|c" in power_page(found).markdown()
    nothing = replace(found, rows=tuple(r for r in found.rows if r.piloted.metric == "timeouts"))
    assert "<svg" not in power_page(nothing).html()
    assert "nothing can be planned" in sentence(nothing)


def test_the_page_fits_every_screen(path: Path, chromium: str, tmp_path: Path) -> None:
    guarded = "metrics.guardrails=[time, {metric: sessions, absolute: 0.2}]"
    page = power_page(study(path, Question(users=5000), True, guarded)).html()
    assert_closed(page)
    assert_fits(chromium, page, tmp_path)


def test_a_column_of_lifts_has_one_precision(path: Path) -> None:
    head, body = metrics(study(path, Question(users=5000))).texts()
    lifts = [row[head.index("MDE")] for row in body if row[head.index("MDE")].endswith("%")]
    assert len(lifts) > 5
    assert len({len(lift.partition(".")[2]) for lift in lifts}) == 1
    assert all(lift.strip("0.%,") for lift in lifts)


def test_significant_digits_keep_their_zeros() -> None:
    assert [significant(value, 3) for value in (1.0, 0.9, 0.15, 1234.5, 0.0)] == [
        *("1.00", "0.900", "0.150", "1,234", "0"),
    ]
    assert significant(None, 3) == "–"


def test_guardrails_have_a_table_of_their_own(path: Path) -> None:
    guarded = "metrics.guardrails=[time, {metric: sessions, absolute: 0.2}]"
    found = study(path, Question(), True, guarded)
    head, body = guardrails(found).texts()
    assert head[-2:] == [f"power with {USERS - AWAY:,} users", f"users for power {1 - 0.2 / 3:.3g}"]
    assert [row[:3] for row in body] == [
        ["Listened time", "sticky", "5%"],
        ["Listened time", "top", "5%"],
        ["Sessions", "sticky", "0.2 sessions"],
        ["Sessions", "top", "0.2 sessions"],
    ]
    assert power_page(found).html().count("<table") == 2
    assert power_page(found).markdown().count("\n| --- |") == 2
    told = list(csv.DictReader(power_csv(found).splitlines()))
    rails = [row for row in told if row["role"] == "guardrail"]
    assert len(rails) == 8
    assert {(row["lift"], row["cuped"], row["level"]) for row in rails} == {
        ("0.0", "false", "0.05")
    }
    assert {row["margin_unit"] for row in rails} == {"percent", "metric"}
    assert guardrails(study(path, Question())).rows == ()
    assert power_page(study(path, Question())).html().count("<table") == 1


def test_numbers_keep_their_significant_digits() -> None:
    told = [digits(x, 3) for x in (12345.0, 99.96, 0.0012345, 5.0, -0.5, 0.0)]
    assert told == ["12,345", "100", "0.00123", "5", "\N{MINUS SIGN}0.5", "0"]
    assert (digits(None, 3), lift(None), lift(2.5)) == ("\N{EN DASH}", "", "2.5%")
