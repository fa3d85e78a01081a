"""From a scenario to its report: the arrow of the whole program, in one place."""

from __future__ import annotations

import platform
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from abbotify import __version__
from abbotify.digests import digest_data
from abbotify.errors import PageError
from abbotify.eventlog.botify_writer import LoggedExperiment, parts_of_log, write_botify
from abbotify.eventlog.log import open_log
from abbotify.eventlog.schema import ARM, arm_column, arm_label
from abbotify.files import folders
from abbotify.files.replacement import RUN
from abbotify.metrics.aggregates import Truth
from abbotify.metrics.users_file import StoredUsers
from abbotify.progress import Progress, silent
from abbotify.recommenders.failures import MOST_KINDS, merged
from abbotify.report import Result, read, write_data, write_pages
from abbotify.report.build import build
from abbotify.report.checks import data as checks
from abbotify.report.faults import Faults
from abbotify.report.inputs import ArmInfo, ReportInputs, ReportSpec
from abbotify.report.monitoring import MonitoringPlan
from abbotify.report.result import FORMATS, Run
from abbotify.report.result_rows import Training as TrainingRow
from abbotify.report.user_level_effects import UserLevelEffects, UserLevelSpec, user_level_effects
from abbotify.scenario import Scenario, dump, plain
from abbotify.simulation.checkpoint import (
    REPORT,
    differences,
    identity,
    interrupted_run,
    is_finished,
    keeper,
    outputs_in,
    refuse_differences,
    remove_state,
    write_manifest,
)
from abbotify.simulation.compiled.compile_ahead import compiled_ahead, meets
from abbotify.simulation.coupling import interference
from abbotify.simulation.model_store import MODELS, ModelStore
from abbotify.simulation.parallel.executor import Workers
from abbotify.simulation.prepare import Plan, ready
from abbotify.simulation.requested import limits, monitoring_spec, rails, reported
from abbotify.simulation.run_days import RunPool, run_pool
from abbotify.simulation.shard import LOG, ShardOutput
from abbotify.simulation.timeline import Schedule
from abbotify.simulation.training import Trainer, Training
from abbotify.simulation.true_effects import true_effects
from abbotify.simulation.user_results import ExperimentAggregates, aggregate_users

USERS: Final = "users.parquet"


def run(
    scenario: Scenario,
    out: Path,
    workers: Workers = 1,
    progress: Progress = silent,
    engine: str = "auto",
    resume: bool = False,
    notice: Callable[[str], None] = lambda text: None,
) -> Result:
    """Plays a scenario and writes its folder.

    Args:
        scenario: the description.
        out: the run folder; swapped in at the end, an existing run is replaced.
        workers: processes that share the shards, or a cluster; changes nothing but the time.
        progress: receives what is being done.
        engine: `auto`, `compiled` or `simpy`; changes nothing but the time.
        resume: go on with a run into the folder that was interrupted; leave a finished one that
            is equal as it is.
        notice: receives what became of an earlier run, in a sentence.

    Returns:
        the report.

    Raises:
        UserError: the user's mistake; nothing is written then.
        PageError: a page cannot be made; the run folder is there without it.
    """
    started = time.time()
    progress("world", 0, 0)
    with compiled_ahead(meets(scenario)):
        plan = ready(scenario, out, engine, workers if isinstance(workers, int) else 1)
    place = out.absolute()  # wherever a recommender of the user's own goes
    known = identity(plan)
    interrupted = interrupted_run(place)
    if resume and is_finished(place) and not differences(place, known):
        notice(f"{out} is finished, from equal settings: it is left as it is")
        if interrupted is not None and not differences(interrupted, known):
            shutil.rmtree(interrupted, ignore_errors=True)  # nobody will go on with it
        return read(place)
    if resume and (interrupted is not None or is_finished(place)):
        refuse_differences(place, interrupted or place, known)
    _tell_beginning(out, resume, interrupted, notice)
    taken = interrupted if resume else None
    with folders.swapped(place, RUN, taken, keeper(out, notice)) as folder:
        if is_finished(folder):  # it was interrupted after all was done
            result: Result | None = read(folder)
            fault: PageError | None = None
        else:
            write_manifest(folder, {}, known)
            trainer = Trainer(plan, plan.learning, ModelStore(folder, [place]), progress)
            with run_pool(plan, workers, progress) as pool:
                result, manifest, faults = _play_and_write(pool, folder, trainer)
            manifest["execution"] = _execution(plan.engine, workers, started)
            fault = _write_pages(result, folder, manifest, faults)
            write_manifest(folder, manifest | faults.entry, known)
        remove_state(folder)
    if result is None:
        raise PageError(f"{out}: {fault}")
    if fault is not None:
        raise fault.beside(out)
    return result


