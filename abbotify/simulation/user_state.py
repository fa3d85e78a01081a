"""The users of a shard as they stand: totals under every experiment, kept from day to day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy.typing as npt

from abbotify.errors import DataError
from abbotify.eventlog.schema import ARM, arm_column
from abbotify.eventlog.sessions import SessionTable
from abbotify.files.folders import load_arrays, save_arrays
from abbotify.metrics.users import UserTotals, part
from abbotify.simulation.requested import monitoring_spec
from abbotify.simulation.timeline import Schedule
from abbotify.world.base import IntArray


class ShardTotals:
    """Totals of a shard's users under each experiment, whose own admission says what counts.

    Args:
        schedule: of the run.
        ids: int64 ids of the shard's users.
        arrays: what was saved, to go on from there.

    Attributes:
        layers: name of an experiment -> its totals; the first one's come first, with the days
            before the experiment, which are the same for all.
    """

    def __init__(
        self,
        schedule: Schedule,
        ids: IntArray,
        arrays: Mapping[str, npt.NDArray[Any]] | None = None,
    ) -> None:
        days = schedule.experiment_days
        self._columns = columns(schedule)
        watched = monitoring_spec(schedule)
        self.layers = {
            name: UserTotals(
                ids,
                days,
                () if place else range(days.start),
                schedule.scenario.metrics.retained_days,
                arrays=part(arrays or {}, str(place)),
                # What is watched day by day is the first experiment.
                followed=0 if place or watched is None else watched.followed,
            )
            for place, name in enumerate(self._columns)
        }

    @staticmethod
    def load(path: Path, schedule: Schedule, ids: IntArray) -> ShardTotals:
        """Reads what `save` wrote.

        Raises:
            DataError: the file is missing or broken, or of other users.
        """
        what = "the totals of a shard's users"
        arrays = load_arrays(path, what)
        try:
            return ShardTotals(schedule, ids, arrays)
        except (KeyError, ValueError) as error:
            raise DataError(f"is not {what}: {error}", file=path) from None

    def save(self, path: Path) -> None:
        """Writes the arrays to an `.npz` file, without pickle."""
        parts = [totals.arrays() for totals in self.layers.values()]
        named = {f"{i}.{key}": array for i, part in enumerate(parts) for key, array in part.items()}
        save_arrays(path, named)

    def add(self, table: SessionTable) -> None:
        """Takes in sessions, each user's in order and after those taken in before."""
        for name, totals in self.layers.items():
            totals.add(replace(table, arms={ARM: table.arms[self._columns[name]]}))


def columns(schedule: Schedule) -> dict[str, str]:
    """Name of each experiment -> the column of its arms; the first one's is `arm`."""
    first, *further = schedule.layers
    return {first.name: ARM} | {layer.name: arm_column(layer.name) for layer in further}
