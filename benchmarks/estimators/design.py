"""Power as promised, and what significant results say of the effect when there is little of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from abbotify.stats import difference, mean
from abbotify.stats.normal import sign_and_size_errors
from abbotify.stats.power import Pilot, detectable_effect, power
from abbotify.studies.validation.characteristics import Characteristic, average, rate
from abbotify.studies.validation.methods import AnalysisPlan, Key, experiment_estimates
from benchmarks.estimators.effort import ALPHA, Effort, hits
from benchmarks.estimators.generated_users import METRIC, Law, Table, draw, shifted
from benchmarks.estimators.theory import drift_for

_LAW: Final = Law(0.5)
_SIZES: Final = ((500, 500), (4000, 1000))


def powers(effort: Effort) -> Iterator[Characteristic]:
    """Formula against trial, at power .8."""
    for sizes in _SIZES:
        table = draw(f"power {sizes}", _LAW, sizes, effort.of(5000))
        plain = Pilot(_LAW.mean, _LAW.variance)
        yield _power(table, "welch", "shifts", plain)
        yield _power(table, "welch", "multiplies", Pilot(_LAW.mean, _LAW.variance, None, True))
        yield _power(table, "cuped", "shifts", plain.adjusted(_LAW.value_correlation))


def _power(table: Table, method: str, how: str, pilot: Pilot) -> Characteristic:
    users = (table.sizes[0], table.sizes[1])
    effect = detectable_effect(pilot, 0.8, users, ALPHA)
    assert effect is not None
    found, plan = 0, AnalysisPlan((), ALPHA)
    changes = {"shift": effect} if how == "shifts" else {"factor": 1 + effect / _LAW.mean}
    for number in range(len(table)):
        estimates = experiment_estimates(table.arms(number, **changes), plan)
        found += bool(estimates[Key(method, METRIC, "1")].significant)
    setting = f"lognormal s = {_LAW.s}, {users[0]}/{users[1]} users, effect {how}"
    if method == "cuped":
        setting += f", correlation {_LAW.value_correlation:.2f}"
    expected = power(pilot, effect, users, ALPHA)
    return rate(method, setting, "power", found, len(table), expected, True)


def curse(effort: Effort) -> Iterator[Characteristic]:
    """Welch's test at a power of .2, .5 and .8."""
    sizes = (1000, 1000)
    table = draw("curse", _LAW, sizes, effort.of(10_000))
    error = (_LAW.variance / sizes[0] + _LAW.variance / sizes[1]) ** 0.5
    for wanted in (0.2, 0.5, 0.8):
        drift = drift_for(wanted)
        effect = drift * error
        found = list[float]()
        for number in range(len(table)):
            control, treatment = table.pair(number)
            one = difference(mean(control), mean(shifted(treatment, effect)), ALPHA)
            if one.effect is not None and hits([one.p_value]):
                found.append(one.effect)
        setting = f"lognormal s = {_LAW.s}, {sizes[0]} users an arm, power {wanted}"
        yield rate("welch", setting, "power", len(found), len(table), wanted, True)
        sign_error, exaggeration = sign_and_size_errors(drift, ALPHA)
        ratios = [abs(one) / effect for one in found]
        yield average("welch", setting, "exaggeration", ratios, exaggeration, True)
        wrong = sum(one < 0 for one in found)
        yield rate("welch", setting, "sign_error", wrong, len(found), sign_error)