def _play_and_write(
    pool: RunPool, folder: Path, trainer: Trainer
) -> tuple[Result | None, dict[str, Any], Faults]:
    """Plays a run and writes all but its pages; the result is None where it cannot be computed."""
    plan, faults = pool.plan, Faults()
    played = pool.play(folder, trainer)
    truth = _truth(pool, folder, trainer, faults)
    trainer.progress("report", 0, 0)
    (folder / "scenario.yaml").write_text(dump(plan.scenario), encoding="utf-8")
    if plan.scenario.log.botify:
        _write_botify(plan.schedule, folder)

    def report() -> Result:
        result = _report(pool, folder, trainer, played, truth, faults)
        write_data(result, folder)
        return result

    result: Result | None = faults.attempt(REPORT, report, None)
    manifest: dict[str, Any] = {
        "coupled": plan.coupled,
        "units": list(played.units),
        "trainings": [_entry(training) for training in trainer.done],
        "errors": _errors(plan.schedule, played),
    }
    return result, manifest, faults


def _write_pages(
    result: Result | None, folder: Path, manifest: Mapping[str, Any], faults: Faults
) -> PageError | None:
    """Writes the pages of a report; what keeps one from being made."""
    if result is not None:
        return write_pages(result, folder, manifest, faults)
    why = f"the report cannot be computed ({faults.reasons[REPORT]})"
    return PageError(f"{why}; the log is there, the traceback in manifest.json")


def _tell_beginning(
    out: Path, resume: bool, interrupted: Path | None, notice: Callable[[str], None]
) -> None:
    """Tells what becomes of an interrupted run."""
    if interrupted is None:
        if resume:
            notice(f"{out}: nothing to resume, the run starts afresh")
        return
    units = f"finished units of work: {outputs_in(interrupted)}"
    if resume:
        notice(f"{out}: the interrupted run goes on, {units}")
    else:
        notice(f"{out}: an interrupted run is dropped ({units}; --resume would go on with it)")


def play_and_report(
    plan: Plan, folder: Path, trainer: Trainer, workers: int = 1, progress: Progress = silent
) -> tuple[Result, ShardOutput]:
    """Plays a scenario and reports on its users; the report is not written.

    Args:
        plan: a scenario made ready.
        folder: exists; log, models and users are written there.
        trainer: of its arms.
        workers: processes that share the shards.
        progress: receives what is being done.

    Raises:
        UserError: a training failed, or a recommender under `on_error: stop`.
    """
    faults = Faults(strict=True)
    with run_pool(plan, workers, progress) as pool:
        played = pool.play(folder, trainer)
        truth = _truth(pool, folder, trainer, faults)
        return _report(pool, folder, trainer, played, truth, faults), played


def _truth(pool: RunPool, folder: Path, trainer: Trainer, faults: Faults) -> Sequence[Truth]:
    """The true effects of a run, which may fail without it."""
    if not pool.plan.scenario.truth:
        return ()
    return faults.attempt("truth", lambda: true_effects(pool, folder, trainer), ())


def _errors(schedule: Schedule, played: ShardOutput) -> list[dict[str, Any]]:
    """The first error of each kind, as entries of the manifest."""
    return [
        {"phase": schedule.days[failure.day].phase.phase} | asdict(failure)
        for failure in merged(played.failures, MOST_KINDS)
    ]


def _entry(training: Training) -> dict[str, Any]:
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


