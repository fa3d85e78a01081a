"""From a scenario to its report: the arrow of the whole program, in one place."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial, reduce
from itertools import count
from pathlib import Path
from typing import Any

from abbotify import __version__, outfolder, scale, timeline
from abbotify.digests import digest_data
from abbotify.engine.event_driven import EventDriven
from abbotify.eventlog.botify_writer import LoggedExperiment, parts_of_log, write_botify
from abbotify.eventlog.log import open_log
from abbotify.events import ARM, Events, arm_column, arm_label
from abbotify.experiment import layers
from abbotify.metrics.definitions import METRICS
from abbotify.metrics.users import UserTable
from abbotify.metrics.users_file import write_users
from abbotify.modelstore import MODELS, ModelStore, load_arrays
from abbotify.plan import Plan, prepare
from abbotify.recommenders import Arm, build_arm
from abbotify.report import Document, write
from abbotify.report.build import ArmInfo, build
from abbotify.report.document import FORMATS, Run
from abbotify.report.tally import Tally
from abbotify.scenario import Scenario, dump, plain
from abbotify.shard import LOG, STATE, Job, Played, Shard, judged, log_file, player
from abbotify.training import Told, Trainer, Training
from abbotify.world import digest


def run(
    scenario: Scenario,
    out: Path,
    workers: int = 1,
    progress: Told = lambda what, done, total, note="": None,
) -> Document:
    """Plays a scenario and writes its folder.

    Args:
        scenario: the description.
        out: the run folder; swapped in at the end, an existing run is replaced.
        workers: processes that share the shards; changes nothing but the time.
        progress: told what is being done.

    Returns:
        the report.

    Raises:
        UserError: the user's mistake; nothing is written then.
    """
    started = time.time()
    outfolder.check(out)
    progress("world", 0, 0)
    plan = prepare(scenario)
    with outfolder.swapped(out) as folder:
        store = ModelStore(folder, earlier=[out])
        trainer = Trainer(scenario, plan.world, plan.arms, store, progress)
        played = play(plan, folder, trainer, workers, progress)
        progress("report", 0, 0)
        shards = [judged(scenario, plan.world, folder, shard) for shard in _shards(plan)]
        users = UserTable.concat([shard.users for shard in shards])
        further = {
            name: UserTable.concat([shard.further[name] for shard in shards])
            for name in shards[0].further
        }
        tally = reduce(Tally.merge, [part.tally for part in played])
        document = _document(plan, users, further, tally)
        (folder / "scenario.yaml").write_text(dump(scenario), encoding="utf-8")
        write_users(folder / "users.parquet", users)
        if scenario.log.botify:
            _write_botify(scenario, folder)
        execution = _execution(workers, started)
        manifest = {
            "execution": execution,
            "coupled": plan.coupled,
            "units": [unit for part in played for unit in part.units],
            "trainings": [_training(training) for training in trainer.done],
        }
        _write_json(folder / "manifest.json", manifest)
        write(document, folder, execution)
    return document


def play(plan: Plan, folder: Path, trainer: Trainer, workers: int, progress: Told) -> list[Played]:
    """Plays all days; between two days models may be trained, for all shards at once."""
    scenario = plan.scenario
    midnight = counted("days", len(plan.shards) * scenario.days, progress)
    if plan.coupled:
        return _play_coupled(plan, folder, trainer, midnight)
    played: list[Played] = []
    models: dict[str, Path] = {}
    for segment in timeline.segments(scenario):
        first = segment.days[0].number
        if segment.training is not None:
            events = partial(events_before, plan, folder, first)
            models |= trainer.train(first, segment.training, events)
        played += play_segment(plan, folder, segment, models, workers, midnight)
    return played


def play_segment(
    plan: Plan,
    folder: Path,
    segment: timeline.Segment,
    models: Mapping[str, Path],
    workers: int,
    midnight: Callable[[], None],
) -> list[Played]:
    """Plays the days of a segment, shard by shard.

    Args:
        plan: the run.
        folder: where it is written; the days before are there.
        segment: the days.
        models: name of an arm that learns -> the file of its model.
        workers: processes that share the shards.
        midnight: called when a day of a shard is over.
    """
    for name in (LOG, STATE):
        (folder / name).mkdir(exist_ok=True)
    job = Job(plan.scenario, plan.world, folder, bool(plan.coupled), segment.days, models)
    if workers == 1 or len(plan.shards) == 1:
        arms = None if models else plan.arms
        return list(scale.each(partial(player, arms=arms, midnight=midnight), job, _shards(plan)))
    played = []
    for part in scale.each(player, job, _shards(plan), workers):
        played.append(part)
        for _ in segment.days:
            midnight()
    return played


def _play_coupled(
    plan: Plan, folder: Path, trainer: Trainer, midnight: Callable[[], None]
) -> list[Played]:
    """Plays a run whose users meet: one unit over all days, trained as it goes."""
    scenario, arms = plan.scenario, list(plan.arms)
    trainings = {s.days[0].number: s.training for s in timeline.segments(scenario) if s.training}

    def morning(day: int, so_far: Callable[[], Events]) -> list[Arm]:
        if day in trainings:
            files = trainer.train(day, trainings[day], lambda: [so_far()])
            for place, arm in enumerate(arms):  # the others go on with what they know
                if arm.name in files:
                    spec, model = scenario.arms[arm.name], load_arrays(files[arm.name])
                    arms[place] = build_arm(arm.name, spec, plan.world, scenario, model)
        return list(arms)

    for name in (LOG, STATE):
        (folder / name).mkdir()
    job = Job(scenario, plan.world, folder, True, timeline.calendar(scenario))
    function = partial(player, arms=plan.arms, midnight=midnight, morning=morning)
    return list(scale.each(function, job, _shards(plan)))


def _shards(plan: Plan) -> list[Shard]:
    return [Shard(number, rows) for number, rows in enumerate(plan.shards)]


def events_before(plan: Plan, folder: Path, day: int) -> Iterator[Events]:
    """The log of the days before a day, whole users at a time."""
    days, shards = range(day), range(len(plan.shards))
    files = [log_file(folder, before, shard) for before in days for shard in shards]
    return open_log(files).pieces()


def counted(what: str, total: int, progress: Told) -> Callable[[], None]:
    """A function that tells, each time it is called, that one more is done."""
    done = count(1)
    return lambda: progress(what, next(done), total)


def _training(training: Training) -> dict[str, Any]:
    """A training's entry in the manifest."""
    model = training.model
    return {
        "arm": model.arm,
        "day": model.day,
        "plays": model.plays,
        "epochs": len(model.curve),
        "file": f"{MODELS}/{model.file}",
        "digest": model.digest,
        "reused": training.reused,
        "seconds": round(training.seconds, 2),
    }


