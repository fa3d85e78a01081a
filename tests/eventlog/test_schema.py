"""The event log's rows in memory and its Arrow schema."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa
import pytest

from abbotify.eventlog import schema as events
from abbotify.eventlog.schema import (
    ARM,
    Events,
    Labels,
    arm_column,
    arm_label,
    from_strings,
    schema,
    to_strings,
)


def rows(count: int, start: int = 0) -> Events:
    number = np.arange(start, start + count)
    return Events(
        timestamp=number * 1000,
        day=(number // 3).astype(np.int32),
        user=number // 2,
        session=np.zeros(count, np.int32),
        step=(number % 2).astype(np.int32),
        last=number % 2 == 1,
        track=number + 7,
        time=number / 100,
        recommendation=np.where(number % 2 == 1, events.NO_RECOMMENDATION, number),
        latency_ms=number % 5,
        arms={
            ARM: Labels((number % 3 - 1).astype(np.int16), ("control", "new")),
            arm_column("other"): Labels(np.zeros(count, np.int16), ("x",)),
        },
    )


def same(a: Events, b: Events) -> bool:
    names = [f.name for f in dataclasses.fields(Events) if f.name != "arms"]
    columns = all(
        np.array_equal(getattr(a, name), getattr(b, name))
        and getattr(a, name).dtype == getattr(b, name).dtype
        for name in names
    )
    arms = list(a.arms) == list(b.arms) and all(
        np.array_equal(a.arms[name].codes, b.arms[name].codes)
        and a.arms[name].names == b.arms[name].names
        for name in a.arms
    )
    return columns and arms


def test_parts_put_together_are_the_whole() -> None:
    assert same(Events.concat([rows(4), rows(0, 4), rows(6, 4)]), rows(10))
    assert same(Events.concat([rows(5)]), rows(5))
    assert len(rows(10)) == 10


def test_rows_are_taken_by_slice_mask_and_index() -> None:
    whole = rows(10)
    assert same(whole.take(slice(4, None)), rows(6, 4))
    assert same(whole.take(np.arange(10) >= 4), rows(6, 4))
    assert whole.take(np.array([3, 1])).timestamp.tolist() == [3000, 1000]
    assert whole.take(np.array([3, 1])).arms[ARM].codes.tolist() == [-1, 0]


def test_rows_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        rows(1).day = np.zeros(1, np.int32)  # type: ignore[misc]


def test_the_schema_is_the_documented_one() -> None:
    # The model's description of the log: names in order; nulls only where one can be missing.
    expected = "timestamp day user session step message track time recommendation latency_ms arm"
    got = schema()
    assert got.names == expected.split()
    assert [field.name for field in got if field.nullable] == ["recommendation", "arm"]
    assert not any(pa.types.is_dictionary(field.type) for field in got)


def test_each_layer_has_a_column() -> None:
    names = [ARM, arm_column("A"), arm_column("B")]
    assert schema(names).names[-3:] == ["arm", "arm_A", "arm_B"]


def test_labels_are_the_originals() -> None:
    assert [arm_label(code) for code in range(3)] == ["C", "T1", "T2"]


def test_names_become_strings_and_codes_again() -> None:
    label = Labels(np.array([1, -1, 0, 1], np.int16), ("control", "new"))
    column = to_strings(label)
    assert column.type == pa.string()
    assert column.to_pylist() == ["new", None, "control", "new"]
    back = from_strings(column, ("new", "control"))
    assert (back.codes.tolist(), back.names) == ([0, -1, 1, 0], ("new", "control"))
    assert back.codes.dtype == np.int16
    assert from_strings(column, ("new",)).codes.tolist() == [0, -1, -1, 0]
