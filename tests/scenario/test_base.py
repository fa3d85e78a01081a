"""The types of values that every part of a scenario shares."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from abbotify.scenario.base import (
    Drawn,
    Latency,
    Lognormal,
    Model,
    Name,
    Switch,
    Tuple,
    Uniform,
    at_key,
)


class Part(Model):
    """A part of a scenario."""

    days: int = 1
    values: Tuple[int] = ()
    switch: Switch = False


def refusal(kind: Any, value: Any) -> Any:
    """The one mistake in a value."""
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(kind).validate_python(value)
    (mistake,) = caught.value.errors()
    return mistake


def test_lists_are_read_as_tuples_of_strict_items() -> None:
    assert Part.model_validate({"values": [1, 2]}).values == (1, 2)
    for value in ({"values": [1.0]}, {"values": ["1"]}, {"days": 1.0}, {"days": True}):
        with pytest.raises(ValidationError):
            Part.model_validate(value)


def test_an_unknown_key_names_the_nearest() -> None:
    mistake = refusal(Part, {"dayz": 3})
    assert (mistake["msg"], mistake["ctx"]["key"]) == (
        "unknown key; did you mean days?",
        ("dayz",),
    )


def test_parts_are_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        setattr(Part(), "days", 2)  # noqa: B010


@pytest.mark.parametrize(
    ("value", "expected"), [("on", True), ("off", False), (True, True), (False, False)]
)
def test_a_switch_is_a_word_or_a_truth_value(value: object, expected: bool) -> None:
    assert Part.model_validate({"switch": value}).switch is expected


@pytest.mark.parametrize("value", ["ON", "yes", "", "true"])
def test_other_words_switch_nothing(value: str) -> None:
    assert refusal(Switch, value)["msg"].endswith(f"must be on or off, got {value!r}")


@pytest.mark.parametrize("name", ["a", "é" * 100, "a b.c", "夜"])
def test_names(name: str) -> None:
    assert TypeAdapter(Name).validate_python(name) == name


@pytest.mark.parametrize("name", ["", "a" * 101, "a/b", "a\\b", "a\n", "\x7f", "\u202e", "\u200f"])
def test_names_that_are_none(name: str) -> None:
    assert refusal(Name, name)["type"].startswith("string_")


def test_a_latency_is_a_number_or_drawn() -> None:
    adapter = TypeAdapter(Latency)
    assert adapter.validate_python(40) == 40
    drawn = {"distribution": "lognormal", "median": 5.0, "sigma": 0.0}
    assert adapter.validate_python(drawn) == Lognormal(
        distribution="lognormal", median=5.0, sigma=0.0
    )
    equal = Uniform(distribution="uniform", low=5, high=5)
    assert adapter.validate_python(equal.model_dump()) == equal


@pytest.mark.parametrize(
    "drawn",
    [
        {"distribution": "uniform", "low": 6, "high": 5},
        {"distribution": "exponential", "mean": 0.0},
        {"distribution": "exponential", "mean": float("nan")},
        {"distribution": "lognormal", "median": 1.0, "sigma": 5.1},
        {"distribution": "normal", "mean": 1.0},
    ],
)
def test_latencies_that_cannot_be_drawn(drawn: dict[str, Any]) -> None:
    assert refusal(Drawn, drawn)["input"] is not None


def test_an_error_may_be_about_a_key_below() -> None:
    error = at_key(("arms", 2), "is {not} a format")
    assert error.message() == "is {not} a format"
    assert (error.context or {})["key"] == ("arms", 2)
