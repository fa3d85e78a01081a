"""The arms of sessions, as the log has them: from the plans of a unit's days."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from abbotify.eventlog.schema import NO_ARM, IntArray, Labels
from abbotify.simulation.engine import Unit


def session_labels(
    unit: Unit, rows: IntArray, days: npt.NDArray[np.integer[Any]]
) -> dict[str, Labels]:
    """The columns of arms of some sessions.

    Args:
        unit: what was played.
        rows: int64 (sessions), the users' in the unit.
        days: (sessions), the day that each belongs to.
    """
    labels = {}
    for column, names in unit.names.items():
        codes = np.full(len(rows), NO_ARM, np.int16)
        for plan in unit.days:
            here = days == plan.day
            codes[here] = plan.labels[column][rows[here]]
        labels[column] = Labels(codes, names)
    return labels
