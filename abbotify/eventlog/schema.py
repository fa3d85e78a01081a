"""The event log's vocabulary: names of columns and keys, the Arrow schema, rows in memory.

One row per played track. A row says what was just played, how much of it, and what the
recommender answered to the request that followed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pyarrow as pa

TIMESTAMP: Final = "timestamp"  # ms from the start; when playback ended and the request was sent
DAY: Final = "day"  # the day the session's start was drawn for
USER: Final = "user"
SESSION: Final = "session"  # the user's own session number from 0 over the whole run
STEP: Final = "step"  # 0 is the first track
MESSAGE: Final = "message"
TRACK: Final = "track"
TIME: Final = "time"  # listened fraction, hundredths
RECOMMENDATION: Final = "recommendation"  # null on "last"
LATENCY_MS: Final = "latency_ms"
ARM: Final = "arm"

NEXT: Final = "next"
LAST: Final = "last"

# Keys of the metadata that a run's files carry, and two of the values.
PHASE_KEY: Final = "phase"
EXPERIMENT_KEY: Final = "experiment"
CONTROL_KEY: Final = "control"
WEIGHTS_KEY: Final = "weights"
ARMS_KEY: Final = "arms"  # column -> the arms' names in the order of codes
LEVEL_KEY: Final = "level"
EXPERIMENT_PHASE: Final = "experiment"  # the arms count
SESSIONS_LEVEL: Final = "sessions"  # rows are sessions, not events

MS_PER_DAY: Final = 86_400_000  # compiled into kernels
NO_RECOMMENDATION: Final = -1
NO_ARM: Final = -1

IntArray = npt.NDArray[np.int64]


def arm_column(experiment: str) -> str:
    """The name of the column that holds the arm of one of several layered experiments."""
    return f"arm_{experiment}"


def arm_label(code: int) -> str:
    """An arm's label in botify's logs and in reports: C, T1, T2, ..."""
    return f"T{code}" if code else "C"


class Labels(NamedTuple):
    """A column of names as codes: `names[code]`, null where the code is -1."""

    codes: npt.NDArray[np.int16]
    names: tuple[str, ...]


class Columns:
    """Rows as numpy columns of one length, the fields of a frozen dataclass; some may be None.

    A field that is a mapping holds columns of arms: column name -> codes and names.
    """

    def __len__(self) -> int:
        return len(next(iter(vars(self).values())))

    def take(self, rows: npt.NDArray[Any] | slice) -> Self:
        """The given rows (indices, a mask or a slice), in that order."""
        return type(self)(**{name: _taken(column, rows) for name, column in vars(self).items()})

    @classmethod
    def concat(cls, parts: Sequence[Self]) -> Self:
        """The rows of several parts one after the other; at least one part, equal columns."""
        columns = [vars(part) for part in parts]
        return cls(**{name: _joined([part[name] for part in columns]) for name in columns[0]})


def _taken(column: Any, rows: npt.NDArray[Any] | slice) -> Any:
    if isinstance(column, Mapping):
        return {name: Labels(label.codes[rows], label.names) for name, label in column.items()}
    return None if column is None else column[rows]


def _joined(columns: Sequence[Any]) -> Any:
    if isinstance(first := columns[0], Mapping):
        return {
            name: Labels(np.concatenate([part[name].codes for part in columns]), label.names)
            for name, label in first.items()
        }
    return None if first is None else np.concatenate(columns)


@dataclass(frozen=True)
class Events(Columns):
    """Rows of the event log as numpy columns, sorted by (user, session, step).

    Attributes:
        timestamp: int64, ms.
        day: int32.
        user: int64 user ids.
        session: int32.
        step: int32.
        last: bool, the session's last row.
        track: int64 track ids.
        time: float64 listened fractions.
        recommendation: int64 track ids, -1 for none.
        latency_ms: int64 of a simulation, float64 of a real log.
        arms: column name -> codes and names; `arm` first.
    """

    timestamp: IntArray
    day: npt.NDArray[np.int32]
    user: IntArray
    session: npt.NDArray[np.int32]
    step: npt.NDArray[np.int32]
    last: npt.NDArray[np.bool_]
    track: IntArray
    time: npt.NDArray[np.float64]
    recommendation: IntArray
    latency_ms: npt.NDArray[Any]
    arms: Mapping[str, Labels] = field(default_factory=dict)

    @property
    def hundredths(self) -> IntArray:
        """int64, the listened fractions in hundredths, which a simulation's are whole in."""
        return np.rint(self.time * 100).astype(np.int64)

    def unassigned(self, names: Mapping[str, tuple[str, ...]]) -> Self:
        """The rows in no arm of the given columns, whose arms have the given names."""
        nobody = np.full(len(self), NO_ARM, np.int16)
        return replace(self, arms={name: Labels(nobody, arms) for name, arms in names.items()})


def to_dictionary(label: Labels) -> pa.DictionaryArray:
    """A column of names as an Arrow dictionary, null where the code is -1."""
    import pyarrow as pa

    unknown = label.codes < 0
    codes = pa.array(label.codes, pa.int16(), mask=unknown if unknown.any() else None)
    return pa.DictionaryArray.from_arrays(codes, pa.array(label.names, pa.string()))


def to_strings(label: Labels) -> pa.Array:
    """A column of names as Arrow strings, null where the code is -1."""
    return to_dictionary(label).cast("string")


def from_strings(column: pa.Array, names: tuple[str, ...]) -> Labels:
    """Arrow strings as codes; what is null or none of the names has -1."""
    import pyarrow as pa
    import pyarrow.compute as pc

    known = pa.array(names, pa.string())
    codes = pc.index_in(column.cast(pa.string()), known, skip_nulls=True).fill_null(NO_ARM)
    return Labels(np.asarray(codes).astype(np.int16), names)


def schema(arm_columns: Sequence[str] = (ARM,)) -> pa.Schema:
    """The Arrow schema of the log. Strings are plain, so any reader can append to the files."""
    import pyarrow as pa

    return pa.schema(
        [
            pa.field(TIMESTAMP, pa.int64(), nullable=False),
            pa.field(DAY, pa.int32(), nullable=False),
            pa.field(USER, pa.int64(), nullable=False),
            pa.field(SESSION, pa.int32(), nullable=False),
            pa.field(STEP, pa.int32(), nullable=False),
            pa.field(MESSAGE, pa.string(), nullable=False),
            pa.field(TRACK, pa.int64(), nullable=False),
            pa.field(TIME, pa.float64(), nullable=False),
            pa.field(RECOMMENDATION, pa.int64()),
            pa.field(LATENCY_MS, pa.int64(), nullable=False),
            *(pa.field(name, pa.string()) for name in arm_columns),
        ]
    )
