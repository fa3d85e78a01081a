"""What a scenario says of its layers, its arms and its days."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pydantic import ValidationError

from abbotify.scenario import Scenario
from abbotify.scenario.scenario import Arrivals, Experiment, Log

Loader = Callable[..., Scenario]

THREE = "arms.c={recommender: top_pop, weight: 0}"
LAYERS = "experiments=[{name: A, control: b, arms: [c, b]}, {name: B, control: a}]"


def test_the_control_comes_first_then_file_order(load_text: Loader, valid: str) -> None:
    for control, weight, expected in (("a", 0, "ab"), ("b", 0, "ba"), ("b", 0.5, "bac")):
        changes = f"experiment.control={control}", THREE, f"arms.c.weight={weight}"
        scenario = load_text(valid, *changes)
        assert scenario.arms_of(scenario.layers[0]) == tuple(expected)


def test_layers_are_the_experiments_in_file_order(load_text: Loader, valid: str) -> None:
    alone = load_text(valid)
    assert [layer.name for layer in alone.layers] == ["AB"]
    assert alone.place(0) == ("experiment",)
    text = valid.replace("experiment: {name: AB, control: a}\n", "")
    scenario = load_text(text, THREE.replace("weight: 0", "weight: 1"), LAYERS)
    assert [layer.name for layer in scenario.layers] == ["A", "B"]
    assert [scenario.arms_of(layer) for layer in scenario.layers] == [("b", "c"), ("a", "b", "c")]
    assert scenario.place(1) == ("experiments", 1)


def test_training_takes_no_days(load_text: Loader, valid: str) -> None:
    train = "  - {phase: experiment, days: 7}"
    scenario = load_text(valid.replace(train, f"  - {{phase: train}}\n{train}"))
    assert (scenario.days, scenario.experiment_days) == (1 + 2 + 7, 7)


def test_an_error_has_the_line_of_its_key(load_text: Loader, valid: str) -> None:
    error = load_text(valid).error("is wrong", ("arms", "b", "fallback"))
    assert (error.line, error.key, error.what) == (12, "arms.b.fallback", "is wrong")


def test_visits_are_those_of_everybody_or_of_each() -> None:
    assert Arrivals(sessions=30).per_user(60) == 0.5
    assert Arrivals(visits_per_day=2.5).per_user(60) == 2.5
    for both in ({}, {"sessions": 1.0, "visits_per_day": 1.0}):
        with pytest.raises(ValidationError, match="exactly one of sessions and visits_per_day"):
            Arrivals.model_validate(both)


@pytest.mark.parametrize("traffic", [0.0, (0.1, 0.1, 1.0), (0.5,)])
def test_a_ramp_may_stand_still(traffic: float | tuple[float, ...]) -> None:
    assert Experiment(control="a", traffic=traffic).traffic == traffic


def test_a_ramp_never_falls() -> None:
    with pytest.raises(ValidationError, match="a ramp must not fall, nobody leaves"):
        Experiment(control="a", traffic=(0.5, 1.0, 0.9))


def test_lines_of_botify_need_events() -> None:
    assert Log(botify=True).level == "events"
    with pytest.raises(ValidationError, match="botify: true needs level: events"):
        Log(botify=True, level="sessions")
