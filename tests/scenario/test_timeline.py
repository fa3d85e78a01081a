"""The phases of a timeline."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from abbotify.scenario.timeline import Collect, ExperimentDays, Phase, Train


@pytest.mark.parametrize(
    ("traffic", "message"),
    [
        ({}, "at least 1 item"),
        ({"a": 1.5, "b": -0.5}, "greater than or equal to 0"),
        ({"a": 0.5, "b": 0.4}, "the shares must sum to 1, got 0.9"),
        ({"a": 0.5, "b": 0.5 + 2e-9}, "the shares must sum to 1, got 1.000000002"),
    ],
)
def test_shares_that_are_no_split(traffic: dict[str, float], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Collect(phase="collect", days=1, traffic=traffic)


def test_shares_sum_to_one_but_for_rounding() -> None:
    shares = dict.fromkeys(map(str, range(10)), 0.1)
    assert Collect(phase="collect", days=1, traffic=shares).traffic == shares


def test_a_training_takes_no_days() -> None:
    assert Train(phase="train").days == 0
    with pytest.raises(ValidationError, match="unknown key"):
        Train.model_validate({"phase": "train", "days": 1})


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({}, None),
        ({"training": "own"}, None),
        ({"retrain": "daily"}, "pooled"),
        ({"retrain": "daily", "training": "own"}, "own"),
        ({"retrain": "daily", "training": "frozen"}, None),
    ],
)
def test_what_models_are_trained_on_again(keys: dict[str, Any], expected: str | None) -> None:
    days = ExperimentDays.model_validate({"phase": "experiment", "days": 3, **keys})
    assert days.retraining == expected


def test_a_phase_is_known_by_its_name() -> None:
    phases = [{"phase": "pre", "days": 1, "recommender": "a"}, {"phase": "train"}]
    read = TypeAdapter(list[Phase]).validate_python(phases)
    assert [type(phase).__name__ for phase in read] == ["Pre", "Train"]
