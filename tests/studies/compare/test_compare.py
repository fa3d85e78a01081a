"""Two results side by side: what intervals rest on, and what each number is."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from scipy import stats as scipy_stats

from abbotify.errors import UserError
from abbotify.report import Result
from abbotify.studies.compare.compare import Comparison, compare
from tests.report.by_hand import Plain, hand_made
from tests.report.realistic import realistic

NAMES = ("one", "two")


def result(data: Plain, **run: Any) -> Result:
    changed = copy.deepcopy(data)
    changed["run"] |= run
    return Result.from_dict(changed)


def reseeded(data: Plain, dynamics: int = 5) -> Result:
    return result(data, seeds={"world": 1, "dynamics": dynamics})


def moved(comparison: Comparison, metric: str, estimand: str = "mean") -> Any:
    return next(
        row for row in comparison.effects if (row.metric, row.estimand) == (metric, estimand)
    )


def test_equal_seeds_without_users_have_no_interval() -> None:
    both = result(hand_made())
    found = compare(both, both, NAMES)
    row = moved(found, "mean_time_per_session")
    assert found.basis == "none"
    assert "an unpaired interval would be wrong; users.parquet is missing" in found.why
    assert (row.relative.effect, row.relative.lower, row.relative.p_value) == (0.0, None, None)
    assert row.relative.note == "the runs are not independent"
    assert "not all users" in compare(both, both, NAMES, "partly").why
    assert "different populations" in compare(both, both, NAMES, "same").why


def test_other_dynamics_are_independent() -> None:
    found = compare(result(hand_made()), reseeded(hand_made()), NAMES)
    row = moved(found, "mean_time_per_session")
    assert found.basis == "independent"
    # 10 [4, 16] twice: the half-width of the difference is 6 times the root of 2.
    assert (row.relative.lower, row.relative.upper) == pytest.approx((-(72**0.5), 72**0.5))
    assert row.relative.p_value == 1.0
    assert (row.absolute.lower, row.absolute.upper) == pytest.approx((-(0.18**0.5), 0.18**0.5))
    unbounded = moved(found, "skip_rate")
    assert unbounded.relative.note == "undefined in a run"
    assert unbounded.absolute.lower == pytest.approx(-((2 * 0.4**2) ** 0.5))


@pytest.mark.parametrize(
    ("seeds", "shared"),
    [({"dynamics": 5}, True), ({"dynamics": 5, "split": 2}, False), ({"dynamics": 31337}, False)],
)
def test_runs_that_differ_in_dynamics_alone_share_their_split(
    seeds: dict[str, int], shared: bool
) -> None:
    other = result(hand_made(), seeds={"world": 1, **seeds})
    for overlap in ("unknown", "partly", "same"):
        why = compare(result(hand_made()), other, NAMES, overlap).why
        assert ("They share the split" in why) is shared
    elsewhere = result(hand_made(), seeds={"world": 1, **seeds}, experiment="ANOTHER")
    assert "share" not in compare(result(hand_made()), elsewhere, NAMES).why


def test_no_common_user_is_independent_and_logs_are_unknown() -> None:
    one = result(hand_made(), seeds={}, source="log")
    assert compare(one, one, NAMES, "disjoint").basis == "independent"
    found = compare(one, one, NAMES, "partly")
    assert found.basis == "none"
    assert "is not known" in found.why


def test_levels_of_independent_runs_are_welchs() -> None:
    data, other = realistic(), realistic()
    other["arms"][0]["metrics"]["time"] = {"n": 321, "mean": 8.0, "variance": 30.0}
    found = compare(result(data), reseeded(other), NAMES)
    row = next(level for level in found.levels if (level.arm, level.metric) == ("sticky", "time"))
    before = data["arms"][0]["metrics"]["time"]
    expected = scipy_stats.ttest_ind_from_stats(
        8.0, 30.0**0.5, 321, before["mean"], before["variance"] ** 0.5, before["n"], equal_var=False
    )
    assert (row.a, row.b) == (before["mean"], 8.0)
    assert row.difference.effect == 8.0 - before["mean"]
    assert row.difference.p_value == pytest.approx(expected.pvalue, rel=1e-9)


def test_other_levels_of_confidence_have_no_interval_of_effects() -> None:
    changed = result(hand_made(), seeds={"world": 1, "dynamics": 5}, alpha=0.1)
    row = moved(compare(result(hand_made()), changed, NAMES), "mean_time_per_session")
    assert (row.relative.effect, row.relative.lower) == (0.0, None)
    assert "levels" in row.relative.note


def test_rows_and_arms_that_one_run_lacks_are_told() -> None:
    data = realistic()
    data["arms"].append({**data["arms"][1], "name": "more", "label": "T2"})
    data["effects"] = [row for row in data["effects"] if row["metric"] != "skip_rate"]
    data["effects"].append({**data["effects"][0], "arm": "more"})
    # An estimand this version knows nothing of is a row like any other.
    data["effects"].append({**data["effects"][0], "estimand": "trimmed"})
    found = compare(result(realistic()), reseeded(data), NAMES)
    assert (found.only_a, found.only_b) == ((), ("more",))
    assert {row.arm for row in found.effects} == {"neural"}
    assert moved(found, "skip_rate").relative.note == "only in A"
    assert moved(found, data["effects"][0]["metric"], "trimmed").b is not None
    assert moved(found, data["effects"][0]["metric"], "trimmed").absolute.note == "only in B"


def test_what_differs() -> None:
    data = hand_made()
    data["scenario"] |= {"timeline": [{"phase": "experiment", "days": 3}], "more": {"a": [1, 2]}}
    data["run"] |= {"seeds": {"world": 2, "dynamics": 31337}, "abbotify": "9.9"}
    data["run"]["digests"] = {"scenario": "sha256:aa", "world": "sha256:cc"}
    found = compare(result(hand_made()), result(data), NAMES)
    assert [(one.key, one.a, one.b) for one in found.differing] == [
        ("seeds.world", "1", "2"),
        ("world digest", "sha256:bb", "sha256:cc"),
        ("abbotify", "0.1.0", "9.9"),
        ("timeline.0.phase", None, "experiment"),
        ("timeline.0.days", None, "3"),
        ("more.a", None, "[1, 2]"),
    ]
    assert not compare(result(data), result(data), NAMES).differing


def test_nothing_in_common_is_a_mistake() -> None:
    data = hand_made()
    for arm in data["arms"]:
        arm["name"] += "2"
    for row in data["effects"]:
        row["arm"] += "2"
    with pytest.raises(UserError, match="one and two have no arm in common"):
        compare(result(hand_made()), result(data), NAMES)
    data = hand_made()
    data["effects"] = []
    for arm in data["arms"]:
        arm["metrics"] = None
    with pytest.raises(UserError, match="one and two have no metric in common"):
        compare(result(hand_made()), result(data), NAMES)
