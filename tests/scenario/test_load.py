"""Defaults, overrides, paths; and what is dumped loads as the same scenario."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from abbotify.errors import ScenarioError
from abbotify.files import yaml
from abbotify.scenario import Scenario, dump, load, plain, resolve, schema
from abbotify.scenario.load import root_of

Loader = Callable[..., Scenario]

MINIMAL = """\
arrivals: {visits_per_day: 1}
arms: {a: {recommender: random}, b: {recommender: top_pop}}
experiment: {control: a}
"""
# The model's example of a whole file, but for the arms and phases of recommenders that train.
TYPICAL = """\
name: neural-vs-sticky
seeds: {world: 1, dynamics: 31337}
world:
  catalogue: {source: synthetic, tracks: 50000, artists: 8000, genres: 30, dims: 64}
  users: {source: synthetic, count: 10000, interests: 3}
arrivals: {sessions: 10000, profile: evening}
listener: {session_budget: 5, artist_discount_gamma: 0.8, max_tracks: 1000, skip_below: 0.3}
timeline:
  - {phase: collect, days: 3, traffic: {random: 0.5, sticky: 0.5}}
  - {phase: experiment, days: 7, retrain: never}
arms:
  sticky: {recommender: sticky_artist, fallback: random}
  popular: {recommender: top_pop, latency_ms: 40}
  random: {recommender: random, weight: 0}
experiment: {name: NEURAL, control: sticky, traffic: 1.0, alpha: 0.05}
metrics: {success: [mean_time_per_session], guardrails: [], report: all}
log: {level: events, botify: false}
shards: auto
"""
PLUGIN = """\
name: "1e3"
arrivals: {sessions: 1e-3}
arms:
  "no": {recommender: random, latency_ms: {distribution: lognormal, median: 5, sigma: 0.5}}
  own:
    recommender: recommenders/x.py:Own
    depth: {a: null, b: [1, 2.5, "0o17", "12:30", yes]}
    nothing: null
    fallback: {recommender: "x:Y", rate: 1e-5, other: null, fallback: top_pop}
    service: {replicas: 2, timeout_ms: 50}
experiments:
  - {name: "0x1F", control: own, traffic: [0.1, 0.5, 1]}
  - {name: B, control: "no", arms: [own, "no"]}
world:
  catalogue: {source: planted, groups: {"null": 0.25, "~": 0.5}}
  users: {bias: 0, sharpness: {uniform_or_inverse: [1, 2]}, interests: {one_and_binomial: [9, 0.2]}}
