"""users.parquet: one row per user, unexposed ones included, written whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from abbotify.arrow import array
from abbotify.events import ARMS_KEY, USER, to_strings
from abbotify.metrics.definitions import COLUMNS, PRE
from abbotify.metrics.users import UserTable
from abbotify.outfolder import replacing

EXPOSED: Final = "exposed"
ROW_GROUP: Final = 1 << 17


def write_users(path: str | Path, table: UserTable) -> None:
    """Writes users.parquet, which appears whole or not at all.

    Columns: user, the arms, exposed, all of `COLUMNS` in order, then `pre_<name>` of each when
    there were days before. Values that are not there, undetermined metrics included, are nulls.
    Equal rows give equal bytes.

    Args:
        path: the file; an existing one is replaced.
        table: the users.

    Raises:
        ValueError: the ids do not ascend.
    """
    if (table.users[1:] <= table.users[:-1]).any():
        raise ValueError("the users' ids do not ascend")
    fields = _schema(table)
    encodings = {f.name: "BYTE_STREAM_SPLIT" for f in fields if f.type == pa.float64()}
    with replacing(Path(path)) as temporary:
        pq.write_table(
            _arrow(table, fields),
            temporary,
            row_group_size=ROW_GROUP,
            compression="zstd",
            use_dictionary=list(table.arms),
            column_encoding={**encodings, USER: "DELTA_BINARY_PACKED"},
        )


def _schema(table: UserTable) -> pa.Schema:
    before = [PRE + name for name in COLUMNS]
    names = [*COLUMNS, *(before if any(name in table.values for name in before) else [])]
    arms = {column: list(label.names) for column, label in table.arms.items()}
    return pa.schema(
        [
            pa.field(USER, pa.int64(), nullable=False),
            *(pa.field(column, pa.string()) for column in table.arms),
            pa.field(EXPOSED, pa.bool_(), nullable=False),
            *(pa.field(name, pa.float64()) for name in names),
        ],
        metadata={ARMS_KEY: json.dumps(arms)},
    )


def _arrow(table: UserTable, fields: pa.Schema) -> pa.Table:
    arrays = {USER: array(table.users, pa.int64()), EXPOSED: array(table.exposed)}
    for column, label in table.arms.items():
        arrays[column] = to_strings(label)
    for name, values in table.values.items():
        arrays[name] = array(values, pa.float64(), mask=np.isnan(values))
    absent = pa.nulls(len(table), pa.float64())
    return pa.table([arrays.get(field.name, absent) for field in fields], schema=fields)
