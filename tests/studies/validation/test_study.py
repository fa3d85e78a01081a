"""The command: right methods stay in their bands, a planted bug does not."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from abbotify.stats import Estimate, cuped
from abbotify.stats.moments import Floats, Moments
from tests.browser import assert_fits
from tests.conftest import ROOT, Command
from tests.studies.pages import assert_closed
from tests.studies.validation.worlds import scenario

COLUMNS = "method,metric,quantity,measured,lower,upper,expected,within"
EXPERIMENTS = ("--replications", 400)


def written(folder: Path, **keys: Any) -> Path:
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump(scenario(**keys), sort_keys=False))
    return path


def table(out: Path) -> dict[tuple[str, str, str], dict[str, str]]:
    text = (out / "validate.csv").read_text(encoding="utf-8")
    assert text.splitlines()[0] == COLUMNS
    rows = list(csv.DictReader(text.splitlines()))
    return {(row["method"], row["metric"], row["quantity"]): row for row in rows}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("validate")


def test_right_methods_stay_in_their_bands(abbotify: Command, folder: Path) -> None:
    out = folder / "out"
    finished = abbotify("validate", written(folder), *EXPERIMENTS, "--out", out)
    assert (finished.code, finished.err) == (0, "")
    assert "promised rates lie in their bands" in finished.out
    rows = table(out)
    metric = "mean_time_per_session"
    for method in ("welch", "fieller", "delta", "delta_fieller"):
        assert rows[method, metric, "false_positive_rate"]["within"] == "true"
        assert rows[method, metric, "coverage"]["within"] == "true"
    # What is wrong is wrong by as much as theory says.
    for method, name, quantity in (
        ("tracks_as_independent", "skip_rate", "false_positive_rate"),
        ("tracks_as_independent", "skip_rate", "coverage"),
        ("naive_relative", metric, "coverage"),
        ("looks_fixed", metric, "false_positive_rate"),
    ):
        row = rows[method, name, quantity]
        assert row["within"] == "true"
        assert abs(float(row["expected"]) - (0.95 if quantity == "coverage" else 0.05)) > 0.02
    assert rows["srm", "users", "false_alarm_rate"]["within"] == "true"
    for method in ("looks_group_sequential", "looks_always_valid"):
        assert rows[method, metric, "false_positive_rate"]["within"] == "true"
        assert (method, metric, "coverage") not in rows
    page = (out / "validate.html").read_text(encoding="utf-8")
    assert_closed(page)
    assert 'class="chart validation-coverage"' in page
    assert "Tracks as independent" in (out / "validate.md").read_text(encoding="utf-8")
    assert {path.name for path in out.iterdir()} == {
        *("validate.csv", "validate.html", "validate.md")
    }


def test_the_page_fits_every_screen(
    abbotify: Command, folder: Path, chromium: str, tmp_path: Path
) -> None:
    out = folder / "fits"
    common = ("validate", written(folder), "--replications", 200, "--quiet")
    assert abbotify(*common, "--out", out).code in (0, 3)
    assert_fits(chromium, (out / "validate.html").read_text(encoding="utf-8"), tmp_path)


def test_the_same_seed_gives_the_same_bytes(abbotify: Command, folder: Path) -> None:
    path, outs = written(folder), [folder / name for name in ("one", "two", "other")]
    common = ("validate", path, "--replications", 200, "--quiet")
    assert abbotify(*common, "--out", outs[0], "--seed", 5).code == 0
    assert abbotify(*common, "--out", outs[1], "--seed", 5, "--workers", 2).code == 0
    assert abbotify(*common, "--out", outs[2], "--seed", 6).code == 0
    first, second, other = ((out / "validate.csv").read_bytes() for out in outs)
    assert first == second
    assert first != other


def test_nothing_is_found_where_arms_do_not_differ(abbotify: Command, folder: Path) -> None:
    same = {"one": {"recommender": "sticky_artist"}, "two": {"recommender": "sticky_artist"}}
    path = written(folder, arms=same, experiment={"name": "AA", "control": "one"})
    assert abbotify("validate", path, *EXPERIMENTS, "--out", folder / "aa").code == 0
    rows = table(folder / "aa")
    assert not any(quantity == "power" for _, _, quantity in rows)
    assert rows["welch", "time", "false_positive_rate"]["within"] == "true"


def test_the_planted_effect_has_its_power(abbotify: Command, folder: Path) -> None:
    path = ROOT / "scenarios" / "geometric.yaml"
    few = ("--set", "world.users.count=3000", "--set", "arrivals.sessions=3000")
    out = folder / "geometric"
    assert abbotify("validate", path, *EXPERIMENTS, *few, "--users", 400, "--out", out).code == 0
    row = table(out)["welch", "mean_time_per_session", "power"]
    assert row["within"] == "true"
    assert 0.5 < float(row["expected"]) < 0.999
    assert table(out)["welch", "mean_time_per_session", "exaggeration"]["within"] == "true"


def test_the_days_before_make_intervals_narrower(abbotify: Command, folder: Path) -> None:
    days = [
        {"phase": "pre", "days": 2, "recommender": "random"},
        {"phase": "experiment", "days": 2},
    ]
    arms = {
        "random": {"recommender": "random"},
        "sticky": {"recommender": "sticky_artist"},
        "mixed": {"recommender": "sticky_artist_mixed", "weight": 2},
    }
    path = written(folder, timeline=days, arms=arms)
    assert abbotify("validate", path, *EXPERIMENTS, "--out", folder / "pre").code == 0
    rows = table(folder / "pre")
    for arm in ("sticky", "mixed"):
        for method in ("cuped", "cuped_fieller", "ratio_cuped"):
            metric = f"mean_time_per_session:{arm}"
            assert rows[method, metric, "coverage"]["within"] == "true"
            assert rows[method, metric, "power"]["within"] == "true"
        widths = [
            float(rows[method, f"time:{arm}", "mean_width"]["measured"])
            for method in ("cuped", "welch")
        ]
        assert widths[0] < 0.97 * widths[1]
    assert rows["max_z", "mean_time_per_session", "family_wise_coverage"]["within"] == "true"
    assert rows["holm", "mean_time_per_session", "family_wise_error"]["within"] == "true"


def test_guardrails_pass_what_is_harmless_and_seldom_what_is_not(
    abbotify: Command, folder: Path
) -> None:
    rails = [{"metric": "sessions", "margin": 20}, {"metric": "time", "margin": 5}]
    metrics = {"report": ["sessions", "time"], "guardrails": rails}
    path = written(folder, metrics=metrics)  # sticky costs a third of the time in this world
    assert abbotify("validate", path, "--replications", 200, "--out", folder / "rails").code == 0
    rows = table(folder / "rails")
    assert float(rows["guardrail", "sessions", "non_inferior_rate"]["measured"]) > 0.9
    passed = rows["guardrail", "time", "false_non_inferior_rate"]
    assert passed["within"] == "true"
    assert float(passed["measured"]) < 0.05
    assert rows["guardrail", "time", "false_alarm_rate"]["within"] == "true"


def test_a_planted_bug_is_found(
    abbotify: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def confident(moments: Moments) -> Floats:
        variance: Floats = moments.covariance.diagonal() / 2
        return variance

    monkeypatch.setattr(Moments, "variance", property(confident))
    out = folder / "bug"
    finished = abbotify("validate", written(folder), *EXPERIMENTS, "--out", out)
    assert finished.code == 3
    assert "promised rates left their bands: Welch" in finished.out
    rows = table(out)
    row = rows["welch", "mean_time_per_session", "false_positive_rate"]
    assert row["within"] == "false"
    assert float(row["measured"]) == pytest.approx(0.166, abs=0.06)  # 2 Phi(-1.96 / sqrt 2)
    assert rows["delta", "mean_time_per_session", "coverage"]["within"] == "true"
    assert "Rates outside their bands" in (out / "validate.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--replications", 199), "--replications: must be 200 to 1,000,000"),
        (("--users", 9), "--users: must be 10 to 100,000,000 of an experiment, got 9"),
        (("--set", "arms.random.size=3"), "unknown key"),
    ],
)
def test_mistakes_are_one_line(
    abbotify: Command, folder: Path, arguments: tuple[object, ...], told: str
) -> None:
    out = folder / "never"
    finished = abbotify("validate", written(folder), *arguments, "--out", out)
    assert finished.code == 2
    assert told in finished.err
    assert finished.err.count("\n") == 1
    assert not out.exists()


def test_other_folders_are_refused(abbotify: Command, folder: Path) -> None:
    full = folder / "full"
    full.mkdir()
    (full / "mine.txt").write_text("mine")
    finished = abbotify("validate", written(folder), "--out", full)
    assert finished.code == 2
    assert "is a folder with other things in it, no validation (no validate.csv)" in finished.err
    assert (full / "mine.txt").read_text() == "mine"


BEFORE = [
    {"phase": "pre", "days": 2, "recommender": "random"},
    {"phase": "experiment", "days": 2},
]


def test_the_estimate_that_decides_is_gated(abbotify: Command, tmp_path: Path) -> None:
    """With days before: the adjusted estimate, its family over two metrics, its looks."""
    out, metric = tmp_path / "out", "mean_time_per_session"
    metrics = {"success": [metric, "time"], "report": [metric, "time"]}
    path = written(tmp_path, timeline=BEFORE, metrics=metrics)
    finished = abbotify("validate", path, *EXPERIMENTS, "--out", out)
    assert (finished.code, finished.err) == (0, "")
    rows, page = table(out), (out / "validate.md").read_text(encoding="utf-8")
    for key in (
        ("cuped", metric, "false_positive_rate"),
        ("cuped", metric, "coverage"),
        ("cuped_fieller", metric, "coverage"),
        ("holm", "success metrics", "family_wise_error"),
        ("looks_group_sequential", metric, "false_positive_rate"),
        ("looks_always_valid", metric, "false_positive_rate"),
    ):
        assert rows[key]["within"] == "true"
    assert float(rows["cuped", metric, "mean_width"]["measured"]) < 0.9 * float(
        rows["welch", metric, "mean_width"]["measured"]
    )
    assert "CUPED (decides)" in page
    assert "CUPED-adjusted" in page
    path = written(tmp_path, timeline=BEFORE, metrics=metrics | {"estimator": "mean"})
    assert abbotify("validate", path, "--replications", 200, "--out", out).code == 0
    page = (out / "validate.md").read_text(encoding="utf-8")
    assert "Welch (decides)" in page
    assert "CUPED (decides)" not in page


def test_adjusted_errors_that_are_too_small_leave_the_bands(
    abbotify: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = cuped._estimate

    def sure(*arguments: Any) -> Estimate:
        estimate = right(*arguments)
        return replace(estimate, variance=(estimate.variance or 0.0) / 2)

    monkeypatch.setattr(cuped, "_estimate", sure)
    metrics = {"report": ["mean_time_per_session"]}
    path = written(tmp_path, timeline=BEFORE, metrics=metrics)
    finished = abbotify("validate", path, *EXPERIMENTS, "--out", tmp_path / "out")
    assert finished.code == 3
    rows = table(tmp_path / "out")
    metric, rate = "mean_time_per_session", "false_positive_rate"
    methods = ("welch", "cuped", "looks_group_sequential")
    within = [rows[name, metric, rate]["within"] for name in methods]
    assert within == ["true", "false", "false"]
