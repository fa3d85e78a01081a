"""What is left of a unit: saved, loaded, continued from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from abbotify.errors import DataError
from abbotify.eventlog.schema import Events
from abbotify.recommenders.candidate_table import HISTORY
from abbotify.simulation.engine import State, Unit
from abbotify.simulation.timeline import Schedule

CURIOUS = '''
class Curious:
    """Recommends by the listening history over sessions."""

    def __init__(self, params, world):
        self.n = len(world.catalogue)

    def recommend(self, request):
        return sum((i + 1) * track for i, (track, _) in enumerate(request.history)) % self.n
'''


def assert_equal(a: State, b: State) -> None:
    for field in fields(State):
        left, right = getattr(a, field.name), getattr(b, field.name)
        assert left.dtype == right.dtype
        assert np.array_equal(left, right), field.name


def units(game: Any, days: int) -> list[Unit]:
    """Units of the given number of days each, over all users."""
    scenario, ids = game.scenario, game.world.users.ids
    schedule = Schedule(scenario)
    names = schedule.arm_columns
    plans = [schedule.plan_day(day, ids) for day in schedule.days]
    groups = [tuple(plans[i : i + days]) for i in range(0, len(plans), days)]
    return [Unit(0, 0, len(ids), group, names, scenario.days) for group in groups]


@pytest.fixture
def curious(make: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    """A game whose recommender looks at the history."""
    path = tmp_path / "curious.py"
    path.write_text(CURIOUS, encoding="utf-8")

    def build(arrivals: dict[str, Any]) -> Any:
        return make(
            arrivals=arrivals,
            timeline=[{"phase": "experiment", "days": 4}],
            arms={"random": {"recommender": "random"}, "own": {"recommender": f"{path}:Curious"}},
        )

    return build


ARRIVALS = [{"sessions": 15.0}, {"visits_per_day": 1.5}, {"visits_per_day": 0.05}]


@pytest.mark.parametrize("arrivals", ARRIVALS)
def test_a_saved_state_continues_the_run(
    curious: Callable[..., Any], rows: Any, tmp_path: Path, arrivals: dict[str, Any]
) -> None:
    game = curious(arrivals)
    (unit,) = units(game, 4)
    whole = game.engine.run(unit, State.initial(12))
    for days in (1, 2, 3):
        state, parts = State.initial(12), []
        for number, unit in enumerate(units(game, days)):
            result = game.engine.run(unit, state)
            parts.append(result.events)
            path = tmp_path / f"{days}-{number}.npz"
            result.state.save(path)
            state = State.load(path)
            assert_equal(state, result.state)
        events = Events.concat(parts)
        order = np.lexsort((events.step, events.session, events.user))
        assert rows(events.take(order)) == rows(whole.events)
        assert_equal(state, whole.state)


@pytest.mark.parametrize("arrivals", ARRIVALS)
def test_the_state_is_the_end_of_the_log(
    curious: Callable[..., Any], rows: Any, arrivals: dict[str, Any]
) -> None:
    game = curious(arrivals)
    (unit,) = units(game, 4)
    result = game.engine.run(unit, State.initial(12))
    log = rows(result.events)
    for row, user in enumerate(game.world.users.ids.tolist()):
        mine = [event for event in log if event[2] == user]
        plays = [(-1, 0)] * HISTORY + [(event[6], round(event[7] * 100)) for event in mine]
        assert result.state.tracks[row].tolist() == [track for track, _ in plays[-HISTORY:]]
        assert result.state.times[row].tolist() == [time for _, time in plays[-HISTORY:]]
        assert result.state.sessions[row] == sum(event[5] for event in mine)
        end = mine[-1][0] + mine[-1][9] if mine else 0
        assert result.state.busy_until[row] == end
        if "visits_per_day" in arrivals:
            assert result.state.next_visit[row] >= max(end, 4 * 86_400_000)


def test_playing_a_unit_changes_nothing_it_was_given(make: Callable[..., Any], rows: Any) -> None:
    game, state = make(), State.initial(12)
    unit = units(game, 2)[0]
    first = game.engine.run(unit, state)
    assert_equal(state, State.initial(12))
    again = game.engine.run(unit, state)
    assert rows(again.events) == rows(first.events)
    assert_equal(again.state, first.state)


def test_equal_states_are_equal_files(tmp_path: Path) -> None:
    for name in ("a", "b"):
        State.initial(5).save(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_broken_files_are_refused(tmp_path: Path) -> None:
    State.initial(5).save(tmp_path / "state.npz")
    whole = (tmp_path / "state.npz").read_bytes()
    np.save(tmp_path / "array.npy", np.arange(3))
    np.savez(tmp_path / "pickled.npz", busy_until=np.array([{}]))
    np.savez(tmp_path / "other.npz", busy_until=np.arange(3))
    for name, content in [("empty", b""), ("cut", whole[:300]), ("text", b"no state")]:
        (tmp_path / name).write_bytes(content)
    for name in ("empty", "cut", "text", "array.npy", "pickled.npz", "other.npz", "missing"):
        with pytest.raises(DataError, match="is not a shard's state"):
            State.load(tmp_path / name)
