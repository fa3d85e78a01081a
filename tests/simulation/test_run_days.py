"""Days played in one go or segment by segment, and how their progress is counted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from abbotify.simulation.model_store import ModelStore
from abbotify.simulation.prepare import Plan
from abbotify.simulation.run_days import DayProgress, run_pool
from abbotify.simulation.shard import LOG, STATE
from abbotify.simulation.training import Trainer

Ready = Callable[..., Plan]
Counts = list[tuple[str, int, int]]


def recorded(counts: Counts) -> Callable[..., None]:
    def record(what: str, done: int, total: int, note: str = "") -> None:
        counts.append((what, done, total))

    return record


def trainer_of(plan: Plan, folder: Path) -> Trainer:
    return Trainer(plan, plan.learning, ModelStore(folder))


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / LOG).iterdir()}


def test_progress_counts_from_each_start() -> None:
    counts: Counts = []
    days = DayProgress(recorded(counts))
    days.start("days", 2)
    days.add()
    days.add()
    days.start("others", 1)
    days.add()
    assert counts == [("days", 1, 2), ("days", 2, 2), ("others", 1, 1)]


def test_segments_give_the_log_of_the_whole_run(ready: Ready, tmp_path: Path) -> None:
    pre = {"phase": "pre", "days": 1, "recommender": "random"}
    plan = ready(timeline=[pre, {"phase": "experiment", "days": 2}], shards=3, truth=True)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    whole.mkdir()
    parts.mkdir()
    counts: Counts = []
    with run_pool(plan, 1, recorded(counts)) as pool:
        output = pool.play(whole, trainer_of(plan, whole))
    assert counts == [("days", day, 9) for day in range(1, 10)]
    assert len(output.units) == 9
    before, after = plan.schedule.segments(1)
    with run_pool(plan) as pool:
        first = pool.play(parts, trainer_of(plan, parts), [before])
        state = {path.name: path.read_bytes() for path in (parts / STATE).iterdir()}
        second = pool.play(parts, trainer_of(plan, parts), [after])
    kept = {path.name: path.read_bytes() for path in (whole / STATE).iterdir()}
    assert state.items() <= kept.items()  # the counterfactual worlds go on from there
    assert files(parts) == files(whole)
    assert first.merge(second).units == output.units


def test_users_who_meet_are_one_unit_whose_days_are_counted(ready: Ready, tmp_path: Path) -> None:
    plan = ready(service={"replicas": 2})
    counts: Counts = []
    with run_pool(plan, 2, recorded(counts)) as pool:
        output = pool.play(tmp_path, trainer_of(plan, tmp_path))
    assert counts == [("days", 1, 2), ("days", 2, 2)]
    assert [unit["days"] for unit in output.units] == [[0, 1]]
