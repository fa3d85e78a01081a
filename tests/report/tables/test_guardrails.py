"""Guardrails in rows and in words."""

from __future__ import annotations

from typing import Any

from abbotify.report.charts.inline_interval import Interval
from abbotify.report.html import render_html
from abbotify.report.result import Result
from abbotify.report.tables import guardrails
from abbotify.report.text.headline import headline, rule, sentences
from tests.report.found import guardrail, untested

Plain = dict[str, Any]


def guarded(hand: Plain, *rails: Plain) -> Result:
    hand["guardrails"] = list(rails)
    return Result.from_dict(hand)


def test_a_line(hand: Plain) -> None:
    (line,) = guardrails.guardrails(guarded(hand, guardrail("neural", "skip_rate", 2.0, 1.5)))
    assert (line.metric, line.arm, line.at) == ("Skip rate", "neural", 1)
    assert (line.loss, line.bound, line.margin) == ("+2.0%", "+3.5%", "5%")
    assert (line.verdict, line.tone) == ("non-inferior", "good")
    assert line.drawn == Interval(0.4, 0.1, 0.7, mark=1.0)


def test_a_margin_in_the_metrics_units(hand: Plain) -> None:
    (line,) = guardrails.guardrails(guarded(hand, untested("neural", "minutes")))
    assert (line.loss, line.bound) == ("\N{EN DASH}",) * 2
    assert line.margin == "0.5\N{NO-BREAK SPACE}min"
    assert (line.verdict, line.tone) == ("not tested", "warn")
    assert line.note == "no variance: nobody had a <timeout>"


def test_a_margin_of_nothing_can_be_drawn(hand: Plain) -> None:
    (line,) = guardrails.guardrails(guarded(hand, guardrail("neural", "time", -3.0, 1.0, 0.0)))
    assert line.drawn == Interval(-0.75, -1.0, -0.5, mark=0.0)


def test_the_rule_names_margins(hand: Plain) -> None:
    rails = [guardrail("neural", "skip_rate", 0, 1), untested("neural", "minutes")]
    assert rule(guarded(hand, *rails)).endswith(
        "none is significantly worse, every guardrail is non-inferior at one-sided α = 0.05 (skip "
        "rate worse by less than 5%, minutes worse by less than 0.5\N{NO-BREAK SPACE}min), no "
        "check has failed and each arm has 100 users or more"
    )


def test_the_rule_names_what_a_scenario_declares(hand: Plain) -> None:
    hand["scenario"]["metrics"]["guardrails"] = [
        "retained",
        {"metric": "sessions", "margin": 2.5, "absolute": None},
        {"metric": "timeouts", "margin": None, "absolute": 0.25},
    ]
    assert guardrails.declared(Result.from_dict(hand)) == (
        "retained",
        "sessions worse by less than 2.5%",
        "timeouts worse by less than 0.25\N{NO-BREAK SPACE}requests",
    )


def test_the_sentence_tells_who_keeps_them_the_bad_ones_first(hand: Plain) -> None:
    rails = [
        guardrail("neural", "retained", 0.0, 1.0),
        guardrail("neural", "skip_rate", 9.0, 1.0),
        guardrail("neural", "sessions", 4.5, 1.0),
        guardrail("neural", "minutes", 0.0, 1.0),
        untested("neural", "timeouts"),
    ]
    (told,) = sentences(guarded(hand, *rails))
    assert told.endswith(
        "; guardrails: skip rate inferior; sessions undecided; timeouts not tested; "
        "retained, minutes non-inferior."
    )


def test_the_terminal_tells_them_too(hand: Plain) -> None:
    told = headline(guarded(hand, guardrail("neural", "skip_rate", 0.0, 1.0)))
    assert "; guardrails: skip rate non-inferior (rule: ship when" in told
    assert "no guardrails are declared" not in told


def test_many_that_hold_are_folded_away(huge: Result) -> None:
    lines = guardrails.guardrails(huge)
    shown, folded = guardrails.arranged(lines)
    assert len(lines) == 27
    assert [line.tone for line in folded] == ["good"] * len(folded)
    assert sorted(shown + folded, key=lines.index) == list(lines)
    assert f"<summary>{len(folded)} guardrail comparisons are non-inferior" in render_html(huge)
    assert guardrails.arranged(lines[:8]) == (lines[:8], ())


def test_without_guardrails_the_page_has_none(small: Result) -> None:
    page = render_html(small)
    assert 'aria-label="Guardrails"' not in page
    assert "no guardrails are declared" in page
