"""Arrow arrays over numpy's memory, beside those that pyarrow makes."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abbotify.eventlog.arrow import array, booleans, floats, places

PROBE = """
import sys
import numpy as np
from abbotify.eventlog.arrow import array, booleans, floats, places
array(np.arange(5), mask=np.arange(5) < 2), array(np.zeros(3, bool)), array(("a", "b"))
floats(array(np.zeros(3), mask=np.arange(3) < 2)), booleans(array(np.zeros(3, bool)))
places(array(np.zeros(3, np.int32)))
print("pandas" in sys.modules)
"""


@pytest.mark.parametrize(
    ("values", "type"),
    [
        (np.arange(9, dtype=np.int16), pa.int64()),
        (np.arange(9, dtype=np.int64), None),
        (np.arange(9, dtype=np.int64), pa.int32()),
        (np.arange(18, dtype=np.int64)[::2], pa.int64()),
        (np.array([0.5, -1.0, np.inf]), pa.float64()),
        (np.array([True, False, True] * 5), None),
        (np.array([], np.int32), pa.int64()),
        (np.array([], bool), pa.bool_()),
    ],
)
def test_equals_what_pyarrow_makes(values: npt.NDArray[Any], type: Any) -> None:
    mask = np.arange(len(values)) % 3 == 1
    for made, oracle in (
        (array(values, type), pa.array(values, type)),
        (array(values, type, mask), pa.array(values, type, mask=mask)),
    ):
        made.validate(full=True)
        assert made.equals(oracle)
        assert made.null_count == oracle.null_count


@given(st.lists(st.text(st.characters(codec="utf-8"))))
def test_strings_equal_what_pyarrow_makes(texts: list[str]) -> None:
    made = array(texts)
    made.validate(full=True)
    assert made.equals(pa.array(texts, pa.string()))


def test_refuses_another_kind() -> None:
    with pytest.raises(TypeError):
        array(np.array([0.5]), pa.int64())
    with pytest.raises(TypeError, match="no booleans"):
        array(np.array([1, 0]), pa.bool_())


def test_shares_the_memory() -> None:
    values = np.arange(1000)
    assert array(values).buffers()[1].address == values.ctypes.data


def test_needs_no_pandas() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROBE], capture_output=True, text=True, check=False
    )
    assert done.stdout == "False\n", done.stderr


@given(st.lists(st.none() | st.floats(allow_nan=False)), st.integers(0, 9))
def test_floats_and_places_have_their_own_for_null(values: list[float | None], start: int) -> None:
    column = pa.array(values, pa.float64()).slice(start)
    expected = np.array([np.nan if value is None else value for value in values[start:]])
    assert floats(column).tobytes() == expected.tobytes()
    numbers = [None if value is None else at for at, value in enumerate(values)]
    found = places(pa.array(numbers, pa.int32()).slice(start))
    assert found.tolist() == [-1 if number is None else number for number in numbers[start:]]


@given(st.lists(st.booleans()), st.integers(0, 9))
def test_booleans_are_those_of_the_column(values: list[bool], start: int) -> None:
    assert booleans(pa.array(values, pa.bool_()).slice(start)).tolist() == values[start:]
