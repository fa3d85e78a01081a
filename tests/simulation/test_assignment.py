"""Assignment: botify's hash bit for bit, thresholds, ramps, layers."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import mmh3
import numpy as np
import pytest
from scipy import stats

from abbotify.errors import UserError
from abbotify.eventlog.schema import arm_label
from abbotify.files.yaml import Source
from abbotify.pipeline import run
from abbotify.report import read
from abbotify.scenario import Scenario, load
from abbotify.scenario.load import from_source
from abbotify.simulation.assignment import Layer, hashes, layers, require_users, served, split
from tests.conftest import hashed, small_scenario

IDS = np.arange(20_000)
FEW = np.array([0, 1, 2, 7, 10, 999, 2**31, 2**62])


@pytest.mark.parametrize("name", ["NEURAL", "AB", "STICKY_ARTIST", "Ä", "a b"])
@pytest.mark.parametrize("n", [2, 3, 10])
def test_equal_arms_are_the_originals_modulo(name: str, n: int) -> None:
    layer = Layer(name, tuple("abcdefghij"[:n]), (2.0,) * n)
    assert layer.assign(FEW).tolist() == [hashed(u, name) % n for u in FEW.tolist()]


def test_a_salt_whose_signed_hash_is_negative() -> None:
    assert mmh3.hash("NEURAL", signed=True) < 0 or mmh3.hash("AB", signed=True) < 0


def test_unequal_arms_are_thresholds() -> None:
    layer = Layer("NEURAL", ("a", "b", "c"), (1.0, 2.0, 5.0))
    expected = []
    for user in IDS[:2000].tolist():
        x = hashed(user, "NEURAL") / 2**32
        expected.append(0 if x < 1 / 8 else 1 if x < 3 / 8 else 2)
    assert layer.assign(IDS[:2000]).tolist() == expected


def test_a_part_of_no_weight_gets_nobody() -> None:
    codes = split(IDS, "AB:collect", [0.0, 0.1, 0.0, 0.9, 0.0])
    assert {*codes.tolist()} == {1, 3}
    assert codes.dtype == np.int16


@pytest.mark.parametrize("weights", [(1.0, 1.0), (1.0, 1.0, 1.0), (0.1, 0.2, 0.7), (5.0, 1.0)])
@pytest.mark.parametrize("salt", ["AB", "NEURAL:collect"])
def test_splits_have_the_shares_of_their_weights(weights: tuple[float, ...], salt: str) -> None:
    counts = np.bincount(split(IDS, salt, weights), minlength=len(weights))
    expected = np.array(weights) / sum(weights) * len(IDS)
    assert stats.chisquare(counts, expected).pvalue > 0.001


def test_traffic_has_a_salt_of_its_own() -> None:
    layer = Layer("AB", ("a", "b"), (1.0, 1.0), (0.3,))
    inside = layer.admitted(IDS, 0)
    assert inside.tolist() == [hashed(u, "AB:traffic") / 2**32 < 0.3 for u in IDS.tolist()]
    # Who is inside says nothing about the arm.
    table = np.histogram2d(inside, layer.assign(IDS), bins=2)[0]
    assert stats.chi2_contingency(table).pvalue > 0.001


def test_splits_of_different_salts_are_independent() -> None:
    table = np.histogram2d(split(IDS, "A", (1, 1, 1)), split(IDS, "B", (1, 1)), bins=(3, 2))[0]
    assert stats.chi2_contingency(table).pvalue > 0.001


def test_a_ramp_lets_users_in_and_moves_nobody() -> None:
    layer = Layer("AB", ("a", "b"), (1.0, 3.0), (0.0, 0.1, 0.5, 1.0))
    days = [layer.codes(IDS, day) for day in range(6)]
    assert (days[0] == -1).all()
    assert (days[3] == layer.assign(IDS)).all()
    assert (days[5] == days[3]).all()
    for before, after in pairwise(days):
        stayed = before != -1
        assert (before[stayed] == after[stayed]).all()
        assert (after != -1).sum() >= stayed.sum()


SCENARIO = """\
arrivals: {sessions: 10}
arms:
  z: {recommender: random, weight: 0}
  b: {recommender: random, weight: 3}
  c: {recommender: random}
  a: {recommender: random}
experiments:
  - {name: ONE, control: c, arms: [b, c], traffic: [0.1, 0.5]}
  - {name: TWO, control: c, arms: [a, c]}
