"""Whatever is done to a scenario, it loads and comes back, or one line says what is wrong."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from abbotify.errors import ScenarioError
from abbotify.files import yaml
from abbotify.scenario import Scenario, dump
from abbotify.scenario.load import from_source


def places(data: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    here = [path] if path else []
    if isinstance(data, dict):
        return here + [p for key in data for p in places(data[key], (*path, key))]
    if isinstance(data, list):
        return here + [p for i, item in enumerate(data) for p in places(item, (*path, i))]
    return here


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.sampled_from(
        [0, -1, 2**63, 2**64, 10**400, 0.0, -0.5, 1.5, 1e308, 1e-320, "", "a", "random"]
    )
    | st.sampled_from(
        ["x.py:C", "synthetic", "auto", "\0", "\x1b[1m\n", "é" * 200, "name", "plugin"]
    )
    | st.text("ab:. \n\0\u00e9", max_size=5),
    lambda item: (
        st.lists(item, max_size=3)
        | st.dictionaries(
            st.sampled_from(["recommender", "source", "phase", "distribution", "x"]),
            item,
            max_size=3,
        )
    ),
    max_leaves=5,
)


def mutate(data: Any, draw: Any) -> None:
    path = draw(st.sampled_from(places(data)))
    holder = data
    for part in path[:-1]:
        holder = holder[part]
    last = path[-1]
    action = draw(st.sampled_from(["delete", "replace", "add", "rename"]))
    if action == "delete":
        del holder[last]
    elif action == "replace" or isinstance(holder, list):
        holder[last] = draw(JUNK)
    elif action == "add":
        holder[draw(st.sampled_from(["x", "wieght", "", "fallback", "service"]))] = draw(JUNK)
    else:
        holder[str(last) + "s"] = holder.pop(last)


FULL: dict[str, Any] = {
    "name": "full",
    "seeds": {"world": 1, "dynamics": 2},
    "world": {
        "catalogue": {"source": "planted", "groups": {"x": 0.3, "y": 0.5}},
        "users": {"source": "synthetic", "bias": {"uniform": [0, 1]}, "interests": 3},
    },
    "arrivals": {"visits_per_day": 1.2, "profile": "flat"},
    "listener": {"session_budget": 5, "skip_below": 0.3},
    "timeline": [
        {"phase": "collect", "days": 3, "traffic": {"a": 0.5, "b": 0.5}},
        {"phase": "experiment", "days": 7},
    ],
    "arms": {
        "a": {
            "recommender": "random",
            "latency_ms": {"distribution": "uniform", "low": 1, "high": 9},
        },
        "b": {"recommender": "top_pop", "fallback": {"recommender": "i2i", "file": "f"}},
        "c": {"recommender": "x.py:C", "size": 3, "plugin": None, "service": {"replicas": 2}},
    },
    "experiments": [
        {"name": "A", "control": "a", "traffic": [0.1, 0.5]},
        {"name": "B", "control": "b", "arms": ["b", "c"], "alpha": 0.1},
    ],
    "metrics": {"success": ["time"], "report": "all"},
    "shards": 4,
}


def loaded(data: Any) -> Scenario:
    return from_source(yaml.Source("f.yaml", data, {(): 1}), Path())


@settings(max_examples=300)
@given(st.data())
def test_no_mutation_of_a_scenario_is_anything_but_one_line(data: st.DataObject) -> None:
    mutated = copy.deepcopy(FULL)
    for _ in range(data.draw(st.integers(1, 3))):
        mutate(mutated, data.draw)
        if not places(mutated):
            break
    line = ""
    try:
        scenario = loaded(mutated)
    except ScenarioError as error:
        line = str(error)
    if line:
        assert line.startswith("f.yaml")
        assert line.isprintable()
        assert len(line) < 1000
    else:
        again = loaded(yaml.parse(dump(scenario), "f").data)
        assert again.model_dump() == scenario.model_dump()
