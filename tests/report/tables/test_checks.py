"""The health of a run on the first screen."""

from __future__ import annotations

from typing import Any

from abbotify.report.html import render_html
from abbotify.report.result import Result
from abbotify.report.tables.checks import ITEMS, health

Plain = dict[str, Any]


def test_all_named_items_in_their_order(usual: Result) -> None:
    found = health(usual)
    assert [item.name for item in found.items] == list(ITEMS.values())
    assert found.unchecked == ()
    assert (found.summary, found.tone) == ("2 warnings, no check failed", "warn")
    assert [item.name for item in found.troubles] == ["Skew", "Novelty"]


def test_what_was_not_checked_is_said(small: Result) -> None:
    found = health(small)
    assert [item.name for item in found.items] == ["Sample ratio"]
    assert found.unchecked == tuple(ITEMS.values())[1:]
    assert (found.summary, found.tone) == ("All checks passed", "good")
    assert "Not tested in this run: Ratio by day, Balance before, CUPED sign" in render_html(small)


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
    hand["checks"] = []
    found = health(Result.from_dict(hand))
    assert (found.summary, found.tone, found.items) == ("No checks were made", "warn", ())


def test_every_mark_has_its_meaning(usual: Result, hand: Plain) -> None:
    shown = {item.tone for item in health(usual).items}
    assert {tone for tone, _ in health(usual).legend} == shown
    assert "calm" in shown  # grey
    page = render_html(usual)
    assert '<span class="calm"><span class="dot"></span>noted, not tested</span>' in page
    assert "unchecked marks" not in render_html(Result.from_dict(hand))  # one kind alone
