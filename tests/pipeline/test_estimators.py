"""Everything a report says beside plain effects, computed again from the files of its run."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy import stats
from statsmodels.stats.weightstats import CompareMeans

from tests.conftest import small_scenario
from tests.pipeline.playing import Plain, play, read_log

FIRST_DAY = 2  # of the experiment, after two days before it
DAYS = range(2, 7)
ALPHA = 0.05
TREATMENTS = ("sticky", "mixed")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    scenario = small_scenario() | {
        "name": "watched",
        "world": {
            "catalogue": {"tracks": 300, "artists": 40, "genres": 5, "dims": 8},
            "users": {"count": 900},
        },
        "arrivals": {"sessions": 500},
        "timeline": [
            {"phase": "pre", "days": 2, "recommender": "random"},
            {"phase": "experiment", "days": len(DAYS)},
        ],
        "arms": {
            "random": {
                "recommender": "random",
                "latency_ms": {"distribution": "uniform", "low": 0, "high": 60},
            },
            "sticky": {"recommender": "sticky_artist", "latency_ms": 35},
            "mixed": {"recommender": "sticky_artist_mixed", "weight": 0.5},
        },
        "experiment": {"name": "WATCHED", "control": "random"},
        "metrics": {
            "success": ["mean_time_per_session", "time"],
            "guardrails": [
                "skip_rate",
                {"metric": "tracks", "margin": 20},
                {"metric": "mean_request_latency", "absolute": 20.0},
            ],
            "segments": {"by": "pre_time", "quantiles": 3},
        },
        "monitoring": {"window_days": 2},
    }
    return play(tmp_path_factory.mktemp("watched"), scenario)


@pytest.fixture(scope="module")
def users(folder: Path) -> pd.DataFrame:
    table = pd.read_parquet(folder / "users.parquet").set_index("user")
    return table[table.exposed]


@pytest.fixture(scope="module")
def report(folder: Path) -> Plain:
    data: Plain = json.loads((folder / "report.json").read_text())
    return data


@pytest.fixture(scope="module")
def days(folder: Path, users: pd.DataFrame) -> pd.DataFrame:
    """One row per exposed user and day since the first session: listened time and sessions."""
    log = read_log(folder)
    log = log[(log.day >= FIRST_DAY) & log.user.isin(users.index)]
    sessions = log.groupby(["user", "session"]).agg(day=("day", "first"), time=("time", "sum"))
    sessions = sessions.reset_index()
    sessions["first"] = sessions.groupby("user").day.transform("min")
    sessions["since"] = sessions.day - sessions["first"]
    daily = sessions.groupby(["user", "first", "since"]).agg(
        time=("time", "sum"), n=("day", "size")
    )
    return daily.reset_index()


def row(report: Plain, arm: str, metric: str, estimand: str) -> Plain:
    (found,) = (
        row
        for row in report["effects"]
        if (row["arm"], row["metric"], row["estimand"]) == (arm, metric, estimand)
    )
    return dict(found)


def arm_of(report: Plain, name: str) -> Plain:
    return next(arm for arm in report["arms"] if arm["name"] == name)


@pytest.mark.parametrize("metric", ["mean_time_per_session", "time", "skip_rate"])
def test_cuped_is_lins_regression(report: Plain, users: pd.DataFrame, metric: str) -> None:
    table = users[users[metric].notna()].copy()
    before = table[f"pre_{metric}"]
    table["missing"] = before.isna().astype(float)
    table["x"] = before.fillna(0.0)
    table["y"] = table[metric]
    terms = ["x"] if metric == "time" else ["x", "missing"]
    for name in terms:
        table[f"c{name}"] = table[name] - table[name].mean()
    arm = "C(arm, Treatment('random'))"
    centred = " + ".join(f"c{name}" for name in terms)
    fit = smf.ols(f"y ~ {arm} * ({centred})", table).fit(cov_type="HC2")
    for name in TREATMENTS:
        found = row(report, name, metric, "cuped")
        assert found["effect"] == pytest.approx(fit.params[f"{arm}[T.{name}]"], rel=1e-9)
        plain = row(report, name, metric, "mean")
        narrower = (plain["upper"] - plain["lower"]) / (found["upper"] - found["lower"])
        assert found["variance_reduction"] == pytest.approx(1 - narrower**-2, abs=0.01)


def test_simultaneous_intervals_hold_for_both_treatments(
    report: Plain, users: pd.DataFrame
) -> None:
    values = {arm: users[users.arm == arm].time for arm in ("random", *TREATMENTS)}
    errors = {arm: one.var() / len(one) for arm, one in values.items()}
    variance = [errors[arm] + errors["random"] for arm in TREATMENTS]
    shared = errors["random"] / math.sqrt(variance[0] * variance[1])
    normal = stats.multivariate_normal(cov=[[1, shared], [shared, 1]])
    for arm, own in zip(TREATMENTS, variance, strict=True):
        found = row(report, arm, "time", "mean")
        critical = (found["simultaneous_upper"] - found["effect"]) / math.sqrt(own)
        both = np.full(2, critical)
        assert normal.cdf(both, lower_limit=-both) == pytest.approx(1 - ALPHA, abs=1e-4)
    assert row(report, "sticky", "tracks", "mean")["simultaneous_upper"] is None


def test_quantiles_are_the_users(report: Plain, users: pd.DataFrame) -> None:
    for share in (0.1, 0.5, 0.9):
        found = row(report, "sticky", "time", f"quantile_{share:g}")
        for key, arm in (("control_mean", "random"), ("treatment_mean", "sticky")):
            values = users[users.arm == arm].time
            assert found[key] == pytest.approx(np.quantile(values, share, method="weibull"))
        assert found["lower"] <= found["effect"] <= found["upper"]
        assert (found["p_value"], found["significant"]) == (None, None)


def window_values(days: pd.DataFrame, users: pd.DataFrame) -> pd.DataFrame:
    """Each user's time per session over the first two days, with the first day and the arm."""
    sums = days[days.since < 2].groupby(["user", "first"])[["time", "n"]].sum().reset_index()
    sums["value"] = sums.time / sums.n
    sums["arm"] = users.arm[sums.user].to_numpy()
    before = users.pre_mean_time_per_session[sums.user].to_numpy()
    sums["missing"], sums["x"] = np.isnan(before).astype(float), np.nan_to_num(before)
    return sums


