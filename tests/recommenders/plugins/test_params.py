"""A plug-in's keys become its `Params`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from abbotify.errors import PluginError, ScenarioError
from abbotify.recommenders.plugins.params import built_params

KEY = ("arms", "it")


class Mine:
    @dataclass(frozen=True)
    class Params:
        size: int
        kind: Literal["a", "b"] = "a"
        files: tuple[Path, ...] = ()
        weights: dict[str, list[float]] = field(default_factory=dict)


class Bare: ...


def built(plugin: type, keys: str, scenario_of: Any) -> Any:
    scenario = scenario_of(f"it: {{recommender: mine.py:R{keys}}}")
    return built_params(scenario.arms["it"], plugin, scenario, KEY)


def test_keys_are_read_into_the_fields(scenario_of: Any, tmp_path: Path) -> None:
    (tmp_path / "a.txt").touch()
    keys = ", size: 3, kind: b, files: [a.txt], weights: {x: [1, 2.5]}"
    params = built(Mine, keys, scenario_of)
    assert params == Mine.Params(3, "b", (tmp_path / "a.txt",), {"x": [1, 2.5]})
    assert built(Bare, "", scenario_of) is None


@pytest.mark.parametrize(
    ("plugin", "keys", "what"),
    [
        (Mine, "", "the key is missing"),
        (Mine, ", size: 3, kinds: a", r"unknown key; did you mean kind\?"),
        (Mine, ", size: 3, kind: c", "must be 'a' or 'b', got 'c'"),
        (Mine, ", size: 3, files: [b.txt]", "no such file"),
        (Bare, ", size: 3", "unknown key: Bare takes no parameters"),
    ],
)
def test_a_key_that_does_not_fit_is_refused(
    plugin: type, keys: str, what: str, scenario_of: Any
) -> None:
    with pytest.raises(ScenarioError, match=what):
        built(plugin, keys, scenario_of)


def test_params_must_be_a_frozen_dataclass_of_plain_types(scenario_of: Any) -> None:
    class Loose:
        class Params: ...

    class Odd:
        @dataclass(frozen=True)
        class Params:
            names: frozenset[str]

    with pytest.raises(PluginError, match="Params must be a frozen dataclass"):
        built(Loose, "", scenario_of)
    with pytest.raises(PluginError, match=r"Params\.names: the type .* is not supported"):
        built(Odd, "", scenario_of)
