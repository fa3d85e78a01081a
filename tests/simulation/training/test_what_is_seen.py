"""What a training sees, to the millisecond."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from abbotify.eventlog.log import open_log
from abbotify.eventlog.schema import MS_PER_DAY, Events
from abbotify.scenario import Scenario
from abbotify.simulation.timeline import Schedule
from abbotify.simulation.training import training_log
from abbotify.testing import small_world
from abbotify.world import load_world
from tests.conftest import assert_same_arrays
from tests.simulation.training.scenarios import COLLECT, daily, made, models, scenario_of


@pytest.mark.parametrize(
    ("phases", "expected"),
    [
        ([COLLECT, {"phase": "train"}, {"phase": "experiment", "days": 2}], [(0, 1), (2, 3)]),
        ([COLLECT, {"phase": "train"}, daily()], [(0, 1), (2,), (3,), (4,)]),
        ([COLLECT, {"phase": "train"}, daily("frozen")], [(0, 1), (2, 3, 4)]),
    ],
)
def test_days_are_cut_where_models_are_trained(
    phases: list[dict[str, Any]], expected: list[tuple[int, ...]]
) -> None:
    segments = Schedule(scenario_of(*phases)).segments()
    assert [tuple(day.number for day in s.days) for s in segments] == expected
    assert segments[0].training is None
    assert segments[1].training == "collect"
    assert {s.training for s in segments[2:]} <= {"pooled"}


def test_only_sessions_that_are_over_are_seen() -> None:
    world = small_world()  # ids 3, 10, 17, ...
    on_day_end = 2 * MS_PER_DAY
    events = made(
        [
            (3, 0, 0, 5000),
            (10, 0, 1, on_day_end - 1),
            (10, 1, 1, on_day_end),
            (17, 0, 1, on_day_end + 9),
        ]
    )
    scenario = scenario_of(COLLECT, {"phase": "train"}, daily())
    log = training_log([events], Schedule(scenario), world, 2, "collect")
    assert log.row.tolist() == [0, 0, 1, 1]
    assert log.session.tolist() == [0, 0, 0, 0]
    assert log.step.tolist() == [0, 1, 0, 1]
    assert log.first.tolist() == [0, 0, 2, 2]
    assert log.track.tolist() == [0, 1, 2, 3]
    assert log.time.tolist() == [1.0, 0.37, 1.0, 0.37]
    assert (log.users, log.tracks) == (20, 60)
    # The one that ended at midnight, and the later one, wait for the next training.
    later = training_log([events], Schedule(scenario), world, 3, "pooled")
    assert later.row.tolist() == [0, 0, 1, 1, 1, 1, 2, 2]


def test_retraining_sees_the_experiment_of_all_or_of_the_arm_itself() -> None:
    world = small_world()
    scenario = scenario_of(COLLECT, {"phase": "train"}, daily("own"))
    schedule = Schedule(scenario)
    sessions = [(int(user), 0, 2, 2 * MS_PER_DAY + 5000) for user in world.users.ids]
    events = made([(3, 0, 0, 5000), *((u, int(u == 3), d, e) for u, _, d, e in sessions)])
    first_experiment_day = schedule.days[2]
    serving = schedule.plan_day(first_experiment_day, world.users.ids).serving
    mine = np.flatnonzero(serving == list(scenario.arms).index("next"))
    assert 0 < len(mine) < 20
    seen = training_log([events], Schedule(scenario), world, 3, "own", "next")
    assert seen.row[::2].tolist() == sorted([0, *mine.tolist()])
    assert len(training_log([events], Schedule(scenario), world, 3, "pooled")) == 42
    assert len(training_log([events], Schedule(scenario), world, 3, "collect")) == 2


def test_what_is_before_the_collection_is_not_learned_from() -> None:
    pre = {"phase": "pre", "days": 1, "recommender": "sticky"}
    scenario = scenario_of(pre, COLLECT, {"phase": "train"}, daily())
    events = made([(3, 0, 0, 5000), (3, 1, 1, MS_PER_DAY + 5000)])
    log = training_log([events], Schedule(scenario), small_world(), 3, "collect")
    assert log.session.tolist() == [1, 1]


def test_every_model_is_the_fit_to_the_log_of_its_day(daily_run: tuple[Scenario, Path]) -> None:
    """Recomputed from the finished run's log, cut at each training by a plain loop."""
    scenario, folder = daily_run
    world = load_world(scenario)
    events = Events.concat(list(open_log(folder / "log").pieces()))
    key = list(zip(events.user.tolist(), events.session.tolist(), strict=True))
    end = dict(zip(key, events.timestamp.tolist(), strict=True))  # the last row's stays
    for day, arrays in models(folder).items():
        pairs: dict[tuple[int, int], list[float]] = {}
        for i in range(1, len(events)):
            allowed = events.day[i] < 2 or day > 2
            if events.step[i] and end[key[i]] < day * MS_PER_DAY and allowed:
                pair = (int(events.track[i - 1]), int(events.track[i]))
                pairs.setdefault(pair, []).append(float(events.time[i]))
        for before in range(len(world.catalogue)):
            scores = {
                after: sum(times) / (len(times) + 1.0)
                for (b, after), times in pairs.items()
                if b == before
            }
            best = sorted((t for t in scores if scores[t] > 0), key=lambda t: (-scores[t], t))
            start, stop = arrays["offsets"][before : before + 2]
            got = arrays["tracks"][start:stop].tolist()
            assert [scores[t] for t in got] == pytest.approx([scores[t] for t in best[:20]])
    assert sorted(models(folder)) == [2, 3, 4]


def test_a_later_event_cannot_change_a_model(daily_run: tuple[Scenario, Path]) -> None:
    scenario, folder = daily_run
    world = load_world(scenario)
    pieces = list(open_log(folder / "log").pieces())
    for day in (2, 3, 4):
        training = "collect" if day == 2 else "pooled"
        seen = training_log(pieces, Schedule(scenario), world, day, training)
        changed = []
        for piece in pieces:
            ends = np.flatnonzero(piece.last)
            sessions = np.diff(np.append(-1, ends))
            late = np.repeat(piece.timestamp[ends] >= day * MS_PER_DAY, sessions)
            track, time = piece.track.copy(), piece.time.copy()
            track[late], time[late] = 0, 1.0
            assert late.any()
            changed.append(Events(**{**vars(piece), "track": track, "time": time}))
        again = training_log(changed, Schedule(scenario), world, day, training)
        assert_same_arrays(vars(seen), vars(again))


def test_what_several_arms_learn_from_cannot_be_changed() -> None:
    log = training_log(
        [made([(3, 0, 0, 5000)])], Schedule(scenario_of(COLLECT, {"phase": "train"}, daily())),
        small_world(), 2, "collect",
    )  # fmt: skip
    with pytest.raises(ValueError, match="read-only"):
        log.time[:] = 0.5
