"""From a scenario to the lists of one trained arm, in the files that botify deploys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Final, Literal

from abbotify.errors import UserError
from abbotify.files.cleanup import scratch
from abbotify.progress import Progress, silent
from abbotify.recommenders.build import build_arm
from abbotify.recommenders.candidate_table import CandidateTable, Key, Pick
from abbotify.recommenders.shipped.neural import Neural
from abbotify.scenario import Scenario
from abbotify.simulation.model_store import ModelStore, load_model
from abbotify.simulation.prepare import Plan, prepare
from abbotify.simulation.run_days import run_pool, train_before
from abbotify.simulation.training import Trainer, Training
from abbotify.typed import nearest
from abbotify.world.base import World
from abbotify.world.list_files import write_track_lists, write_tracks, write_user_lists

Form = Literal["tracks", "recommendations", "users"]
FORMS: Final[tuple[Form, ...]] = ("tracks", "recommendations", "users")

_BY_TRACK: Final = (Key.FIRST, Key.PREVIOUS)


@dataclass(frozen=True)
class Deployed:
    """A trained arm and what it serves.

    Attributes:
        training: the model, and how long it took.
        table: its lists.
        world: whose tracks and users they are.
    """

    training: Training
    table: CandidateTable
    world: World


def train(
    scenario: Scenario,
    arm: str,
    workers: int = 1,
    progress: Progress = silent,
) -> Deployed:
    """Plays a scenario up to its first training, and trains one arm.

    Args:
        scenario: the description.
        arm: the name of an arm that learns.
        workers: processes that share the shards.
        progress: receives days and epochs.

    Raises:
        UserError: there is no such arm, it does not learn, nothing is trained, or its lists
            depend on more than a user or a track.
    """
    if arm not in scenario.arms:
        raise UserError(f"no arm is named {arm!r}{nearest(arm, list(scenario.arms))}", key="--arm")
    plan = prepare(scenario)
    if next(known for known in plan.arms if known.name == arm).trained:
        raise scenario.error("does not learn: there is nothing to train", ("arms", arm))
    spec = scenario.arms[arm]
    if isinstance(spec, Neural) and spec.per_user:
        what = "its lists depend on the user and a track: set user_aware: false to export them"
        raise scenario.error(what, ("arms", arm))
    with scratch() as folder:
        trainer = Trainer(plan, [arm], ModelStore(folder), progress)
        files = _collected(plan, folder, trainer, workers, progress)
        model = load_model(files[arm])
    table = build_arm(arm, scenario.arms[arm], plan.world, scenario, model).chain[0].table
    if table is None or _more_than_lists(table):
        raise scenario.error(
            "does more than pick from lists: there is no file for it", ("arms", arm)
        )
    return Deployed(trainer.done[0], table, plan.world)


def _more_than_lists(table: CandidateTable) -> bool:
    return table.weights is not None or table.exclude_previous or table.otherwise is not None


def _collected(
    plan: Plan, folder: Path, trainer: Trainer, workers: int, progress: Progress
) -> Mapping[str, Path]:
    schedule = plan.schedule
    segments = schedule.segments()
    before = list(takewhile(lambda segment: segment.training is None, segments))
    if before:
        with run_pool(plan, workers, progress) as pool:
            pool.play(folder, trainer, before)
    if len(before) == len(segments):
        raise plan.scenario.error("needs a phase: train", ("timeline",))
    return train_before(plan, folder, trainer, segments[len(before)])


def export(deployed: Deployed, file: Path, form: Form | None = None) -> Form:
    """Writes a trained arm's lists as botify's JSON lines.

    Args:
        deployed: the trained arm.
        file: where to; it appears whole or not at all.
        form: `tracks` (the catalogue's lines with `recommendations`), `recommendations` (one line
            a track with a list) or `users` (one line a user with a list); default `tracks` or
            `users`, whichever the lists are keyed by.

    Returns:
        the form.

    Raises:
        UserError: the lists are not keyed by what the form needs.
    """
    table, world = deployed.table, deployed.world
    by_track = table.key in _BY_TRACK
    if not by_track and table.key != Key.USER:
        raise UserError("its lists belong neither to tracks nor to users", key="--arm")
    form = form or ("tracks" if by_track else "users")
    if by_track == (form == "users"):
        owners = "tracks" if by_track else "users"
        raise UserError(f"the arm's lists belong to {owners}, got {form}", key="--form")
    if form == "users":
        write_user_lists(file, world.users.ids, table.lists)
    elif form == "recommendations":
        write_track_lists(file, table.lists)
    else:
        write_tracks(file, world.catalogue, table.lists)
    return form


def reader(deployed: Deployed, file: Path) -> dict[str, str]:
    """The keys of an arm that reads an exported file and plays as the trained one."""
    table = deployed.table
    if table.pick == Pick.ANCHORED:
        return {"recommender": "i2i", "file": str(file)}
    pick = {"file": str(file), "pick": table.pick.name.lower()}
    if table.key == Key.USER:
        return {"recommender": "indexed", **pick}
    return {"recommender": "contextual", **pick, "anchor": table.key.name.lower()}
