"""Experiments that are drawn, and looks at them: the estimators on the users by each look."""

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
    UNDEFINED,
    AnalysisPlan,
    Key,
    MethodEstimates,
    at_looks,
)
from abbotify.studies.validation.sampler import NOTHING, Sampler
from abbotify.studies.validation.trials import (
    LOOKED,
    LOOKS,
    Experiment,
    Trials,
    look_estimates,
)
from tests.conftest import Command
from tests.studies.validation.worlds import drawn, outcomes, scenario

ALPHA, SEED, USERS = 0.05, 11, 200
POOL = outcomes()


def looks_at(
    replications: range,
    spending: Spending = obrien_fleming,
    estimator: Estimator = "mean",
    users: int = USERS,
) -> dict[int, dict[Key, MethodEstimates]]:
    plan = AnalysisPlan(("time",), ALPHA, estimator, spending=spending)
    sampler = Sampler(POOL, (1.0, 1.0), users, SEED)
    return dict(look_estimates(sampler, plan, replications))


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
    for number, estimates in looks_at(range(first, first + 22), spending, estimator).items():
        assert {key[1:] for key in estimates} == {("time", "two")}
        found[number] = {key.method: each for key, each in estimates.items()}
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


def test_without_variance_nothing_is_said() -> None:
    same = stats.mean(stats.Moments.of(np.ones(50)))
    said = at_looks([(same, same)] * LOOKS, AnalysisPlan((), ALPHA))
    assert said == dict.fromkeys((LOOKS_FIXED, LOOKS_SEQUENTIAL, LOOKS_VALID))


@pytest.mark.parametrize("estimator", ["mean", "auto"])
def test_early_looks_may_be_empty(estimator: Estimator) -> None:
    few = looks_at(range(20), estimator=estimator, users=10)
    said = [each.significant for estimates in few.values() for each in estimates.values()]
    assert len(said) == 60
    assert any(one is not None for one in said)


def test_only_the_first_experiments_are_looked_at() -> None:
    numbers = set(looks_at(range(LOOKED - 3, LOOKED + 3)))
    assert numbers == {LOOKED - 3, LOOKED - 2, LOOKED - 1}
    assert not looks_at(range(LOOKED, LOOKED + 3))


def test_a_method_that_ran_in_some_experiments_is_undefined_in_the_others() -> None:
    often, once = Key("welch", "time", "two"), Key("max_z", "time", "two")
    said = MethodEstimates(1.0, 0.5, 1.5, True)
    first = Experiment({often: said}, {often: said, once: said}, False)
    rest = Experiment({often: UNDEFINED}, {often: said}, True)
    joined = Trials.concat([Trials.of([first]), Trials.of([rest, rest])])
    assert joined.keys == (often, once)
    assert joined.mismatches.tolist() == [False, True, True]
    np.testing.assert_array_equal(joined.significant(0, NOTHING), [1, np.nan, np.nan])
    np.testing.assert_array_equal(joined.width(1), [1, np.nan, np.nan])
    np.testing.assert_array_equal(joined.estimate(0), [1, 1, 1])


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
