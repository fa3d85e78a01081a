"""The checks of a run on the first screen."""

from __future__ import annotations

from typing import Any

from abbotify.report.pages import render_html
from abbotify.report.result import Result
from abbotify.report.tables import checks
from abbotify.report.tables.checks import USUAL, legend, missing, state
from abbotify.report.text import labels

Plain = dict[str, Any]


def test_all_usual_in_their_order(usual: Result) -> None:
    made = checks.usual(usual.checks)
    assert [check.name for _, check in made] == list(USUAL)
    assert missing(usual.checks) == []
    assert state(usual.checks) == ("2 warnings, no check failed", "warn")
    page = render_html(usual)
    troubles = page.partition('aria-label="Failures and warnings"')[2].partition("</ul>")[0]
    assert troubles.count("<strong>") == 2
    assert "<strong>Skew:</strong>" in troubles
    assert "<strong>Novelty:</strong>" in troubles


def test_checks_not_made_are_named(small: Result) -> None:
    assert [check.name for _, check in checks.usual(small.checks)] == ["sample_ratio"]
    assert missing(small.checks) == list(map(labels.check, USUAL[1:]))
    assert state(small.checks) == ("All checks passed", "good")
    named = ", ".join(map(labels.check, USUAL[1:4]))
    assert f"Not tested in this run: {named}" in render_html(small)


def test_items_lead_to_their_check(hand: Plain) -> None:
    other = {"name": "arm_sizes", "status": "fail", "summary": "An arm is <empty>."}
    hand["checks"].insert(0, other)
    page = render_html(Result.from_dict(hand))
    assert '<a href="#check-2" title="users per arm are as planned">' in page
    assert 'id="check-2"' in page
    assert "<strong>Arm sizes:</strong> An arm is &lt;empty&gt;." in page
    assert "1 check failed" in page
    assert 'Sample ratio<span class="hidden">: pass</span>' in page


def test_nothing_checked(hand: Plain) -> None:
    assert state(()) == ("No checks were made", "warn")
    assert checks.usual(()) == []
    hand["checks"] = []
    assert "No checks were made" in render_html(Result.from_dict(hand))


def test_every_mark_has_its_meaning(usual: Result, hand: Plain) -> None:
    shown = {check.status for _, check in checks.usual(usual.checks)}
    assert len(legend(checks.usual(usual.checks))) == len(shown)
    assert "info" in shown  # grey
    page = render_html(usual)
    assert '<span class="calm"><span class="dot"></span>noted, not tested</span>' in page
    assert "unchecked marks" not in render_html(Result.from_dict(hand))  # one kind alone
