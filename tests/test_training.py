"""What a training sees, to the millisecond; and that models are kept and found again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from abbotify import pipeline, timeline
from abbotify.errors import ScenarioError
from abbotify.eventlog.log import open_log
from abbotify.events import MS_PER_DAY, Events, Labels
from abbotify.modelstore import ModelStore, load_model
from abbotify.curve import Epoch
from abbotify.recommenders.training import Fitted
from abbotify.scenario import Scenario
from abbotify.scenario.load import from_source
from abbotify.scenario.yaml import Source
from abbotify.testing import small_world
from abbotify.training import training_log
from abbotify.world import load_world

ROOT = Path(__file__).parents[1]
LEARNS = {"recommender": "recommenders/heard_next.py:HeardNext"}
COLLECT = {"phase": "collect", "days": 2, "traffic": {"random": 0.5, "sticky": 0.5}}


def scenario_of(*phases: dict[str, Any], **keys: Any) -> Scenario:
    data = {
        "world": {
            "catalogue": {
                "source": "synthetic",
                "tracks": 60,
                "artists": 12,
                "genres": 3,
                "dims": 8,
            },
            "users": {"source": "synthetic", "count": 40},
        },
        "arrivals": {"sessions": 60},
        "timeline": list(phases),
        "arms": {
            "random": {"recommender": "random", "weight": 0},
            "sticky": {"recommender": "sticky_artist"},
            "next": LEARNS,
        },
        "experiment": {"name": "AB", "control": "sticky"},
        **keys,
    }
    return from_source(Source("made", data, {}), ROOT)


def daily(training: str = "pooled") -> dict[str, Any]:
    return {"phase": "experiment", "days": 3, "retrain": "daily", "training": training}


def models(folder: Path) -> dict[int, dict[str, npt.NDArray[Any]]]:
    found = {}
    for path in (folder / "models").glob("*.json"):
        entry = json.loads(path.read_text())
        found[entry["day"]] = dict(load_model(path.with_name(entry["file"])))
    return found


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
    segments = timeline.segments(scenario_of(*phases))
    assert [tuple(day.number for day in s.days) for s in segments] == expected
    assert segments[0].training is None
    assert segments[1].training == "collect"
    assert {s.training for s in segments[2:]} <= {"pooled"}


def made(sessions: list[tuple[int, int, int, int]]) -> Events:
    """Events of two tracks a session: (user, session, day, end in ms)."""
    user, session, day, end = (np.repeat(column, 2) for column in np.array(sessions).T)
    n = len(user)
    step = np.tile([0, 1], n // 2)
    return Events(
        timestamp=end - (1 - step) * 1000,
        day=day.astype(np.int32),
        user=user.astype(np.int64),
        session=session.astype(np.int32),
        step=step.astype(np.int32),
        last=step == 1,
        track=np.arange(n) % 60,
        time=np.where(step == 0, 1.0, 0.37),
        recommendation=np.full(n, -1),
        latency_ms=np.zeros(n, np.int64),
        arms={"arm": Labels(np.zeros(n, np.int16), ("sticky", "next"))},
    )


def test_only_sessions_that_are_over_are_seen() -> None:
    world = small_world()  # ids 3, 10, 17, ...
    midnight = 2 * MS_PER_DAY
    events = made(
        [(3, 0, 0, 5000), (10, 0, 1, midnight - 1), (10, 1, 1, midnight), (17, 0, 1, midnight + 9)]
    )
    scenario = scenario_of(COLLECT, {"phase": "train"}, daily())
    log = training_log([events], scenario, world, 2, "collect")
    assert log.row.tolist() == [0, 0, 1, 1]
    assert log.session.tolist() == [0, 0, 0, 0]
    assert log.step.tolist() == [0, 1, 0, 1]
    assert log.first.tolist() == [0, 0, 2, 2]
    assert log.track.tolist() == [0, 1, 2, 3]
    assert log.time.tolist() == [1.0, 0.37, 1.0, 0.37]
    assert (log.users, log.tracks) == (20, 60)
    # The one that ended at midnight, and the later one, wait for the next training.
    later = training_log([events], scenario, world, 3, "pooled")
    assert later.row.tolist() == [0, 0, 1, 1, 1, 1, 2, 2]


def test_retraining_sees_the_experiment_of_all_or_of_the_arm_itself() -> None:
    world = small_world()
    scenario = scenario_of(COLLECT, {"phase": "train"}, daily("own"))
    sessions = [(int(user), 0, 2, 2 * MS_PER_DAY + 5000) for user in world.users.ids]
    events = made([(3, 0, 0, 5000), *((u, int(u == 3), d, e) for u, _, d, e in sessions)])
    first_experiment_day = timeline.calendar(scenario)[2]
    serving = timeline.plan_day(scenario, first_experiment_day, world.users.ids).serving
    mine = np.flatnonzero(serving == list(scenario.arms).index("next"))
    assert 0 < len(mine) < 20
    seen = training_log([events], scenario, world, 3, "own", "next")
    assert seen.row[::2].tolist() == sorted([0, *mine.tolist()])
    assert len(training_log([events], scenario, world, 3, "pooled")) == 42
    assert len(training_log([events], scenario, world, 3, "collect")) == 2


def test_what_is_before_the_collection_is_not_learned_from() -> None:
    pre = {"phase": "pre", "days": 1, "recommender": "sticky"}
    scenario = scenario_of(pre, COLLECT, {"phase": "train"}, daily())
    events = made([(3, 0, 0, 5000), (3, 1, 1, MS_PER_DAY + 5000)])
    log = training_log([events], scenario, small_world(), 3, "collect")
    assert log.session.tolist() == [1, 1]


@pytest.fixture(scope="module")
def daily_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Scenario, Path]:
    folder = tmp_path_factory.mktemp("runs") / "daily"
    scenario = scenario_of(COLLECT, {"phase": "train"}, daily(), shards=3)
    pipeline.run(scenario, folder)
    return scenario, folder


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
        seen = training_log(pieces, scenario, world, day, training)
        changed = []
        for piece in pieces:
            ends = np.flatnonzero(piece.last)
            sessions = np.diff(np.append(-1, ends))
            late = np.repeat(piece.timestamp[ends] >= day * MS_PER_DAY, sessions)
            track, time = piece.track.copy(), piece.time.copy()
            track[late], time[late] = 0, 1.0
            assert late.any()
            changed.append(Events(**{**vars(piece), "track": track, "time": time}))
        again = training_log(changed, scenario, world, day, training)
        for name, values in vars(seen).items():
            np.testing.assert_array_equal(values, getattr(again, name), err_msg=name)


def test_workers_and_shards_change_no_model(
    daily_run: tuple[Scenario, Path], tmp_path: Path
) -> None:
    scenario, folder = daily_run
    pipeline.run(scenario, tmp_path / "two", workers=2)
    for name in ("report.json", "effects.csv", "users.parquet"):
        assert (tmp_path / "two" / name).read_bytes() == (folder / name).read_bytes()
    ours, theirs = models(folder), models(tmp_path / "two")
    assert ours.keys() == theirs.keys()
    for day, arrays in ours.items():
        for name, values in arrays.items():
            np.testing.assert_array_equal(values, theirs[day][name])


@pytest.mark.parametrize("latency", [0, 3_600_000])
def test_the_same_log_is_played_when_users_meet(latency: int, tmp_path: Path) -> None:
    """With a queue that never makes anybody wait, days are one unit: the log stays the same.

    With an hour's latency many a session's last request is unanswered at midnight; its last event
    is before it all the same.
    """
    scenario = scenario_of(COLLECT, {"phase": "train"}, daily(), listener={"max_tracks": 5})
    data = scenario.source.data
    arms = {name: {**arm, "latency_ms": latency} for name, arm in data["arms"].items()}
    ours, theirs = (
        from_source(Source("made", {**data, "arms": arms, **more}, {}), ROOT)
        for more in ({"shards": 3}, {"service": {"replicas": 1_000_000}})
    )
    logs, plays = [], []
    for name, each in (("apart", ours), ("together", theirs)):
        pipeline.run(each, tmp_path / name)
        logs.append(Events.concat(list(open_log(tmp_path / name / "log").pieces())))
        manifest = json.loads((tmp_path / name / "manifest.json").read_text())
        plays.append([training["plays"] for training in manifest["trainings"]])
    assert plays[0] == plays[1]
    for name in ("timestamp", "user", "session", "step", "track", "time", "recommendation"):
        np.testing.assert_array_equal(getattr(logs[0], name), getattr(logs[1], name), err_msg=name)


def test_what_several_arms_learn_from_cannot_be_changed() -> None:
    log = training_log(
        [made([(3, 0, 0, 5000)])], scenario_of(COLLECT, {"phase": "train"}, daily()),
        small_world(), 2, "collect",
    )  # fmt: skip
    with pytest.raises(ValueError, match="read-only"):
        log.time[:] = 0.5


ENDED = """
from pathlib import Path
class Learner:
    def __init__(self, params, world): self.file = Path(__file__).with_name("ended")
    def fit(self, log, catalogue): return {"file": log.track[:1], "allow_pickle": log.track[:1]}
    def restore(self, arrays): self.track = int(arrays["file"][0])
    def recommend(self, request): return self.track
    def ended(self, request):
        with self.file.open("a") as file:
            file.write(f"{request.user} {request.session}\\n")