"""


@pytest.fixture
def two(tmp_path: Path) -> tuple[Layer, ...]:
    path = tmp_path / "it.yaml"
    path.write_text(SCENARIO)
    return layers(load(path))


def test_layers_have_the_control_first(two: tuple[Layer, ...]) -> None:
    assert two == (
        Layer("ONE", ("c", "b"), (1.0, 3.0), (0.1, 0.5), (2, 1)),
        Layer("TWO", ("c", "a"), (1.0, 1.0), (1.0,), (2, 3)),
    )


def test_the_first_layer_that_treats_a_user_serves(two: tuple[Layer, ...]) -> None:
    one = np.array([-1, -1, -1, 0, 0, 1, 1], np.int16)
    other = np.array([-1, 0, 1, 0, 1, 0, 1], np.int16)
    assert served([one, other], two).tolist() == [2, 2, 3, 2, 3, 1, 1]
    codes = [layer.codes(IDS, 0) for layer in two]
    assert {*served(codes, two).tolist()} == {1, 2, 3}


def test_users_outside_get_the_control() -> None:
    layer = Layer("AB", ("a", "b"), (1.0, 1.0), (0.2,), (4, 2))
    places = served([layer.codes(IDS, 0)], [layer])
    outside = ~layer.admitted(IDS, 0)
    assert (places[outside] == 4).all()
    assert {*places[~outside].tolist()} == {4, 2}


def test_an_arm_without_users_is_named() -> None:
    require_users(Layer("AB", ("a", "b"), (1.0, 1.0)), IDS)
    with pytest.raises(UserError, match=r"^arms.b: .*AB, T1\) gets none of the 20000 users$"):
        require_users(Layer("AB", ("a", "b"), (1.0, 1e-9)), IDS)
    with pytest.raises(UserError, match=r"gets none of the 20000 users"):
        require_users(Layer("AB", ("a", "b"), (1.0, 1.0), (0.0,)), IDS)


def test_another_split_replaces_the_name_and_nothing_else() -> None:
    plain = small_scenario()
    named = layers(scenario_of(plain | {"experiment": {"name": "SEVEN", "control": "random"}}))[0]
    other = layers(scenario_of(plain | {"seeds": {"split": "SEVEN"}}))[0]
    own = layers(scenario_of(plain))[0]
    assert other.name == own.name
    for day in (0, 1):
        assert (other.codes(IDS, day) == named.codes(IDS, day)).all()
    assert other.collect_salt() == named.collect_salt()
    agreement = (other.codes(IDS, 0) == own.codes(IDS, 0)).mean()
    assert 0.45 < agreement < 0.55


NAMES = ("ONE", "TWO", "traffic", "collect", "truth", "3", "3:TWO")


@pytest.mark.parametrize("split", [None, 3, 0, "ONE", "traffic", "3:TWO"])
def test_no_two_draws_of_users_are_the_same(split: int | str | None) -> None:
    both = [{"name": name, "control": "random", "traffic": 0.5} for name in NAMES]
    plain = {k: v for k, v in small_scenario().items() if k != "experiment"}
    found = layers(scenario_of(plain | {"experiments": both, "seeds": {"split": split}}))
    halves = [layer.assign(IDS) == 1 for layer in found]
    halves += [layer.admitted(IDS, 0) for layer in found]
    halves.append(hashes(IDS, found[0].collect_salt()) % 2 == 1)
    halves.append(hashes(IDS, f"{found[0].salt}:truth") % 2 == 1)
    for i, one in enumerate(halves):
        for other in halves[:i]:
            table = [[(a & b).sum() for b in (other, ~other)] for a in (one, ~one)]
            assert stats.chi2_contingency(table, correction=False).pvalue > 1e-6


@pytest.mark.parametrize("use", ["traffic", "collect", "truth"])
def test_a_name_that_is_another_experiments_draw_is_refused(use: str) -> None:
    both = [{"name": name, "control": "random"} for name in ("ONE", f"ONE:{use}")]
    plain = {k: v for k, v in small_scenario().items() if k != "experiment"}
    with pytest.raises(UserError, match=rf"experiments\.1\.name.*as ONE draws its {use}"):
        scenario_of(plain | {"experiments": both})


def test_another_split_is_in_the_report_and_in_botifys_log(tmp_path: Path) -> None:
    plain = small_scenario() | {"log": {"botify": True}}
    own, other = (scenario_of(plain | {"seeds": seeds}) for seeds in ({}, {"split": "été 2"}))
    seeds = [run(each, tmp_path / str(n)).run.seeds for n, each in enumerate((own, other))]
    assert seeds == [
        {"world": 1, "dynamics": 31337},
        {"world": 1, "dynamics": 31337} | {"split": "été 2"},
    ]
    assert read(tmp_path / "1").run.seeds == seeds[1]
    arms: list[dict[int, str]] = []
    for folder in ("0", "1"):
        lines = (tmp_path / folder / "botify.jsonl").read_text().splitlines()
        events = [json.loads(line) for line in lines]
        arms.append({event["user"]: event["experiments"]["SMALL"] for event in events})
    for found, scenario in zip(arms, (own, other), strict=True):
        ids = np.array(sorted(found))
        codes = layers(scenario)[0].assign(ids)
        assert [found[user] for user in ids.tolist()] == [arm_label(code) for code in codes]
    assert arms[0] != arms[1]


def scenario_of(plain: dict[str, Any]) -> Scenario:
    return from_source(Source("s.yaml", plain, {}), Path())
