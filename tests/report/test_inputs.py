"""What decides on a log: what it cannot be, and how a scenario says it."""

from __future__ import annotations

import pytest

from abbotify.errors import UserError
from abbotify.metrics.definitions import SUCCESS
from abbotify.report.inputs import Question
from abbotify.stats.non_inferiority import METRIC, GuardrailSpec

COLUMNS = ("time", "sessions", SUCCESS)


def test_a_scenario_says_it_alike() -> None:
    rails = (GuardrailSpec("sessions", 2.0), GuardrailSpec("time", 0.5, METRIC))
    assert Question(rails=rails).plain() == {
        "success": [SUCCESS],
        "guardrails": [
            {"metric": "sessions", "margin": 2.0},
            {"metric": "time", "absolute": 0.5},
        ],
        "estimator": "auto",
    }


@pytest.mark.parametrize(
    ("question", "key", "what"),
    [
        (Question(("minutes",)), "--success", "minutes is not determined by this log; it has time"),
        (Question(rails=(GuardrailSpec("skip_rate", 1),)), "--guardrail", "not determined"),
        (Question(rails=(GuardrailSpec(SUCCESS, 1),)), "--guardrail", "may not be worse at all"),
        (Question(estimator="cuped"), "--estimator", "days before the experiment"),
    ],
)
def test_what_a_log_does_not_determine_is_refused(question: Question, key: str, what: str) -> None:
    with pytest.raises(UserError, match=what) as refused:
        question.refuse_undetermined(COLUMNS, earlier=False)
    assert refused.value.key == key


def test_what_it_determines_is_not() -> None:
    Question(("time",), (GuardrailSpec("sessions", 1),), "cuped").refuse_undetermined(COLUMNS, True)