def regressed(known: pd.DataFrame, arm: str) -> tuple[float, float]:
    """Lin's estimate of an arm against random, and its error with that of the covariates' mean."""
    table = known.copy()
    for name in ("x", "missing"):
        table[f"c{name}"] = table[name] - table[name].mean()
    arms = "C(arm, Treatment('random'))"
    fit = smf.ols(f"value ~ {arms} * (cx + cmissing)", table).fit(cov_type="HC2")
    term = f"{arms}[T.{arm}]"
    unlike = fit.params[[f"{term}:cx", f"{term}:cmissing"]].to_numpy()
    mean = unlike @ table[["x", "missing"]].cov().to_numpy() @ unlike / len(table)
    return float(fit.params[term]), math.sqrt(fit.bse[term] ** 2 + mean)


def test_looks_are_the_adjusted_users_whose_windows_are_complete(
    report: Plain, days: pd.DataFrame, users: pd.DataFrame
) -> None:
    values = window_values(days, users)
    assert report["monitored"]["estimand"] == "cuped"
    weights = {"random": 0.4, "sticky": 0.4, "mixed": 0.2}
    planned = report["monitored"]["planned_users"]
    assert planned == sum(arm["assigned"] for arm in report["arms"])
    assert report["monitored"]["alpha"] == ALPHA / 2
    for name in TREATMENTS:
        looks = arm_of(report, name)["looks"]
        assert [look["day"] for look in looks] == list(DAYS)[1:]
        for look in looks:
            known = values[values["first"] <= look["day"] - 1]
            assert look["users"] == known.arm.isin(["random", name]).sum()
            effect, error = regressed(known, name)
            assert look["effect"] == pytest.approx(effect, rel=1e-9)
            n, a = look["users"], ALPHA / 2
            n_best = planned * (weights["random"] + weights[name])
            r2 = (-2 * math.log(a) + math.log(1 - 2 * math.log(a))) / n_best
            half = (
                error
                * math.sqrt(n)
                * math.sqrt(2 * (n * r2 + 1) / (n * n * r2) * math.log(math.sqrt(n * r2 + 1) / a))
            )
            # HC2 weighs each user's residual by its leverage, where the look has one variance an
            # arm: alike to O(1/n).
            assert look["valid_upper"] - look["effect"] == pytest.approx(half, rel=0.03)
        # The last look spends what is left; its interval is wider than a fixed one's.
        assert looks[-1]["critical"] > stats.norm.ppf(1 - ALPHA / 4)
        assert [look["critical"] for look in looks] == sorted(
            (look["critical"] for look in looks), reverse=True
        )


def test_information_is_that_of_the_planned_users(
    report: Plain, days: pd.DataFrame, users: pd.DataFrame
) -> None:
    values = window_values(days, users)
    planned = report["monitored"]["planned_users"] * 0.8
    looks = arm_of(report, "sticky")["looks"]
    errors = [regressed(values[values["first"] <= look["day"] - 1], "sticky")[1] for look in looks]
    for look, error in zip(looks, errors, strict=True):
        share = looks[-1]["users"] / planned * (errors[-1] / error) ** 2
        assert look["information"] == pytest.approx(share, rel=0.06)


