"""The users of two runs side by side: who is in both, and what each of them has there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from abbotify.errors import DataError
from abbotify.events import ARM, NO_ARM, USER
from abbotify.metrics.definitions import COLUMNS
from abbotify.metrics.users import Population
from abbotify.metrics.users_file import EXPOSED
from abbotify.stats.moments import Floats

USERS: Final = "users.parquet"
Rows = npt.NDArray[np.bool_]
Overlap = Literal["same", "disjoint", "partly", "unknown"]


@dataclass(frozen=True, eq=False)
class Users:
    """One run's users, columns read when they are asked for.

    Attributes:
        file: users.parquet.
        ids: int64 (n,), ascending.
        arm: int64 (n,), codes of `names`, NO_ARM in no arm.
        names: of the arms.
        exposed: bool (n,).
        columns: those of the file.
    """

    file: Path
    ids: npt.NDArray[np.int64]
    arm: npt.NDArray[np.int64]
    names: tuple[str, ...]
    exposed: Rows
    columns: frozenset[str]

    def column(self, name: str, population: Population) -> Floats | None:
        """float64 (n,), NaN where there is no value; None when the file has no such column."""
        if name not in self.columns:
            return None
        values: Floats = _numbers(_read(self.file, [name])[name], self.file, name)
        if population == "assigned" and COLUMNS[name].kind == "sum":
            return np.where(self.exposed, values, 0.0)
        return values


@dataclass(frozen=True, eq=False)
class Pairs:
    """The same users in the same arms in two runs.

    Attributes:
        first: the users of one run.
        second: those of the other, row by row the same.
        population: over whom means are, in both.
    """

    first: Users
    second: Users
    population: Population

    def members(self, population: Population) -> Rows:
        """Who is in an arm, and for the exposed came in both runs: bool (n,)."""
        there: Rows = self.first.arm != NO_ARM
        came = self.first.exposed & self.second.exposed
        return there & came if population == "exposed" else there

    def arm(self, name: str) -> Rows:
        """The arm's users: bool (n,)."""
        names = self.first.names
        code = names.index(name) if name in names else len(names)
        own: Rows = self.first.arm == code
        return own

    def column(self, name: str, population: Population) -> tuple[Floats, Floats] | None:
        """A column in both runs, NaN where there is no value; None when one lacks it."""
        first = self.first.column(name, population)
        second = self.second.column(name, population)
        return None if first is None or second is None else (first, second)


def read_users(folder: Path) -> Users | None:
    """The users of a run folder; None when it has no users.parquet.

    Raises:
        DataError: the file is broken.
    """
    file = folder / USERS
    if not file.exists():
        return None
    table = _read(file, [USER, ARM, EXPOSED])
    ids = np.asarray(table[USER])
    if not np.issubdtype(ids.dtype, np.integer) or (ids[1:] <= ids[:-1]).any():
        raise DataError("ids are no ascending whole numbers", file=file, key=USER)
    exposed = np.asarray(table[EXPOSED])
    if exposed.dtype != np.bool_:
        raise DataError("is not a column of booleans", file=file, key=EXPOSED)
    arm, names = _arms(table[ARM], file)
    columns = frozenset(_names(file)) & COLUMNS.keys()
    return Users(file, ids.astype(np.int64), arm, names, exposed, columns)


def overlap(first: Users | None, second: Users | None) -> Overlap:
    """How far the users of two runs are the same ones in the same arms.

    "partly" also when an arm differs for one of them; "unknown" when a file is missing.
    """
    if first is None or second is None:
        return "unknown"
    if np.array_equal(first.ids, second.ids) and _same_arms(first, second):
        return "same"
    return "partly" if np.isin(first.ids, second.ids).any() else "disjoint"


def _same_arms(first: Users, second: Users) -> bool:
    """Whether users of the same rows are in arms of the same names."""
    codes = {name: code for code, name in enumerate(first.names)}
    translated = [*(codes.get(name, len(codes)) for name in second.names), NO_ARM]  # -1: the last
    return np.array_equal(first.arm, np.array(translated)[second.arm])


def _arms(column: Any, file: Path) -> tuple[npt.NDArray[np.int64], tuple[str, ...]]:
    import pyarrow as pa

    try:
        encoded = column.cast(pa.string()).dictionary_encode()
    except pa.ArrowException as error:
        raise DataError("is not a column of names", file=file, key=ARM) from error
    codes = np.asarray(encoded.indices.fill_null(NO_ARM))
    return codes.astype(np.int64), tuple(encoded.dictionary.to_pylist())


def _names(file: Path) -> list[str]:
    import pyarrow.parquet as pq

    return list(pq.read_schema(file).names)


def _read(file: Path, columns: list[str]) -> Mapping[str, Any]:
    """Arrow columns by name.

    Raises:
        DataError: the file is no Parquet, or lacks one of them.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(file, columns=columns, partitioning=None)
    except (OSError, pa.ArrowException, ValueError) as error:
        told = str(error).splitlines()[0]
        raise DataError(f"cannot be read as users ({told})", file=file) from error
    if missing := [name for name in columns if name not in table.column_names]:
        raise DataError("has no such column", file=file, key=missing[0])
    return {name: table[name].combine_chunks() for name in columns}


def _numbers(column: Any, file: Path, name: str) -> Floats:
    try:
        values = np.asarray(column.cast("float64").to_numpy(zero_copy_only=False))
    except (ValueError, NotImplementedError) as error:
        raise DataError("is not a column of numbers", file=file, key=name) from error
    if np.isinf(values).any():
        raise DataError("holds a number that is not finite", file=file, key=name)
    return values