def _document(
    plan: Plan, users: UserTable, further: dict[str, UserTable], tally: Tally
) -> Document:
    scenario, first = plan.scenario, layers(plan.scenario)[0]
    catalogue = plan.world.catalogue
    return build(
        users=users,
        further=further,
        tally=tally,
        scenario=plain(scenario),
        run=Run(
            seeds={"world": scenario.seeds.world, "dynamics": scenario.seeds.dynamics},
            digests={"scenario": digest_data(plain(scenario)), "world": digest(plan.world)},
            formats=dict(FORMATS),
            abbotify=__version__,
            alpha=scenario.layers[0].alpha,
            experiment=first.name,
            days=len(timeline.experiment_days(scenario)),
            population=scenario.metrics.population,
            notes=plan.world.notes,
        ),
        arms=[
            ArmInfo(name, arm_label(code), scenario.arms[name].recommender, weight)
            for code, (name, weight) in enumerate(zip(first.arms, first.weights, strict=True))
        ],
        metrics=_reported(scenario),
        success=scenario.metrics.success,
        titles=lambda track: (
            catalogue.titles[track],
            catalogue.artists[int(catalogue.artist[track])],
        ),
    )


def _reported(scenario: Scenario) -> list[str]:
    wanted = scenario.metrics.report
    shown = list(METRICS) if wanted == "all" else [*scenario.metrics.success, *wanted]
    return [name for name in METRICS if name in shown]


def _write_botify(scenario: Scenario, folder: Path) -> None:
    experiments = layers(scenario)
    one = scenario.experiments is None
    columns = [
        LoggedExperiment(ARM if one else arm_column(layer.name), layer.name, layer.arms)
        for layer in experiments
    ]
    write_botify(folder / "botify.jsonl", parts_of_log(open_log(folder / LOG)), columns)


def _execution(workers: int, started: float) -> dict[str, Any]:
    return {
        "engine": EventDriven.name,
        "workers": workers,
        "started": time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(started)) + " UTC",
        "seconds": round(time.time() - started, 2),
        "host": platform.node(),
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def _write_json(path: Path, data: Any) -> None:
    path.write_text(json.dumps(data, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