def test_users_come_back_as_the_log_says(
    report: Plain, days: pd.DataFrame, users: pd.DataFrame
) -> None:
    arm = days[days.user.isin(users[users.arm == "sticky"].index)]
    first = arm.groupby("user")["first"].first()
    found = arm_of(report, "sticky")["retention"]
    for day, active in zip(found["days"], found["active"], strict=True):
        known = first[first + day <= DAYS[-1]].index
        there = arm[(arm.since == day) & arm.user.isin(known)].user.nunique()
        assert active == pytest.approx(there / len(known), rel=1e-12)
    back = arm[arm.since > 0].groupby("user").since.min().reindex(first.index)
    until = back.fillna(DAYS[-1] - first)
    away = 1.0
    for day, returned in zip(found["days"], found["returned"], strict=True):
        at_risk = int((until >= day).sum())
        away *= 1 - int((back == day).sum()) / at_risk
        assert returned == pytest.approx(1 - away, rel=1e-9)


def test_the_trend_is_that_of_the_users_slopes(
    report: Plain, days: pd.DataFrame, users: pd.DataFrame
) -> None:
    behind = 3  # days that those who came in the first half of five have behind them
    wide = days.pivot_table(index="user", columns="since", values="time", fill_value=0.0)
    first = days.groupby("user")["first"].first()
    known = wide[first.reindex(wide.index) <= DAYS[-1] - behind + 1][list(range(behind))]
    means = {arm: known[users.arm[known.index] == arm].mean() for arm in ("random", "sticky")}
    found = arm_of(report, "sticky")["trend"]
    ratio = (means["sticky"] / means["random"]).to_numpy(float)
    lifts = (100 * (ratio - 1)).tolist()
    assert [day["effect"] for day in found["days"]] == pytest.approx(lifts, rel=1e-9)
    logs = 100 * np.log(ratio)
    assert found["slope"] == pytest.approx(np.polyfit(range(behind), logs, 1)[0], rel=1e-9)
    assert found["lower"] < found["slope"] < found["upper"]


def test_segments_are_thirds_of_what_was_before(report: Plain, users: pd.DataFrame) -> None:
    found = report["segments"]
    bounds = np.quantile(users.pre_time, [1 / 3, 2 / 3], method="inverted_cdf")
    assert found["bounds"] == bounds.tolist()
    parts = np.searchsorted(bounds, users.pre_time, side="left")
    rows = [r for r in found["rows"] if (r["arm"], r["metric"]) == ("sticky", "time")]
    effects, errors = [], []
    for part, told in enumerate(rows):
        mine = users[parts == part]
        control, treated = (mine[mine.arm == arm].time for arm in ("random", "sticky"))
        test = stats.ttest_ind(treated, control, equal_var=False)
        assert (told["n_control"], told["n_treatment"]) == (len(control), len(treated))
        assert told["p_value"] == pytest.approx(test.pvalue, rel=1e-9)
        effects.append(treated.mean() - control.mean())
        errors.append(control.var() / len(control) + treated.var() / len(treated))
    weights = 1 / np.array(errors)
    q = float((weights * (effects - np.average(effects, weights=weights)) ** 2).sum())
    (test,) = (t for t in found["tests"] if (t["arm"], t["metric"]) == ("sticky", "time"))
    assert test["p_value"] == pytest.approx(stats.chi2.sf(q, 2), rel=1e-6)


def test_guardrails_are_one_sided_tests(report: Plain, users: pd.DataFrame) -> None:
    for name in TREATMENTS:
        told = [rail for rail in report["guardrails"] if rail["arm"] == name]
        assert [(rail["metric"], rail["unit"], rail["margin"]) for rail in told] == [
            ("skip_rate", "percent", 5.0),
            ("tracks", "percent", 20.0),
            ("mean_request_latency", "metric", 20.0),
        ]
        latency = [users[users.arm == arm].mean_request_latency for arm in ("random", name)]
        test = CompareMeans.from_data(latency[1], latency[0])
        _, p_value, _ = test.ttest_ind("smaller", "unequal", value=20.0)
        assert told[2]["p_value"] == pytest.approx(p_value, rel=1e-9)
        assert told[2]["verdict"] == ("non-inferior" if p_value < ALPHA else "undecided")
        tracks = [users[users.arm == arm].tracks for arm in ("random", name)]
        test = CompareMeans.from_data(tracks[1], 0.8 * tracks[0])
        statistic, _, _ = test.ttest_ind("larger", "unequal")
        assert (told[1]["verdict"] == "non-inferior") == (statistic > 1.66)


def test_the_checks_say_what_was_looked_at(report: Plain) -> None:
    named = {check["name"]: check["status"] for check in report["checks"]}
    for name in ("sample_ratio_watched", "pre_balance", "cuped_sign", "skew", "novelty"):
        assert named[name] in ("pass", "warn", "info"), name
