"""MurmurHash3 of whole columns of ids, as their decimal texts: bit for bit the library mmh3.

Source: Appleby, MurmurHash3_x86_32 (2011, public domain).
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from abbotify.jit import kernel

# 64-bit words with a mask after each product give the same bits interpreted and compiled.
_MASK: Final = np.uint64(0xFFFFFFFF)
_C1: Final = np.uint64(0xCC9E2D51)
_C2: Final = np.uint64(0x1B873593)
_ADDED: Final = np.uint64(0xE6546B64)
_FIRST: Final = np.uint64(0x85EBCA6B)
_SECOND: Final = np.uint64(0xC2B2AE35)
_LONGEST: Final = 20  # bytes of a 64-bit number in decimals, with its sign


def hash_ids(ids: npt.NDArray[np.int64], seed: int) -> npt.NDArray[np.uint32]:
    """The 32-bit hash of `str(id)` for each id.

    Args:
        ids: int64 (n,).
        seed: 0 .. 2**32 - 1.
    """
    out = np.empty(len(ids), np.uint32)
    _hash_all(ids, np.uint64(seed), out)
    return out


@kernel
def _hash_all(ids: npt.NDArray[np.int64], seed: np.uint64, out: npt.NDArray[np.uint32]) -> None:
    text = np.empty(_LONGEST, np.uint8)
    for row in range(len(ids)):
        start = _write(ids[row], text)
        out[row] = _hash(text[start:], seed)


@kernel
def _write(number: int, text: npt.NDArray[np.uint8]) -> int:
    """Writes a number's decimals at the end of `text`; where they start."""
    # The digits of -2^63 too, which has no positive counterpart among signed numbers.
    rest = np.uint64(-(number + 1)) + np.uint64(1) if number < 0 else np.uint64(number)
    place = len(text)
    while True:
        place -= 1
        text[place] = np.uint8(rest % np.uint64(10) + np.uint64(48))
        rest //= np.uint64(10)
        if rest == np.uint64(0):
            break
    if number < 0:
        place -= 1
        text[place] = np.uint8(45)
    return place


@kernel
def _hash(text: npt.NDArray[np.uint8], seed: np.uint64) -> np.uint32:
    h = seed
    whole = len(text) // 4
    for block in range(whole):
        k = np.uint64(0)
        for byte in range(4):
            k |= np.uint64(text[4 * block + byte]) << np.uint64(8 * byte)
        h ^= _mixed(k)
        h = _turned(h, 13)
        h = (h * np.uint64(5) + _ADDED) & _MASK
    k = np.uint64(0)
    for byte in range(len(text) - 4 * whole):
        k |= np.uint64(text[4 * whole + byte]) << np.uint64(8 * byte)
    h ^= _mixed(k)  # of nothing it is 0
    h ^= np.uint64(len(text))
    h = ((h ^ (h >> np.uint64(16))) * _FIRST) & _MASK
    h = ((h ^ (h >> np.uint64(13))) * _SECOND) & _MASK
    return np.uint32(h ^ (h >> np.uint64(16)))


@kernel
def _mixed(k: np.uint64) -> np.uint64:
    return (_turned((k * _C1) & _MASK, 15) * _C2) & _MASK


@kernel
def _turned(word: np.uint64, bits: int) -> np.uint64:
    return ((word << np.uint64(bits)) | (word >> np.uint64(32 - bits))) & _MASK
