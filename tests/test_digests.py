"""Digests: the standard's vector, and what counts as equal."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from abbotify.digests import digest_data, digest_file, digest_files


def test_a_file_has_the_digest_of_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")
    # FIPS 180-2, appendix B.1.
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert digest_file(tmp_path / "abc") == f"sha256:{expected}"
    large = bytes(range(256)) * 10_000
    (tmp_path / "large").write_bytes(large)
    assert digest_file(tmp_path / "large") == f"sha256:{hashlib.sha256(large).hexdigest()}"
    both = [tmp_path / "abc", tmp_path / "large"]
    assert digest_files(both[:1]) == digest_file(both[0])
    assert digest_files(both) == digest_data([digest_file(path) for path in both])


def test_an_array_counts_by_type_shape_and_little_endian_bytes() -> None:
    array = np.array([[1, 2, 3]], np.int32)
    parts = [(b"a", b"<i4"), (b"l", struct.pack("<2Q", 1, 3)), (b"y", struct.pack("<3i", 1, 2, 3))]
    encoded = b"".join(tag + struct.pack("<Q", len(part)) + part for tag, part in parts)
    assert digest_data(array) == f"sha256:{hashlib.sha256(encoded).hexdigest()}"


MATRIX = np.arange(6, dtype=np.float64).reshape(2, 3)
EQUAL: list[tuple[Any, Any]] = [
    (MATRIX, MATRIX.astype(">f8")),
    (MATRIX, np.asfortranarray(MATRIX)),
    (MATRIX, np.repeat(MATRIX, 2, axis=1)[:, ::2]),
    ({"a": 1, "b": [2]}, {"b": (2,), "a": 1}),
    (np.float64(1.5), np.array(1.5)),
]
DIFFERENT: list[tuple[Any, Any]] = [
    (MATRIX, MATRIX.reshape(3, 2)),
    (MATRIX, MATRIX.astype(np.float32)),
    (MATRIX, MATRIX.tolist()),
    (np.array([0], np.int32), np.array([0], np.uint32)),
    (1, 1.0),
    (1, True),
    (1, "1"),
    ("a", b"a"),
    (None, ""),
    (0.0, -0.0),
    (["ab"], ["a", "b"]),
    ([["a"], "b"], [["a", "b"]]),
    ({"a": 1}, ["a", 1]),
    ({}, []),
]


@pytest.mark.parametrize(("one", "other"), EQUAL)
def test_equal_content_has_equal_digests(one: Any, other: Any) -> None:
    assert digest_data(one) == digest_data(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_different_content_has_different_digests(one: Any, other: Any) -> None:
    assert digest_data(one) != digest_data(other)


@pytest.mark.parametrize("data", [{1: 2}, {2}, [object()], np.array([None])])
def test_what_has_no_fixed_bytes_has_no_digest(data: Any) -> None:
    with pytest.raises(TypeError):
        digest_data(data)
