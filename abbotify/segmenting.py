"""What kinds of users a scenario tells apart: by a value, or by names in a file."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from abbotify import timeline
from abbotify.errors import DataError
from abbotify.report.kinds import PARTS, Cut, Kinds
from abbotify.scenario import Scenario, resolve
from abbotify.scenario.metrics import USER_ATTRIBUTES
from abbotify.world.base import Users, World
from abbotify.world.rows import json_lines

DEFAULT: Final = "pre_time"
MOST: Final = 50  # kinds in a file: a report with more is not read


def kinds_of(scenario: Scenario, world: World) -> Kinds | Cut | None:
    """How users are told apart; None when nothing is known of them from before the experiment.

    Raises:
        UserError: a file that cannot be read.
    """
    told = scenario.metrics.segments
    if told is None:
        return Cut(DEFAULT) if timeline.experiment_days(scenario).start else None
    if told.file is not None:
        path = resolve(scenario, told.file, ("metrics", "segments", "file"))
        return _named(path, world.users)
    assert told.by is not None, "segments are by something or in a file"
    values = None
    if told.by in USER_ATTRIBUTES:
        values = np.asarray(getattr(world.users, told.by), np.float64)
    return Cut(told.by, told.quantiles or PARTS, told.bounds, values)


def _named(path: Path, users: Users) -> Kinds:
    """The kinds that a file names; users who are not in it are of none."""
    codes = np.full(len(users), -1, np.int16)
    names: dict[str, int] = {}
    for row in json_lines(path):
        user, name = row.whole("user"), row.text("segment")
        place = int(np.searchsorted(users.ids, user))
        if place == len(users) or users.ids[place] != user:
            raise row.error(f"no user has the id {user}", "user")
        if codes[place] >= 0:
            raise row.error(f"{user} has a second line", "user")
        codes[place] = names.setdefault(name, len(names))
        if len(names) > MOST:
            raise row.error(f"more than {MOST} segments", "segment")
    if not names:
        raise DataError("names no segment", file=path)
    return Kinds("file", tuple(names), codes)
