"""Guardrails in rows and in words."""

from __future__ import annotations

from typing import Any

from abbotify.report.pages import render_html
from abbotify.report.result import Result
from abbotify.report.tables import guardrails
from abbotify.report.text.headline import headline, rule, sentences
from tests.report.found import guardrail, untested

Plain = dict[str, Any]


def guarded(hand: Plain, *rails: Plain) -> Result:
    hand["guardrails"] = list(rails)
    return Result.from_dict(hand)


def row(result: Result) -> list[str]:
    shown, held = guardrails.guardrails(result)
    assert shown is not None
    assert held is None
    (texts,) = shown.texts()[1]
    return texts


def test_a_guardrail(hand: Plain) -> None:
    built = guarded(hand, guardrail("neural", "skip_rate", 2.0, 1.5))
    first, verdict, loss, bound, _ = row(built)
    assert (first, verdict) == ("Skip rate (margin 5%)", "non-inferior")
    assert (loss, bound) == ("+2.0%", "+3.5%")


def test_a_margin_in_the_metrics_units(hand: Plain) -> None:
    first, verdict, loss, bound, _ = row(guarded(hand, untested("neural", "minutes")))
    assert first == "Minutes (margin 0.5 min; no variance: nobody had a <timeout>)"
    assert (verdict, loss, bound) == ("not tested", "\N{EN DASH}", "\N{EN DASH}")


def test_a_margin_of_nothing_can_be_drawn(hand: Plain) -> None:
    shown, _ = guardrails.guardrails(guarded(hand, guardrail("neural", "time", -3.0, 1.0, 0.0)))
    assert shown is not None
    drawn = shown.rows[0].cells[2].svg
    assert 'class="margin"' in drawn
    assert 'class="dot"' in drawn


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
    shown, held = guardrails.guardrails(huge)
    assert shown is None
    assert held is not None
    assert len(held.rows) == 27
    assert {row[2] for row in held.texts()[1]} == {"non-inferior"}
    assert "<summary>Guardrails that are non-inferior" in render_html(huge)


def test_without_guardrails_the_page_has_none(small: Result) -> None:
    page = render_html(small)
    assert 'aria-label="Guardrails"' not in page
    assert "no guardrails are declared" in page
