"""What is decided, and by which guardrails."""

from __future__ import annotations

from dataclasses import replace

import pytest

from abbotify.report import Document, Verdict, decisions
from abbotify.report.findings import GuardrailRow
from abbotify.stats.guardrails import INFERIOR, NON_INFERIOR, UNDECIDED


def rail(verdict: str | None, metric: str = "skip_rate") -> GuardrailRow:
    return GuardrailRow("neural", metric, 5.0, "percent", 1.0, -1.0, 3.0, 0.01, verdict)


@pytest.mark.parametrize(
    ("verdicts", "verdict"),
    [
        ((), Verdict.SHIP),
        ((NON_INFERIOR, NON_INFERIOR), Verdict.SHIP),
        ((NON_INFERIOR, UNDECIDED), Verdict.UNDECIDED),
        ((NON_INFERIOR, None), Verdict.UNDECIDED),
        ((INFERIOR, NON_INFERIOR), Verdict.HOLD),
    ],
)
def test_guardrails_have_to_hold(
    small: Document, verdicts: tuple[str | None, ...], verdict: Verdict
) -> None:
    rails = tuple(
        rail(each, name) for each, name in zip(verdicts, ("skip_rate", "tracks"), strict=False)
    )
    (decision,) = decisions(replace(small, guardrails=rails))
    assert decision.verdict is verdict


def test_a_failed_check_comes_before_guardrails(small: Document) -> None:
    failed = tuple(replace(check, status="fail") for check in small.checks)
    (decision,) = decisions(replace(small, guardrails=(rail(INFERIOR),), checks=failed))
    assert decision.verdict is Verdict.BLOCKED


def test_guardrails_alone_do_not_ship(small: Document) -> None:
    unsure = tuple(replace(row, significant=False, p_adjusted=0.5) for row in small.effects)
    (decision,) = decisions(replace(small, guardrails=(rail(NON_INFERIOR),), effects=unsure))
    assert decision.verdict is Verdict.UNDECIDED
