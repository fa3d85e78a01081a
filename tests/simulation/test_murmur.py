"""The hash of ids is the library's, for ids of every length and sign."""

from __future__ import annotations

import mmh3
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abbotify.simulation.murmur import hash_ids


@given(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=8), st.integers(0, 2**32 - 1))
def test_any_ids_hash_as_the_library_does(ids: list[int], seed: int) -> None:
    found = hash_ids(np.array(ids, np.int64), seed)
    assert found.dtype == np.uint32
    assert found.tolist() == [mmh3.hash(str(each), seed, signed=False) for each in ids]


@pytest.mark.parametrize("seed", [0, 1, 2**31, 2**32 - 1])
def test_every_length_of_text(seed: int) -> None:
    powers = [10**digits + shift for digits in range(19) for shift in (-1, 0)]
    ids = [*range(-120, 1200), *powers, *(-each for each in powers), 2**63 - 1, -(2**63)]
    expected = [mmh3.hash(str(each), seed, signed=False) for each in ids]
    assert hash_ids(np.array(ids, np.int64), seed).tolist() == expected
