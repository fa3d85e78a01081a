"""A power study of a scenario: its pilot, its questions, and what the command prints and writes."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import pytest
import yaml

from abbotify import pipeline
from abbotify.errors import UserError
from abbotify.scenario import load
from abbotify.simulation.potential_outcomes import potential_outcomes
from abbotify.simulation.prepare import prepare
from abbotify.stats.power import Pilot, power
from abbotify.studies.power.study import (
    Question,
    power_study,
    studied,
    terms_of,
    untrained,
    with_days,
)
from tests.conftest import Command, learning_scenario


def cells(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((folder / "power.csv").read_text().splitlines()))


OPTIONS = {
    "nothing": ((), ["lift", "users", "users", "users"]),
    "mde": (("--mde", "4"), ["users"]),
    "users": (("--users", "900"), ["lift", "power", "power", "power", "power"]),
    "days": (("--days", "3"), ["lift", "power", "power", "power", "power"]),
}


@pytest.mark.parametrize("option", OPTIONS)
def test_every_row_of_the_file_is_a_triple_of_users_lift_and_power(
    abbotify: Command, path: Path, tmp_path: Path, option: str
) -> None:
    given, solved = OPTIONS[option]
    out = tmp_path / "out"
    finished = abbotify("power", path, *given, "--power", "0.9", "--out", out)
    assert (finished.code, finished.err) == (0, "")
    assert finished.out.endswith(f"Power: {out / 'power.html'}\n")
    found, checked = cells(out), 0
    first = [r for r in found if (r["metric"], r["arm"]) == ("retained", "top")]
    assert [row["solved"] for row in first] == solved * 2  # without CUPED and with it
    for row in found:
        if not (row["users"] and row["lift"] and row["power"]):
            assert row["note"]
            continue
        value = float(row["value"])
        pilot = Pilot(value, float(row["variance"]), multiplicative=row["model"] == "scale")
        came = float(row["users"]) * float(row["defined"])
        arms = (came * float(row["control_share"]), came * float(row["arm_share"]))
        arms = (max(2.0, arms[0]), max(2.0, arms[1]))
        chance = power(pilot, float(row["effect"]), arms, float(row["level"]))
        assert float(row["power"]) == pytest.approx(chance, abs=1e-9)
        assert pilot.lift_of(float(row["effect"])) == pytest.approx(float(row["lift"]))
        if row["solved"] == "lift" or (row["solved"] == "users" and min(arms) > 2):
            assert chance == pytest.approx(0.9, abs=1e-9)
        success = row["metric"] in ("mean_time_per_session", "retained")
        tested = 4 if success and row["estimand"] == "mean" else 1
        assert float(row["level"]) == pytest.approx(0.05 / tested)
        checked += 1
    assert checked > 40


def test_the_pilot_is_the_control_of_a_run_without_treatment(path: Path, tmp_path: Path) -> None:
    study = power_study(load(path), Question())
    # An A/A run: everybody is served by the control's recommender there.
    changes = ["arms.sticky.recommender=random", "arms.top={recommender: random, weight: 2}"]
    result = pipeline.run(load(path, changes), tmp_path / "aa")
    assert study.enrolment.enrolled == sum(arm.users for arm in result.arms)
    row = next(r.piloted for r in study.rows if r.piloted.metric == "time")
    told = [arm.metrics["time"] for arm in result.arms if arm.metrics is not None]
    total = sum(moments.n * (moments.mean or 0) for moments in told)
    assert row.value == pytest.approx(total / study.enrolment.enrolled, rel=1e-12)
    assert study.enrolment.world == 400
    assert study.pre_days == 1


NEURAL = {"recommender": "neural", "epochs": 1, "embedding_size": 4}


@pytest.mark.parametrize(("control", "spared"), [("sticky", True), ("learned", False)])
def test_nobody_is_trained_for_a_pilot_that_none_of_them_serves(
    tmp_path: Path, control: str, spared: bool
) -> None:
    made = learning_scenario(60, 120, 150, {"learned": NEURAL}, name="learning")
    made["experiment"]["control"] = control
    made["timeline"][-1] |= {"days": 2, "retrain": "daily"}
    path = tmp_path / "learning.yaml"
    path.write_text(yaml.safe_dump(made, sort_keys=False))
    scenario = load(path)
    plan = prepare(scenario)
    assert untrained(plan, control).schedule.trains is not spared
    outcomes = potential_outcomes(plan, tmp_path, [control])  # with all trainings
    question = Question(mde=5.0)
    assert power_study(scenario, question) == studied(scenario, question, outcomes[control])


def test_days_change_who_comes_and_how_much_they_differ(path: Path) -> None:
    short, own, long = (power_study(load(path), Question(days=d)) for d in (1, 2, 6))
    assert [s.enrolment.days for s in (short, own, long)] == [1, 2, 6]
    assert short.enrolment.enrolled < own.enrolment.enrolled < long.enrolment.enrolled
    assert own.rows == power_study(load(path), Question(users=own.enrolment.enrolled)).rows
    sums = [
        next(r.piloted.value or 0 for r in s.rows if r.piloted.metric == "sessions")
        for s in (short, own, long)
    ]
    assert sums == sorted(sums)


def test_bytes_depend_on_neither_workers_nor_engine(
    abbotify: Command, path: Path, tmp_path: Path
) -> None:
    ways = {"one": (), "two": ("--workers", "2"), "simpy": ("--engine", "simpy")}
    for name, way in ways.items():
        out = tmp_path / name
        assert abbotify("power", path, "--set", "shards=3", "--out", out, *way).code == 0
    texts = {name: (tmp_path / name / "power.csv").read_bytes() for name in ways}
    assert texts["one"] == texts["two"] == texts["simpy"]


MISTAKES = {
    "two questions": (("--mde", "1", "--users", "100"), "at most one of --mde, --users and --days"),
    "no lift": (("--mde", "0"), "--mde: must be above 0"),
    "a lift that is none": (("--mde", "nan"), "--mde: must be above 0"),
    "no users": (("--users", "0"), "--users: must lie between 1"),
    "an arm of one": (("--users", "7"), "--users: must be at least 8, 2 in each arm, got 7"),
    "no days": (("--days", "0"), "--days: must lie between 1"),
    "too many days": (("--days", "3650"), "--days: at most 3649"),
    "certainty": (("--power", "1"), "--power: must lie between 0 and 1"),
    "less than chance": (("--power", "0.05"), "--power: must be above the experiment's alpha"),
    "no number": (("--users", "many"), "--users"),
    "a file": (("--out", "SCENARIO"), "is a file, not a folder"),
    "below a file": (("--out", "SCENARIO/out"), "is a file, not a folder"),
    "engine": (("--engine", "steam"), "--engine"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line(abbotify: Command, path: Path, mistake: str) -> None:
    given, what = MISTAKES[mistake]
    before = sorted(path.parent.iterdir())
    finished = abbotify("power", path, *(g.replace("SCENARIO", str(path)) for g in given))
    assert (finished.code, finished.out) == (2, "")
    assert finished.err.count("\n") == 1
    assert what in finished.err
    assert sorted(path.parent.iterdir()) == before


def test_two_users_in_each_arm_are_enough_to_be_told(abbotify: Command, path: Path) -> None:
    assert abbotify("power", path, "--users", "8").code == 0


def test_further_phases_of_the_experiment_are_cut_or_lengthened(path: Path) -> None:
    phases = "[{phase: experiment, days: 2}, {phase: experiment, days: 3, retrain: daily}]"
    two = load(path, [f"timeline={phases}"])
    told = {d: [phase.days for phase in with_days(two, d).timeline] for d in (1, 2, 3, 9)}
    assert told == {1: [1], 2: [2], 3: [2, 1], 9: [2, 7]}


def test_guardrails_raise_the_power_of_each_test(path: Path) -> None:
    rails = "metrics.guardrails=[skip_rate, artist_diversity]"
    alone, guarded = terms_of(load(path), 0.8), terms_of(load(path, [rails]), 0.8)
    assert alone.wanted == 0.8
    assert guarded.wanted == pytest.approx(1 - 0.2 / 3)


def test_a_question_has_one_answer() -> None:
    with pytest.raises(UserError, match="at most one"):
        Question(mde=1.0, days=2)
    with pytest.raises(UserError, match="1e6 at most"):
        Question(mde=math.inf)
    with pytest.raises(UserError, match="between 0 and 1"):
        Question(power=math.nan)
