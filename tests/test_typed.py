"""Plain data into types: what is accepted, and the one line of every mistake."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

from abbotify.errors import DataError, ScenarioError
from abbotify.typed import Mistake, key_path, nearest, one_line, read, shown, to_plain, validated


@dataclass(frozen=True)
class Inner:
    rate: float
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outer:
    count: int
    inner: Inner
    parts: tuple[Inner, ...] = ()
    seed: int | str | None = None
    status: Literal["on", "off"] = "on"
    free: dict[str, Any] | None = None
    flag: bool = False


def plain(**changes: Any) -> dict[str, Any]:
    return {"count": 3, "inner": {"rate": 0.5}} | changes


def test_there_and_back() -> None:
    data = plain(parts=[{"rate": 1, "names": ["a"]}], seed="x", free={"a": [1, {"b": None}]})
    value = read(data, Outer)
    assert value == Outer(3, Inner(0.5), (Inner(1.0, ("a",)),), "x", free=data["free"])
    assert isinstance(value.parts[0].rate, float)
    assert read(to_plain(value), Outer) == value
    assert list(to_plain(value)) == [
        *("count", "inner", "parts", "seed", "status", "free", "flag"),
    ]


@pytest.mark.parametrize(
    ("change", "key", "what"),
    [
        ({"count": 1.0}, "count", "must be a whole number, got 1.0"),
        ({"count": True}, "count", "must be a whole number, got true"),
        ({"count": None}, "count", "must be a whole number, got null"),
        ({"flag": 1}, "flag", "must be true or false, got 1"),
        ({"inner": []}, "inner", "must be a mapping of keys to values, got []"),
        ({"inner": {}}, "inner.rate", "the key is missing"),
        ({"inner": {"rate": "x"}}, "inner.rate", "must be a number, got 'x'"),
        ({"inner": {"rate": 10**400}}, "inner.rate", "must be a"),
        ({"inner": {"rate": 1, "more": 2}}, "inner.more", "unknown key"),
        ({"parts": [{"rate": 1}, {"rate": None}]}, "parts[1].rate", "must be a number, got null"),
        ({"parts": {"rate": 1}}, "parts", "must be a list, got {'rate': 1}"),
        ({"parts": [{"rate": 1, "names": "ab"}]}, "parts[0].names", "must be a list, got 'ab'"),
        ({"seed": [1]}, "seed", "must be a whole number or text, got [1]"),
        ({"status": "of"}, "status", "must be 'on' or 'off', got 'of'; did you mean off?"),
        ({"free": {"a": {1}}}, "free.a", "must be plain data, got {1}"),
        ({"free": {"a": [math.nan]}}, "free.a[0]", "must be a finite number, got nan"),
        ({"inner": {"rate": math.inf}}, "inner.rate", "must be a finite number, got inf"),
    ],
)
def test_a_mistake_names_key_value_and_rule(change: dict[str, Any], key: str, what: str) -> None:
    with pytest.raises(DataError) as caught:
        read(plain(**change), Outer)
    assert caught.value.key == key
    assert caught.value.what.startswith(what)
    assert "\n" not in str(caught.value)


def test_the_error_has_its_class_and_place() -> None:
    with pytest.raises(ScenarioError) as caught:
        read(
            {"rate": "x"}, Inner, file=Path("f.yaml"), line=7, key="arms.mine", error=ScenarioError
        )
    error = "f.yaml:7: arms.mine.rate: must be a number, got 'x'"
    assert str(caught.value) == error
    with pytest.raises(Mistake) as mistake:
        validated({"count": 1, "inner": {"rate": "x"}}, Outer)
    assert mistake.value.path == ("inner", "rate")


def test_half_a_surrogate_pair_is_replaced() -> None:
    assert read({"rate": 1, "names": ["\ud800"]}, Inner).names == ("?",)


def test_words_of_messages() -> None:
    assert key_path(("arms", 0, "weight")) == "arms[0].weight"
    assert key_path((1,), "arms") == "arms[1]"
    assert nearest("sesions", ["sessions", "users"]) == "; did you mean sessions?"
    assert nearest("xyz", ["a", "b"]) == "; known are a, b"
    assert nearest("xyz", [str(number) for number in range(30)]) == ""
    assert len(one_line("x" * 100)) == 60
    assert [shown(value) for value in (None, True, "a")] == ["null", "true", "'a'"]
