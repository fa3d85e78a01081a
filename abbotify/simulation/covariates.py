"""What is known of users from before the experiment: their segments, and covariates."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np

from abbotify.errors import DataError
from abbotify.eventlog.schema import MS_PER_DAY
from abbotify.eventlog.sessions import FloatArray
from abbotify.metrics.segments import PARTS, SegmentBounds, UserSegments
from abbotify.metrics.users import UserTable
from abbotify.scenario import resolve
from abbotify.scenario.base import CONTROLS
from abbotify.scenario.metrics import USER_ATTRIBUTES
from abbotify.simulation.timeline import Schedule
from abbotify.stats import refuse_later
from abbotify.typed import one_line
from abbotify.world.base import Users, World
from abbotify.world.json_lines import Row, json_lines

DEFAULT: Final = "pre_time"
EVERYBODY: Final = slice(None)
_CONTROL: Final = re.compile(f"[{CONTROLS}]")
MOST: Final = 50  # segments in a file: a report with more is not read


def segments_of(schedule: Schedule, world: World) -> UserSegments | SegmentBounds | None:
    """The segments of users; None when nothing is known of them from before the experiment.

    Raises:
        UserError: a file that cannot be read.
    """
    scenario = schedule.scenario
    spec = scenario.metrics.segments
    if spec is None:
        return SegmentBounds(DEFAULT) if schedule.experiment_days.start else None
    if spec.file is not None:
        path = resolve(scenario, spec.file, ("metrics", "segments", "file"), folder=False)
        return _named(path, world.users)
    assert spec.by is not None, "segments are by something or in a file"
    values = None
    if spec.by in USER_ATTRIBUTES:
        values = np.asarray(getattr(world.users, spec.by), np.float64)
    return SegmentBounds(spec.by, spec.quantiles or PARTS, spec.bounds, values)


Covariates = Mapping[str, FloatArray | None]


def covariates_of(schedule: Schedule, world: World) -> Covariates:
    """The covariates that a scenario names, in its order.

    Returns:
        name -> float64 (users,), NaN where unknown, of those in files; None for columns of the
        users' table.

    Raises:
        UserError: a file that cannot be read, or a value that is not from before the experiment.
    """
    scenario, start = schedule.scenario, schedule.experiment_days.start * MS_PER_DAY
    covariates: dict[str, FloatArray | None] = {}
    for number, spec in enumerate(scenario.metrics.covariates):
        if isinstance(spec, str):
            covariates[spec] = None
        else:
            key = ("metrics", "covariates", number, "file")
            path = resolve(scenario, spec.file, key, folder=False)
            covariates[spec.name] = _stamped(spec.name, path, world.users, start)
    return covariates


def covariates_among(
    covariates: Covariates, users: UserTable, rows: slice = EVERYBODY
) -> dict[str, FloatArray]:
    """The covariates of some users: name -> float64 (users,), NaN where unknown.

    Args:
        covariates: see `covariates_of`.
        users: whose.
        rows: of the world's users, which these are.
    """
    return {
        name: users.values[name] if values is None else values[rows]
        for name, values in covariates.items()
    }


def _stamped(name: str, path: Path, users: Users, start: int) -> FloatArray:
    """A covariate's values, each from before anybody was exposed."""
    values, stamps = np.full((2, len(users)), np.nan)
    for row in json_lines(path):
        place = _place(row, users)
        if not np.isnan(values[place]):
            raise row.error(f"{users.ids[place]} has a second line", "user")
        values[place] = row.number("value")
        stamps[place] = row.whole("timestamp", low=-(2**53), high=2**53)
    try:
        refuse_later(name, stamps, np.full(len(users), start))
    except ValueError as error:
        raise DataError(str(error), file=path) from None
    return values


def _place(row: Row, users: Users) -> int:
    """The row of the user of a line."""
    user = row.whole("user")
    place = int(np.searchsorted(users.ids, user))
    if place == len(users) or users.ids[place] != user:
        raise row.error(f"no user has the id {user}", "user")
    return place


def _named(path: Path, users: Users) -> UserSegments:
    """The segments that a file names; users who are not in it are in none."""
    codes = np.full(len(users), -1, np.int16)
    names: dict[str, int] = {}
    for row in json_lines(path):
        place, name = _place(row, users), row.text("segment")
        if _CONTROL.search(name):
            what = "must hold no control or direction-changing character, got"
            raise row.error(f"{what} {one_line(name)}", "segment")
        if codes[place] >= 0:
            raise row.error(f"{users.ids[place]} has a second line", "user")
        codes[place] = names.setdefault(name, len(names))
        if len(names) > MOST:
            raise row.error(f"more than {MOST} segments", "segment")
    if not names:
        raise DataError("names no segment", file=path)
    return UserSegments("file", tuple(names), codes)
