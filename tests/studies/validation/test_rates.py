"""From what methods said to rates: counted by hand on made-up trials."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from abbotify.studies.validation.characteristics import Characteristic
from abbotify.studies.validation.methods import (
    HOLM,
    LOOKS_FIXED,
    LOOKS_SEQUENTIAL,
    LOOKS_VALID,
    MAX_Z,
    AnalysisPlan,
    Key,
)
from abbotify.studies.validation.rates import Measured, rows
from abbotify.studies.validation.theory import Expected
from abbotify.studies.validation.trials import LOOKED, Trials

NAN = math.nan
KNOWN = Expected(0.05, 0.95, 0.8, 0.01, 1.5)


def trials(keys: list[Key], nothing: list[Any], effect: list[Any], truths: list[float]) -> Trials:
    """Of each key and replication: (estimate, lower, upper, significant)."""
    said = np.stack([np.array(nothing, float), np.array(effect, float)])  # world, key, replication
    mismatches = np.zeros(said.shape[2], bool)
    return Trials(tuple(keys), said.transpose(2, 0, 1, 3), mismatches, np.array([truths]))


def measured(found: Trials, expected: list[Expected], **further: Any) -> dict[str, Characteristic]:
    arms = len({key.arm for key in found.keys})
    plan = AnalysisPlan(("time",), 0.05)
    of = Measured(found, expected, plan, (1000.0,) * (1 + arms), **further)
    names = {}
    for row in rows(of):
        names[f"{row.method} {row.metric} {row.quantity}"] = row
    return names


def test_rates_are_counts() -> None:
    nothing = [[(0, -1, 1, 0), (2, 1, 3, 1), (0, -1, 1, 0), (0, -1, 1, 0)]]
    effect = [[(2, 1, 3, 1), (-3, -4, -2, 1), (1, -1, 3, 0), (4, 3, 5, 1)]]
    found = measured(trials([Key("welch", "time", "two")], nothing, effect, [2.0]), [KNOWN])
    values = {name: row.measured for name, row in found.items()}
    assert values == {
        "welch time false_positive_rate": 0.25,
        "welch time coverage": 0.5,
        "welch time power": 0.75,
        "welch time mean_width": 2.5,
        "welch time sign_error": pytest.approx(1 / 3),
        "welch time exaggeration": pytest.approx((2 + 3 + 4) / 2 / 3),
        "srm users false_alarm_rate": 0.0,
    }
    rate = found["welch time false_positive_rate"]
    level = 0.01 / 3  # of three gated rates
    band = binom.ppf([level / 2, 1 - level / 2], 4, 0.05) / 4
    assert (rate.lower, rate.upper) == tuple(band)
    assert rate.gated
    assert rate.within
    width = found["welch time mean_width"]
    error = np.std([2, 2, 4, 2], ddof=1) / 2
    assert width.upper == pytest.approx(2.5 + 1.959964 * error)


def test_the_undefined_are_not_counted_and_not_gated() -> None:
    nothing = [[(NAN,) * 4, (2, 1, 3, 1), (0, -1, 1, 0)]]
    effect = [[(2, NAN, NAN, NAN), (1, 1, 3, 1), (2, 1, 3, 1)]]
    found = measured(trials([Key("fieller", "time", "two")], nothing, effect, [2.0]), [KNOWN])
    rate = found["fieller time false_positive_rate"]
    assert rate.measured == 0.5
    assert not rate.gated
    assert rate.why == "undefined in 1 of 3 experiments"
    assert found["fieller time coverage"].measured == 1.0


def test_of_repeated_looks_only_false_positives_are_counted() -> None:
    keys = [Key(name, "time", "two") for name in (LOOKS_FIXED, LOOKS_SEQUENTIAL, LOOKS_VALID)]
    count = LOOKED + 500
    said = np.full((3, count, 4), NAN)
    said[:, :LOOKED, 3] = 0
    said[0, :440, 3], said[1, :100, 3], said[2, :20, 3] = 1, 1, 1
    nowhere = np.full((3, count, 4), NAN)
    expected = [Expected(0.22, 0.95), KNOWN, KNOWN]
    found = measured(trials(keys, list(said), list(nowhere), [1.0] * 3), expected)
    assert [name for name in found if name.startswith("looks")] == [
        f"{key.method} time false_positive_rate" for key in keys
    ]
    fixed, sequential, valid = list(found.values())[:3]
    assert fixed.measured == 0.22
    assert not fixed.gated
    assert fixed.why == "shown for comparison"
    assert sequential.measured == 0.05
    assert sequential.gated
    assert sequential.lower is not None
    assert 0.02 < sequential.lower < 0.05
    assert valid.gated
    assert (valid.measured, valid.lower) == (0.01, 0.0)
    assert valid.within


def test_without_an_effect_there_is_nothing_to_find() -> None:
    same = [[(0, -1, 1, 0), (2, 1, 3, 1)]]
    found = measured(trials([Key("welch", "time", "two")], same, same, [0.0]), [KNOWN])
    names = {name.split()[-1] for name in found}
    assert names == {"false_positive_rate", "coverage", "mean_width", "false_alarm_rate"}


def test_what_is_no_promise_says_why() -> None:
    same = [[(0, -1, 1, 0), (2, 1, 3, 1)]]
    keys = [Key("welch", "time", "two"), Key("naive_relative", "time", "two")]
    skewed = Expected(0.05, 0.95, ungated="skewness 9.0")
    found = measured(trials(keys, same * 2, same * 2, [0.0, 0.0]), [skewed, KNOWN])
    assert found["welch time false_positive_rate"].why == "skewness 9.0"
    assert not found["welch time false_positive_rate"].gated
    assert found["welch time coverage"].gated
    assert found["naive_relative time coverage"].why == "shown for comparison"
    world = measured(trials(keys, same * 2, same * 2, [0.0, 0.0]), [KNOWN] * 2, ungated="queues")
    assert {row.why for row in world.values()} == {"queues", "shown for comparison", ""}
    assert not any(row.gated for row in world.values())


def test_families_err_when_any_of_them_does() -> None:
    methods = ("welch", HOLM, MAX_Z)
    keys = [Key(method, "time", arm) for method in methods for arm in ("two", "three")]
    none, some = (0, -1, 1, 0), (2, 1, 3, 1)
    nothing = [[none, some], [some, none], [none, none], [none, some], [none, none], [some, none]]
    effect = [[none, some]] * 5 + [[none, none]]
    found = measured(trials(keys, nothing, effect, [0.0] * 6), [KNOWN] * 6)
    value = {name: row.measured for name, row in found.items()}
    assert value["uncorrected time family_wise_error"] == 1.0
    assert value["holm time family_wise_error"] == 0.5
    assert value["max_z time family_wise_error"] == 0.5
    assert value["max_z time family_wise_coverage"] == 0.5
    assert "welch time:two false_positive_rate" in found
    holm = found["holm time family_wise_error"]
    assert holm.lower == 0.0
    uncorrected = found["uncorrected time family_wise_error"]
    assert uncorrected.expected == pytest.approx(0.0907, abs=2e-4)
    assert not uncorrected.gated