"""


def test_a_plug_in_that_learns_is_told_of_the_end_of_each_session(tmp_path: Path) -> None:
    """Its arrays may have any name."""
    (tmp_path / "learner.py").write_text(ENDED)
    arms = {
        "random": {"recommender": "random", "weight": 0},
        "sticky": {"recommender": "sticky_artist"},
        "it": {"recommender": f"{tmp_path}/learner.py:Learner"},
    }
    experiment = {"phase": "experiment", "days": 1}
    scenario = scenario_of(COLLECT, {"phase": "train"}, experiment, arms=arms)
    document = pipeline.run(scenario, tmp_path / "run")
    told = (tmp_path / "ended").read_text().splitlines()
    arm = next(arm for arm in document.arms if arm.name == "it")
    assert len(told) == len(set(told)) == arm.sessions


def test_a_repeated_run_takes_the_models_that_are_there(tmp_path: Path) -> None:
    arms = {
        "random": {"recommender": "random", "weight": 0},
        "sticky": {"recommender": "sticky_artist"},
        "shipped": {"recommender": "item2item"},
        "own": LEARNS,  # what its code reads is not known, so it is trained again
        "idle": {"recommender": "neural", "weight": 0},  # serves nobody, so it is not
    }
    experiment = {"phase": "experiment", "days": 1}
    scenario = scenario_of(COLLECT, {"phase": "train"}, experiment, arms=arms)
    reused = []
    for _ in range(2):
        pipeline.run(scenario, tmp_path / "run")
        manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
        reused += [training["reused"] for training in manifest["trainings"]]
    assert reused == [False, False, True, False]
    data = {**scenario.source.data, "seeds": {"dynamics": 5}}
    pipeline.run(from_source(Source("made", data, {}), ROOT), tmp_path / "run")
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert [training["reused"] for training in manifest["trainings"]] == [False, False]


def test_models_come_back_from_disk(tmp_path: Path) -> None:
    curve = (Epoch(1, 0.5, None, 0.1), Epoch(2, 0.25, 0.3, 0.01))
    arrays = {"b": np.arange(6, dtype=np.float32).reshape(2, 3), "a": np.array([2**40])}
    (tmp_path / "run").mkdir()
    kept = ModelStore(tmp_path / "run").keep(3, "näme/x", 7, 100, "key", Fitted(arrays, curve))
    assert kept.file == "03-n_me_x-day-0007.npz"
    found = ModelStore(tmp_path, [tmp_path / "run"]).find("key")
    assert found is not None
    assert found.curve == curve
    assert {name: array.dtype for name, array in found.arrays.items()} == {
        "a": np.int64,
        "b": np.float32,
    }
    np.testing.assert_array_equal(found.arrays["b"], arrays["b"])
    assert ModelStore(tmp_path, [tmp_path / "run"]).find("other") is None


@pytest.mark.parametrize("damage", [b"", b"PK not an archive", None])
def test_a_damaged_model_is_trained_again(tmp_path: Path, damage: bytes | None) -> None:
    (tmp_path / "run").mkdir()
    kept = ModelStore(tmp_path / "run").keep(0, "a", 1, 1, "key", Fitted({"x": np.ones(3)}))
    path = tmp_path / "run" / "models" / kept.file
    path.unlink() if damage is None else path.write_bytes(damage)
    assert ModelStore(tmp_path, [tmp_path / "run"]).find("key") is None


@pytest.mark.parametrize(
    ("old", "new"),
    [("0.5", "0.4"), ("0.5", "NaN"), ('"key": "key"', '"key": []'), ('"day": 1', '"day": "x"')],
)
def test_a_changed_account_of_a_model_is_passed_over(tmp_path: Path, old: str, new: str) -> None:
    (tmp_path / "run").mkdir()
    fitted = Fitted({"x": np.ones(3)}, (Epoch(1, 0.5, None, 0.1),))
    kept = ModelStore(tmp_path / "run").keep(0, "a", 1, 1, "key", fitted)
    path = (tmp_path / "run" / "models" / kept.file).with_suffix(".json")
    assert ModelStore(tmp_path, [tmp_path / "run"]).find("key") is not None
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    (path.parent / "deep.json").write_text("[" * 100_000)
    assert ModelStore(tmp_path, [tmp_path / "run"]).find("key") is None


Change = Callable[[dict[str, Any]], None]


@pytest.mark.parametrize(
    ("phases", "keys", "key", "what"),
    [
        ([{"phase": "train"}, daily()], {}, "timeline.0.phase", "collect before it"),
        ([COLLECT, daily()], {}, "timeline.1.phase", "next learns: it needs a phase: train"),
        (
            [{**COLLECT, "traffic": {"next": 1.0}}, {"phase": "train"}, daily()],
            {},
            "timeline.0.phase",
            "next learns",
        ),
        (
            [COLLECT, {"phase": "train"}, daily()],
            {"log": {"level": "users"}},
            "log.level",
            "events",
        ),
    ],
)
def test_what_cannot_be_trained_is_refused(
    phases: list[dict[str, Any]], keys: dict[str, Any], key: str, what: str, tmp_path: Path
) -> None:
    learned = {"recommender": "item2item"}
    for arm in (LEARNS, learned):
        arms = {
            "random": {"recommender": "random", "weight": 0},
            "sticky": {"recommender": "sticky_artist"},
            "next": arm,
        }
        with pytest.raises(ScenarioError, match=what) as caught:
            pipeline.run(scenario_of(*phases, arms=arms, **keys), tmp_path / "run")
        assert caught.value.key == key