"""


def test_defaults_are_the_models(load_text: Loader) -> None:
    data = plain(load_text(MINIMAL))
    typical = plain(load_text(TYPICAL))
    assert data["name"] == "s"
    for key in ("seeds", "listener", "metrics", "log", "shards"):
        assert data[key] == typical[key]
    assert data["world"] == typical["world"]
    assert data["arrivals"]["profile"] == "evening"
    assert data["timeline"] == [
        {"phase": "experiment", "days": 7, "retrain": "never", "training": "pooled"}
    ]
    assert data["arms"]["a"]["weight"] == 1
    assert data["arms"]["a"]["latency_ms"] == 0
    assert {**data["experiment"], "control": "sticky", "name": "NEURAL"} == typical["experiment"]


@pytest.mark.parametrize("text", [MINIMAL, TYPICAL, PLUGIN])
def test_the_resolved_scenario_loads_as_the_same(load_text: Loader, text: str) -> None:
    scenario = load_text(text)
    again = load_text(dump(scenario))
    assert again.model_dump() == scenario.model_dump()
    assert plain(again) == plain(scenario)
    assert dump(again) == dump(scenario)


def test_a_plug_in_keeps_its_keys_nulls_too(load_text: Loader) -> None:
    arm = plain(load_text(PLUGIN))["arms"]["own"]
    assert arm["nothing"] is None
    assert arm["depth"] == {"a": None, "b": [1, 2.5, "0o17", "12:30", "yes"]}
    assert arm["fallback"]["rate"] == 1e-5
    assert arm["fallback"]["other"] is None


def test_the_schema_knows_every_key_of_the_example() -> None:
    described = schema()
    assert described["$schema"].startswith("https://json-schema.org/")
    assert "name" not in described["required"]
    known = {
        name
        for part in (described, *described["$defs"].values())
        for name in part.get("properties", ())
    }

    def keys(data: Any) -> set[str]:
        if isinstance(data, list):
            return {key for item in data for key in keys(item)}
        if not isinstance(data, dict):
            return set()
        return set(data) | {key for value in data.values() for key in keys(value)}

    arms = {"sticky", "popular", "random"}
    assert keys(yaml.parse(TYPICAL, "f").data) - arms <= known
    closed = [part for part in described["$defs"].values() if part.get("type") == "object"]
    assert sum(part.get("additionalProperties") is not False for part in closed) <= 2  # plug-ins


def test_overrides(load_text: Loader) -> None:
    scenario = load_text(
        TYPICAL,
        "arms.popular.size=7",
        "timeline.1.days=2",
        "timeline.0.traffic={random: 1}",
        "experiment.alpha=1e-2",
        "arms.new={recommender: random, weight: 2}",
        "service.replicas = 3",
        "name= a=b ",
        seed=2**64 - 1,
    )
    data = plain(scenario)
    assert data["arms"]["popular"]["size"] == 7
    assert [phase["days"] for phase in data["timeline"]] == [3, 2]
    assert data["timeline"][0]["traffic"] == {"random": 1}
    assert data["experiment"]["alpha"] == 0.01
    assert list(data["arms"]) == ["sticky", "popular", "random", "new"]
    assert data["service"]["replicas"] == 3
    assert data["name"] == "a=b"
    assert data["seeds"] == {"world": 1, "dynamics": 2**64 - 1}


@pytest.mark.parametrize(
    ("text", "expected"),
    [("on", True), ("off", False), ("true", True), ("false", False), ("'on'", True)],
)
def test_truth_is_switched_by_words_and_by_truth_values(
    load_text: Loader, text: str, expected: bool
) -> None:
    scenario = load_text(TYPICAL, f"truth={text}")
    assert scenario.truth is expected
    assert plain(load_text(dump(scenario))) == plain(scenario)
    assert plain(scenario)["truth"] is expected


def test_the_seed_wins_over_an_override(load_text: Loader) -> None:
    assert load_text(MINIMAL, "seeds.dynamics=4", seed=5).seeds.dynamics == 5


def test_a_scenario_can_be_made_of_overrides_alone(load_text: Loader) -> None:
    parts = ("arrivals.sessions=9", "arms={a: {recommender: random}, b: {recommender: random}}")
    assert load_text("", *parts, "experiment.control=b").arrivals.sessions == 9


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("", "--set : must read key.path=value, such as seeds.world=2"),
        ("seeds", "--set seeds: must read key.path=value"),
        ("=3", "--set =3: must read key.path=value"),
        ("a..b=3", "--set a..b=3: must read key.path=value"),
        ("shards=[1", "--set shards=[1: not valid YAML"),
        ("shards=.nan", "--set shards=.nan: must be a finite number, got .nan"),
        ("timeline.2.days=1", "timeline.2: must be an index 0 .. 1, got '2'"),
        ("timeline.-1.days=1", "timeline.-1: must be an index 0 .. 1, got '-1'"),
        ("timeline.².days=1", "timeline.²: must be an index 0 .. 1, got '²'"),
        ("metrics.guardrails.0=time", "metrics.guardrails: is an empty list"),
        ("name.x=3", "name: is 'neural-vs-sticky', which has no keys"),
        ("shards=x", "s.yaml (--set): shards: must be 'auto' or a whole number, got 'x'"),
        ("arms.sticky.wieght=3", "s.yaml (--set): arms.sticky.wieght: unknown key; did you mean"),
        ("arms={a: {recommender: x}}", "s.yaml (--set): arms.a.recommender: must be a known"),
        ("service.replicas.x=1", "s.yaml (--set): service.replicas: must be a whole number, got"),
        ("shards=\ud800", "--set shards=\\ud800: not valid YAML"),
    ],
)
def test_mistaken_overrides(load_text: Loader, override: str, expected: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        load_text(TYPICAL, override)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_bad_seed_is_refused(load_text: Loader) -> None:
    for seed in (-1, 2**64):
        with pytest.raises(ScenarioError, match=r"seeds\.dynamics: must be"):
            load_text(MINIMAL, seed=seed)


def test_the_root_is_the_nearest_parent_that_holds_scenarios(tmp_path: Path) -> None:
    deep = tmp_path / "one" / "scenarios" / "two"
    deep.mkdir(parents=True)
    assert root_of(deep / "s.yaml") == tmp_path / "one"
    (tmp_path / "scenarios").mkdir()
    assert root_of(tmp_path / "one" / "s.yaml") == tmp_path / "one"
    assert root_of(tmp_path / "other" / "s.yaml") == tmp_path
    (deep / "scenarios").mkdir()
    assert root_of(deep / "s.yaml") == deep


def test_paths_of_the_file(
    load_text: Loader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario = load_text(MINIMAL)
    (tmp_path / "data").mkdir()
    assert resolve(scenario, "data", ("arms",)) == tmp_path / "data"
    assert resolve(scenario, str(tmp_path / "data"), ("arms",)) == tmp_path / "data"
    monkeypatch.setenv("SCENARIO_TEST_DIR", str(tmp_path))
    assert resolve(scenario, "${SCENARIO_TEST_DIR}/data", ("arms",)) == tmp_path / "data"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert resolve(scenario, "~/data", ("arms",)) == tmp_path / "data"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("none", "none: no such file or folder"),
        ("${SCENARIO_TEST_UNSET}/x", "the environment variable SCENARIO_TEST_UNSET is not set"),
        ("x" * 4000, "File name too long"),
        ("a\0b", "no such file or folder|embedded null byte"),
        ("~no-such-user-at-all/x", "home directory"),
    ],
)
def test_paths_that_lead_nowhere(load_text: Loader, text: str, what: str) -> None:
    with pytest.raises(ScenarioError, match=f"s.yaml:2: arms.a: .*({what})"):
        resolve(load_text(MINIMAL), text, ("arms", "a"))


def test_a_path_of_a_file_can_be_text(tmp_path: Path) -> None:
    path = tmp_path / "named.yaml"
    path.write_text(MINIMAL)
    assert load(str(path)).name == "named"
    assert load(str(path)).source.file == str(path)
