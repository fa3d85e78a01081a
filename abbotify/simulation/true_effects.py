"""True effects of a run: its users under every arm, shard by shard, never all at once."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from abbotify.metrics.aggregates import Form, Joint, Truth
from abbotify.metrics.definitions import METRICS
from abbotify.metrics.users import UserTable
from abbotify.progress import Progress
from abbotify.simulation.assignment import layers
from abbotify.simulation.parallel import processes
from abbotify.simulation.potential_outcomes import PreExperimentState, play_world, worlds_stage
from abbotify.simulation.prepare import Plan
from abbotify.simulation.requested import reported
from abbotify.simulation.shard import STATE, Shard
from abbotify.simulation.stage import shards_of
from abbotify.simulation.training import Trainer
from abbotify.simulation.user_results import Case, users_of
from abbotify.simulation.worlds import POOLED, alternatives
from abbotify.stats import Moments

WORLDS: Final = "worlds"


@dataclass(frozen=True)
class Trial:
    """A run and its worlds, played.

    Attributes:
        run: the run.
        worlds: form -> arm -> everybody under it.
        notes: form -> what a reader has to know of it.
    """

    run: Case
    worlds: dict[Form, dict[str, Case]]
    notes: dict[Form, str]


class TrueEffects:
    """The true effects of a run under way.

    Args:
        plan: the run.
        folder: where it is written.
        trainer: of the run.
    """

    def __init__(self, plan: Plan, folder: Path, trainer: Trainer) -> None:
        self.plan, self.folder = plan, folder
        self.worlds = folder / WORLDS
        self.worlds.mkdir()
        self.eve = PreExperimentState(folder, self.worlds / STATE, trainer)

    def keep(self) -> None:
        """Keeps what the day before the experiment has left, which the run soon removes."""
        shutil.copytree(self.folder / STATE, self.eve.state)

    def found(self, workers: int, progress: Progress) -> tuple[Truth, ...]:
        """The truth in each form, when the run has been played; its files are removed.

        Args:
            workers: processes that share the shards.
            progress: told of the days.

        Raises:
            UserError: a training failed, or a recommender under `on_error: stop`.
        """
        scenario, ids = self.plan.scenario, self.plan.world.users.ids
        run = Case(scenario, ids, self.folder)
        total: dict[str, Case] = {}
        equal: dict[str, Case] = {}
        wanted = alternatives(scenario, ids, self.eve.trainer.learning)
        with worlds_stage(self.plan, workers) as enter:
            for number, world in enumerate(wanted):
                folder = self.worlds / f"{number:02d}"
                case = play_world(self.plan, world, self.eve, folder, enter, progress)
                (equal if world.equal_data else total)[world.arm] = case
        worlds: dict[Form, dict[str, Case]] = {"total": total}
        notes: dict[Form, str] = {"total": ""}
        if equal:
            worlds["equal_data"], notes["equal_data"] = total | equal, ""
        elif any(world.learning for world in wanted):
            notes["total"] = POOLED
        found = joint_all(Trial(run, worlds, notes), shards_of(self.plan), workers)
        shutil.rmtree(self.worlds)
        return found


def joint_all(trial: Trial, shards: Sequence[Shard], workers: int) -> tuple[Truth, ...]:
    """The truth in each form, merged in the order of the shards."""
    parts = processes.each(joint, trial, shards, workers)
    return reduce(lambda one, two: tuple(map(Truth.merge, one, two)), parts)


def joint(trial: Trial) -> Callable[[Shard], tuple[Truth, ...]]:
    """The function that gives the truth among a shard's users."""
    first, *others = layers(trial.run.scenario)[0].arms

    def of_form(form: Form, run: UserTable, shard: Shard) -> Truth:
        cases = trial.worlds[form]
        control = users_of(cases[first])(shard)
        arms = {arm: _joint(trial.run, run, control, users_of(cases[arm])(shard)) for arm in others}
        return Truth(form, arms, trial.notes[form])

    def of_shard(shard: Shard) -> tuple[Truth, ...]:
        run = users_of(trial.run)(shard)
        return tuple(of_form(form, run, shard) for form in trial.worlds)

    return of_shard


def _joint(case: Case, run: UserTable, control: UserTable, treatment: UserTable) -> Joint:
    population = case.scenario.metrics.population
    judged, exposed = run.members(population), run.members("exposed")
    names = [name for name in reported(case.scenario) if name in run.values]
    worlds = (control, treatment)
    return Joint(
        {name: _means([w.column(name, population)[judged] for w in worlds]) for name in names},
        {
            name: Moments.of(
                np.stack([_sums(w, part)[exposed] for w in worlds for part in ratio], 1)
            )
            for name in names
            for ratio in (METRICS[name].ratio,)
            if ratio is not None
        },
    )


def _means(columns: Sequence[npt.NDArray[Any]]) -> Moments:
    table = np.stack(columns, 1)
    return Moments.of(table[~np.isnan(table).any(axis=1)])


def _sums(users: UserTable, name: str) -> npt.NDArray[np.float64]:
    return np.nan_to_num(users.values[name])