def _report(
    pool: RunPool,
    folder: Path,
    trainer: Trainer,
    played: ShardOutput,
    truth: Sequence[Truth],
    faults: Faults,
) -> Result:
    plan, scenario, first = pool.plan, pool.plan.scenario, pool.plan.schedule.experiment
    catalogue = plan.world.catalogue
    aggregates = aggregate_users(pool, folder, folder / USERS)
    user_level = faults.attempt(
        "quantiles and segments", lambda: _user_level(plan, folder / USERS), UserLevelEffects()
    )
    return build(
        plain(scenario),
        Run(
            seeds=scenario.seeds.model_dump(exclude_none=True),
            digests={"scenario": digest_data(plain(scenario)), "world": plan.world_digest},
            formats=dict(FORMATS),
            abbotify=__version__,
            alpha=scenario.layers[0].alpha,
            experiment=first.name,
            days=len(plan.schedule.experiment_days),
            population=scenario.metrics.population,
            estimator=scenario.metrics.estimator,
            notes=plan.notes,
        ),
        [
            ArmInfo(name, arm_label(code), scenario.arms[name].recommender, weight)
            for code, (name, weight) in enumerate(zip(first.arms, first.weights, strict=True))
        ],
        ReportSpec(
            reported(scenario),
            scenario.metrics.success,
            rails(scenario),
            _monitoring_plan(plan.schedule, aggregates),
            limits(scenario),
        ),
        ReportInputs(
            aggregates.users,
            played.tally,
            aggregates.further,
            user_level,
            _curves(trainer.done),
            truth,
            titles=lambda track: (
                catalogue.titles[track],
                catalogue.artists[int(catalogue.artist[track])],
            ),
            checks=[checks.interference(interference(scenario, plan.arms))],
        ),
        faults,
    )


def _user_level(plan: Plan, users: Path) -> UserLevelEffects:
    """What needs the values of all users, from the file they are in."""
    scenario, settings = plan.scenario, plan.scenario.metrics
    return user_level_effects(
        StoredUsers(users),
        UserLevelSpec(
            plan.schedule.experiment.arms,
            settings.success,
            settings.population,
            scenario.layers[0].alpha,
            settings.quantiles,
            settings.bootstrap,
            plan.segments,
            tuple(rail.metric for rail in settings.guardrails),
        ),
    )


def _monitoring_plan(schedule: Schedule, aggregates: ExperimentAggregates) -> MonitoringPlan | None:
    """How the experiment is monitored; None where days do not add up to a success metric."""
    what, scenario = monitoring_spec(schedule), schedule.scenario
    if what is None:
        return None
    settings = scenario.monitoring
    planned = settings.planned_users or sum(arm.assigned for arm in aggregates.users.arms)
    weights = schedule.experiment.weights
    alpha, estimator = scenario.layers[0].alpha, scenario.metrics.estimator
    return MonitoringPlan(what, weights, planned, settings.spending, alpha, estimator)


def _curves(done: Sequence[Training]) -> dict[str, list[TrainingRow]]:
    """The trainings as the report shows them, by arm."""
    out: dict[str, list[TrainingRow]] = {}
    for model in (training.model for training in done):
        row = TrainingRow(model.day, model.plays, model.curve, model.digest)
        out.setdefault(model.arm, []).append(row)
    return out


def _write_botify(schedule: Schedule, folder: Path) -> None:
    single = schedule.scenario.experiments is None
    columns = [
        LoggedExperiment(ARM if single else arm_column(layer.name), layer.name, layer.arms)
        for layer in schedule.layers
    ]
    write_botify(folder / "botify.jsonl", parts_of_log(open_log(folder / LOG)), columns)


def _execution(engine: str, workers: Workers, started: float) -> dict[str, Any]:
    return {
        "engine": engine,
        "workers": workers if isinstance(workers, int) else workers.address,
        "started": time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(started)) + " UTC",
        "seconds": round(time.time() - started, 2),
        "host": platform.node(),
        "system": platform.platform(),
        "python": platform.python_version(),
    }
