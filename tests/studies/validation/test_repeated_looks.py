"""Repeated looks at drawn experiments: the estimators on the users by each look, and the gate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from abbotify import stats
from abbotify.stats import monitoring
from abbotify.stats.effects import Estimator
from abbotify.stats.group_sequential import Boundaries, Spending, boundaries, obrien_fleming, pocock
from abbotify.stats.monitoring import always_valid, monitor, planned_information
from abbotify.studies.validation.methods import (
    LOOKS_FIXED,
    LOOKS_SEQUENTIAL,
    LOOKS_VALID,
    MethodEstimates,
)
from abbotify.studies.validation.repeated_looks import (
    LOOKED,
    LOOKS,
    RepeatedLooks,
    at_any_look,
    at_looks,
)
from abbotify.studies.validation.sampler import Sampler
from tests.conftest import Command
from tests.studies.validation.worlds import drawn, outcomes, scenario

ALPHA, SEED, USERS = 0.05, 11, 200
POOL = outcomes()


def peeking(
    metric: str = "time",
    spending: Spending = obrien_fleming,
    estimator: Estimator = "mean",
) -> RepeatedLooks:
    sampler = Sampler(POOL, (1.0, 1.0), USERS, SEED)
    return RepeatedLooks.of(sampler, metric, ALPHA, spending, estimator)


def looked_at(
    replication: int, metric: str = "time", adjusted: bool = False
) -> list[monitoring.Pair]:
    """(control, treatment) at each look, from the users themselves."""
    pool = POOL
    group = pool.group(metric, "mean")
    columns = group.columns if adjusted else slice(group.start + 1, group.start + 2)
    values = pool.values[0, :, columns] + pool.centres[0, columns]
    counts = pool.defined(group, 0)
    who = drawn(pool.users, USERS, SEED, replication, 0.5)
    pairs = []
    for look in range(1, LOOKS + 1):
        seen = [each for at, each in enumerate(who) if at * LOOKS // USERS < look]
        rows = [[row for row, arm in seen if arm == place and counts[row]] for place in (0, 1)]
        arms = [stats.Moments.of(values[each]) for each in rows]
        plain = (stats.mean(arms[0].leading(1)), stats.mean(arms[1].leading(1)))
        pairs.append(stats.cuped_means(arms).pair(1) if adjusted else plain)
    return pairs


@pytest.mark.parametrize(
    ("spending", "estimator", "first"),
    [(obrien_fleming, "mean", 48), (pocock, "mean", 48), (pocock, "auto", 168)],
)
def test_each_method_says_what_its_estimator_says_of_the_users_by_each_look(
    spending: Spending, estimator: Estimator, first: int
) -> None:
    found: dict[int, dict[str, MethodEstimates]] = {}
    for number, key, one in peeking("time", spending, estimator).estimates(
        range(first, first + 22)
    ):
        assert (key.metric, key.arm) == ("time", "two")
        found.setdefault(number, {})[key.method] = one
    assert list(found) == list(range(first, first + 22))
    count = dict.fromkeys((LOOKS_FIXED, LOOKS_SEQUENTIAL, LOOKS_VALID), 0)
    for number, said in found.items():
        pairs = looked_at(number, adjusted=estimator == "auto")
        p_values = [stats.difference(*pair, ALPHA).p_value for pair in pairs]
        assert said[LOOKS_FIXED].significant == any(p is not None and p < ALPHA for p in p_values)
        users = pairs[-1][0].n, pairs[-1][1].n
        planned = planned_information(*pairs[-1], users)
        stopped = monitor(pairs, planned, ALPHA, spending, final=True).stopped
        assert said[LOOKS_SEQUENTIAL].significant == (stopped is not None)
        valid = always_valid(pairs, sum(users), ALPHA)[-1].significant
        assert said[LOOKS_VALID].significant == valid
        for method in count:
            count[method] += bool(said[method].significant)
    assert 0 < count[LOOKS_VALID] < count[LOOKS_SEQUENTIAL] < count[LOOKS_FIXED] < len(found)


@pytest.mark.parametrize("spending", [obrien_fleming, pocock, lambda level, t: level * t**0.1])
@pytest.mark.parametrize("power", [0.3, 1.0, 3.0])
def test_no_look_has_a_level_above_alpha(spending: Spending, power: float) -> None:
    """So nothing is lost where boundaries are left out because the fixed test finds nothing."""
    fractions = [(look / LOOKS) ** power for look in range(1, LOOKS + 1)]
    for alpha in (0.01, 0.05, 0.3):
        nominal = boundaries(fractions, alpha, spending, final=True).nominal
        assert max(level for level in nominal if level is not None) <= alpha * (1 + 1e-9)


def test_a_fixed_test_errs_as_often_as_was_computed_in_1969() -> None:
    assert at_any_look(0.05) == pytest.approx(0.2196, abs=5e-5)


def test_without_variance_nothing_is_said() -> None:
    same = stats.mean(stats.Moments.of(np.ones(50)))
    said = at_looks([(same, same)] * LOOKS, ALPHA, obrien_fleming)
    assert said == dict.fromkeys((LOOKS_FIXED, LOOKS_SEQUENTIAL, LOOKS_VALID))


@pytest.mark.parametrize("estimator", ["mean", "auto"])
def test_early_looks_may_be_empty(estimator: Estimator) -> None:
    sampler = Sampler(POOL, (1.0, 1.0), 10, SEED)
    few = RepeatedLooks.of(sampler, "time", ALPHA, obrien_fleming, estimator)
    said = [one.significant for _, _, one in few.estimates(range(20))]
    assert len(said) == 60
    assert any(one is not None for one in said)


def test_only_the_first_experiments_are_looked_at() -> None:
    numbers = {number for number, _, _ in peeking().estimates(range(LOOKED - 3, LOOKED + 3))}
    assert numbers == {LOOKED - 3, LOOKED - 2, LOOKED - 1}
    assert not list(peeking().estimates(range(LOOKED, LOOKED + 3)))


def test_boundaries_that_do_not_pay_for_looks_leave_the_band(
    abbotify: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def naive(fractions: Any, alpha: float, spending: Spending, final: bool) -> Boundaries:
        right = boundaries(fractions, alpha, spending, final)
        looks = len(fractions)
        return Boundaries(right.fractions, (1.959964,) * looks, (alpha,) * looks, right.spent)

    monkeypatch.setattr(monitoring, "boundaries", naive)
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(scenario(), sort_keys=False))
    finished = abbotify("validate", path, "--replications", 300, "--out", tmp_path / "out")
    assert finished.code == 3
    assert "1 of " in finished.out
    left = "promised rates left its band: 14 looks, sequential (Time per session)."
    assert left in finished.out
