"""Each mistake is told in one line with file, line, key and rule."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from abbotify.errors import ScenarioError
from abbotify.scenario import load

WHOLE = "must be a whole number"
MAPPING = "must be a mapping of keys to values"
ARM = "a: {recommender: random}"
WORLD = "{source: synthetic, tracks: 100, artists: 20, genres: 3, dims: 8}"
USERS = "{source: synthetic, count: 50}"
DAYS = "{phase: experiment, days: 7}"
EXPERIMENT = "experiment: {name: AB, control: a}"
FIXED = "random, sticky_artist, sticky_artist_mixed, top_pop, indexed, contextual, i2i"
NAMES = f"{FIXED}, als, bpr, item2item, lightgcn, neural, bandit"

# what is replaced, by what, the line, the key, the message
MISTAKES: list[tuple[str, str, int, str | None, str]] = [
    ("name: small", "name: 3", 1, "name", "must be text, got 3"),
    ("name: small", "name:", 1, "name", "must be text, got null"),
    ("name: small", "name: ''", 1, "name", "must have at least 1 character, got ''"),
    (
        "name: small",
        "name: a/b",
        1,
        "name",
        "must hold no slash and no control or direction-changing",
    ),
    ("name: small", "name: ..", 1, "name", "must not consist of dots and spaces"),
    ("name: small", "naem: x", 1, "naem", "unknown key; did you mean name?"),
    ("name: small", "weather: on", 1, "weather", "unknown key; known are name, seeds, world"),
    ("name: small", "truth: yes", 1, "truth", "must be on or off, got 'yes'"),
    ("name: small", "truth: ON", 1, "truth", "must be on or off, got 'ON'"),
    ("name: small", "truth: 1", 1, "truth", "must be true or false, got 1"),
    ("name: small", "truth: {total: on}", 1, "truth", "must be true or false, got {'total'"),
    ("name: small", "truth:", 1, "truth", "must be true or false, got null"),
    ("name: small", "seeds: 3", 1, "seeds", f"{MAPPING}, got 3"),
    ("name: small", "seeds: {world: -1}", 1, "seeds.world", "must be at least 0, got -1"),
    ("name: small", "seeds: {world: 1.0}", 1, "seeds.world", f"{WHOLE}, got 1.0"),
    ("name: small", "seeds: {dynamics: 0x1FFFFFFFFFFFFFFFF}", 1, "seeds.dynamics", "must be below"),
    ("name: small", "shards: none", 1, "shards", "must be 'auto' or a whole number, got 'none'"),
    ("name: small", "shards: 0", 1, "shards", "must be at least 1, got 0"),
    ("name: small", "log: {botify: yes}", 1, "log.botify", "must be true or false, got 'yes'"),
    ("name: small", "log: {botify: true, level: users}", 1, "log", "needs level: events"),
    ("name: small", "metrics: {success: []}", 1, "metrics.success", "at least 1 item, got []"),
    ("name: small", "metrics: {success: [tiem]}", 1, "metrics.success.0", "did you mean time?"),
    (
        "name: small",
        "metrics: {guardrails: [{metric: time, margin: 1, absolute: 1}]}",
        1,
        "metrics.guardrails.0",
        "needs one of margin and absolute, not both",
    ),
    (
        EXPERIMENT,
        "experiment: {name: AB, control: a, alpha: 0.6}\nmetrics: {guardrails: [skip_rate]}",
        13,
        "experiment.alpha",
        "must be below 0.5 for guardrails",
    ),
    ("name: small", "metrics: {report: [time, time]}", 1, "metrics.report", "names a metric twice"),
    ("name: small", "metrics: {report: some}", 1, "metrics.report", "must be 'all' or a list"),
    ("name: small", "service: {replicas: 0}", 1, "service.replicas", "must be at least 1, got 0"),
    (
        "name: small",
        "listener: {skip_below: 2}",
        1,
        "listener.skip_below",
        "must be at most 1, got 2",
    ),
    (
        WORLD,
        "{source: sintetic}",
        3,
        "world.catalogue.source",
        "got 'sintetic'; did you mean synth",
    ),
    (WORLD, "{source: [1]}", 3, "world.catalogue.source", "got [1]; known are synthetic, planted"),
    (WORLD, "{source: botify, tracks: x}", 3, "world.catalogue.embeddings", "the key is missing"),
    (WORLD, "{source: botify, artists: 3}", 3, "world.catalogue.artists", "unknown key; known are"),
    (
        WORLD,
        "{tracks: 5, artists: 6}",
        3,
        "world.catalogue",
        "artists (6) must not exceed tracks (5)",
    ),
    (WORLD, "{source: planted, groups: {x: 1}}", 3, "world.catalogue.groups.x", "below 1, got 1"),
    (WORLD, "7", 3, "world.catalogue", "must be"),
    (USERS, "{count: null}", 4, "world.users.count", f"{WHOLE}, got null"),
    (USERS, "{bias: {uniform: [1]}}", 4, "world.users.bias.uniform", "has too few items, got [1]"),
    (USERS, "{bias: {uniform: [1, 2, 3]}}", 4, "world.users.bias.uniform", "at most 2 items"),
    (USERS, "{bias: x}", 4, "world.users.bias", "must be a number or a mapping of keys to values"),
    (USERS, "{interests: 0}", 4, "world.users.interests", "must be at least 1, got 0"),
    ("arrivals: {sessions: 100}", "", 1, "arrivals", "the key is missing"),
    ("{sessions: 100}", "{}", 5, "arrivals", "needs exactly one of sessions and visits_per_day"),
    ("{sessions: 100}", "{sessions: true}", 5, "arrivals.sessions", "must be a number, got true"),
    ("{sessions: 100}", "{sessions: '100'}", 5, "arrivals.sessions", "a number, got '100'"),
    ("{sessions: 100}", "{sessions: 0}", 5, "arrivals.sessions", "must be above 0, got 0"),
    ("recommender: a}", "recommender: z}", 7, "timeline.0.recommender", "no arm is named 'z'"),
    ("{a: 0.5, b: 0.5}", "{a: 0.5, b: 0.4}", 8, "timeline.1.traffic", "must sum to 1, got 0.9"),
    ("{a: 0.5, b: 0.5}", "{a: 0.5, c: 0.5}", 8, "timeline.1.traffic.c", "no arm is named 'c'"),
    (DAYS, "{phase: experiment}", 9, "timeline.2.days", "the key is missing"),
    (DAYS, "{days: 3}", 9, "timeline.2.phase", "the key is missing"),
    (DAYS, "{phase: exp}", 9, "timeline.2.phase", "must be a known phase, got 'exp'; known are"),
    (DAYS, "experiment", 9, "timeline.2", f"{MAPPING}, got 'experiment'"),
    (DAYS, "{phase: pre, days: 1, recommender: a}", 6, "timeline", "needs a phase: experiment"),
    (DAYS, "{phase: experiment, days: 1.0}", 9, "timeline.2.days", f"{WHOLE}, got 1.0"),
    (
        ARM,
        "a: {}",
        11,
        "arms.a.recommender",
        f"the key is missing; known are {NAMES} or file.py:Cl",
    ),
    (ARM, "a:", 11, "arms.a", f"{MAPPING}, got null"),
    (ARM, "a: {recommender: randm}", 11, "arms.a.recommender", "got 'randm'; did you mean random?"),
    (ARM, "a: {recommender: plugin}", 11, "arms.a.recommender", f"'plugin'; known are {NAMES} or"),
    (ARM, "a: {recommender: 'x.py:1'}", 11, "arms.a.recommender", "must read file.py:Class or mod"),
    (ARM, "a: {recommender: indexed}", 11, "arms.a.file", "the key is missing"),
    (ARM, "a: {recommender: random, wieght: 1}", 11, "arms.a.wieght", "did you mean weight?"),
    (
        ARM,
        "a: {recommender: random, weight: -1}",
        11,
        "arms.a.weight",
        "must be at least 0, got -1",
    ),
    (ARM, "a: {recommender: random, latency_ms: x}", 11, "arms.a.latency_ms", f"{WHOLE} or a mapp"),
    (
        ARM,
        "a: {recommender: random, latency_ms: {distribution: gauss}}",
        11,
        "arms.a.latency_ms.distribution",
        "must be a known distribution, got 'gauss'; known are exponential, uniform, lognormal",
    ),
    (
        ARM,
        "a: {recommender: random, latency_ms: {distribution: uniform, low: 5, high: 2}}",
        11,
        "arms.a.latency_ms",
        "low (5) must not exceed high (2)",
    ),
    (ARM, "a: {recommender: random, fallback: foo}", 11, "arms.a.fallback", "must be 'random', "),
    (
        ARM,
        "a: {recommender: random, fallback: {recommender: name}}",
        11,
        "arms.a.fallback.recommender",
        f"must be a known recommender, got 'name'; known are {FIXED} or file.py:Class",
    ),
    (ARM, "a/b: {recommender: random}", 11, "arms.a/b", "must hold no slash and no control or"),
    (ARM, "a: {recommender: random, weight: 0}", 11, "arms.a.weight", "must be above 0 in AB"),
    (EXPERIMENT, "", 1, None, "needs exactly one of experiment and experiments"),
    (EXPERIMENT, "experiment: {}", 13, "experiment.control", "the key is missing"),
    (
        EXPERIMENT,
        "experiment: {control: c}",
        13,
        "experiment.control",
        "no arm is named 'c'; known",
    ),
    (EXPERIMENT, "experiment: {control: a, arms: [a]}", 13, "experiment.arms", "at least 2 items"),
    (EXPERIMENT, "experiment: {control: a, arms: [a, c]}", 13, "experiment.arms.1", "named 'c'"),
    (EXPERIMENT, "experiment: {control: a, arms: b}", 13, "experiment.arms", "must be a list"),
    (EXPERIMENT, "experiment: {control: a, traffic: 1.5}", 13, "experiment.traffic", "at most 1"),
    (
        EXPERIMENT,
        "experiment: {control: a, traffic: [1, 0.5]}",
        13,
        "experiment.traffic",
        "not fall",
    ),
    (EXPERIMENT, "experiment: {control: a, alpha: 0}", 13, "experiment.alpha", "above 0, got 0"),
    (EXPERIMENT, "experiments: []", 13, "experiments", "must have at least 1 item, got []"),
    (EXPERIMENT, "experiments: [{control: a}, {control: b}]", 13, "experiments", "the same name"),
    (
        EXPERIMENT,
        "experiments:\n  - {control: a}\n  - {name: Z, control: c}",
        15,
        "experiments.1.control",
        "no arm is named 'c'",
    ),
]


@pytest.mark.parametrize(("old", "new", "line", "key", "what"), MISTAKES)
def test_a_mistake_is_told_at_its_place(
    valid: str, tmp_path: Path, old: str, new: str, line: int, key: str | None, what: str
) -> None:
    assert valid.count(old) == 1
    path = tmp_path / "s.yaml"
    path.write_text(valid.replace(old, new))
    with pytest.raises(ScenarioError) as caught:
        load(path)
    error = caught.value
    assert (error.key, error.line, error.file) == (key, line, str(path))
    assert what in error.what
    place = f"{path}:{line}: " if key is None else f"{path}:{line}: {key}: "
    assert str(error) == place + error.what


@pytest.mark.parametrize(
    "character",
    [*"\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069", *"\u200e\u200f\u061c\u2028\x85"],
)
@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("name: small", "name: '{}'", "name"),
        (EXPERIMENT, "experiment: {{name: '{}', control: a}}", "experiment.name"),
        (ARM, "'{}': {{recommender: random}}", "arms.{}"),
    ],
)
def test_names_do_not_change_the_direction_of_text(
    valid: str, tmp_path: Path, old: str, new: str, key: str, character: str
) -> None:
    name = f"gro{character}txt"
    path = tmp_path / "s.yaml"
    # YAML's escapes: the characters themselves end a line or are refused by YAML.
    text = new.format(name).replace("'", '"').replace(character, f"\\u{ord(character):04x}")
    path.write_text(valid.replace(old, text))
    with pytest.raises(ScenarioError) as caught:
        load(path)
    assert caught.value.key == key.format(name)
    assert "direction-changing" in caught.value.what
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("arms", ["[]", "{}", "", "3", "[{recommender: random}]"])
def test_arms_that_are_none(valid: str, tmp_path: Path, arms: str) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(re.sub(r"(?s)arms:\n.*experiment:", f"arms: {arms}\nexperiment:", valid))
    rule = "must have at least 1 item, got {}" if arms == "{}" else f"{MAPPING}, got"
    with pytest.raises(ScenarioError, match=re.escape(f"s.yaml:10: arms: {rule}")):
        load(path)


def test_arms_named_like_numbers_or_paths_keep_their_line(valid: str, tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    for name in ("3", "a.b", "1.5"):
        text = valid.replace("  b: {", f"  '{name}': {{weight: 0, ").replace(
            "b: 0.5", f"'{name}': 0.5"
        )
        path.write_text(text.replace("control: a", f"control: '{name}'"))
        with pytest.raises(ScenarioError) as caught:
            load(path)
        assert (caught.value.line, caught.value.key) == (12, f"arms.{name}.weight")


@pytest.mark.parametrize("text", ["", "# nothing\n", "~"])
def test_an_empty_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(text)
    with pytest.raises(ScenarioError, match=r"s\.yaml: the file is empty"):
        load(path)


@pytest.mark.parametrize("text", ["[]", "3", "text", "- a: 1"])
def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(text)
    with pytest.raises(ScenarioError, match=r"s\.yaml:1: must be a mapping of keys to values"):
        load(path)
