"""Inner products in one fixed order, and exact nearest neighbours by them.

A taste score decides what a listener hears, so its bits must not depend on the BLAS library, the
number of threads or the order of a batch. `dot` adds 16 lanes side by side and then the lanes in
a fixed tree. BLAS is used only to preselect, with a margin that covers its rounding.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from abbotify.jit import INTERPRETED, inlined_unmanaged, kernel

Vector = npt.NDArray[np.float32]
Matrix = npt.NDArray[np.float32]

LANES: Final = 16
_LINE: Final = 64  # bytes the processor fetches at once
# Scores a BLAS call, 101 MB. Its threads wait for each other in every call: with calls a quarter
# as large, 50,000 queries of 50,000 vectors took 9.9 s beside other work, with these 3.8.
_SCORES: Final = 512 * 50_000
_BLOCK: Final = 64  # scores looked at together


def padded(matrix: npt.ArrayLike) -> Matrix:
    """A float32, C-contiguous copy of (n, d) vectors with zeros up to a multiple of 16 dimensions.

    Returns:
        float32 (n, ceil(d / 16) * 16).
    """
    source = np.asarray(matrix, dtype=np.float32)
    width = max(1, -(-source.shape[1] // LANES)) * LANES
    out = np.zeros((source.shape[0], width), np.float32)
    out[:, : source.shape[1]] = source
    return out


def dot_reference(a: Vector, b: Vector) -> np.float32:
    """What `dot` computes, in plain numpy: the oracle, and the version without a compiler."""
    lanes = np.zeros(LANES, np.float32)
    for start in range(0, len(a), LANES):
        lanes = lanes + a[start : start + LANES] * b[start : start + LANES]
    for half in (8, 4, 2, 1):
        lanes = lanes[:half] + lanes[half:]
    return np.float32(lanes[0])


dot: Callable[[Vector, Vector], np.float32]
prefetch: Callable[[Matrix, int], None]

if INTERPRETED:
    dot = dot_reference

    def prefetch(matrix: Matrix, row: int) -> None:
        """As the compiled version below, which changes nothing but the time."""
else:
    from llvmlite import ir
    from numba import types
    from numba.core import cgutils
    from numba.extending import intrinsic

    @intrinsic
    def _dot_lanes(typing_context: Any, a: Any, b: Any) -> Any:
        # Written as LLVM vector instructions: 16 lanes stay in registers whatever the machine
        # (20 ns at 100 dimensions; a numba loop over 16 scalars 33 ns). No fast-math flag is
        # set, so LLVM neither reorders nor fuses, and the bits equal `dot_reference`.
        def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            number, lanes = ir.FloatType(), ir.VectorType(ir.FloatType(), LANES)
            index = ir.IntType(64)
            arrays = [
                context.make_array(kind)(context, builder, value)
                for kind, value in zip(signature.args, args, strict=True)
            ]
            length = cgutils.unpack_tuple(builder, arrays[0].shape)[0]
            total = cgutils.alloca_once_value(builder, ir.Constant(lanes, [0.0] * LANES))
            step = ir.Constant(index, LANES)
            with cgutils.for_range_slice(builder, index(0), length, step) as (start, _):
                parts = []
                for array in arrays:
                    place = builder.bitcast(builder.gep(array.data, [start]), lanes.as_pointer())
                    part = builder.load(place)
                    part.align = 4  # rows of a C-contiguous float32 matrix
                    parts.append(part)
                builder.store(
                    builder.fadd(builder.load(total), builder.fmul(parts[0], parts[1])), total
                )
            sums = [
                builder.extract_element(builder.load(total), ir.IntType(32)(lane))
                for lane in range(LANES)
            ]
            while len(sums) > 1:
                half = len(sums) // 2
                sums = [builder.fadd(sums[i], sums[half + i]) for i in range(half)]
            assert sums[0].type == number
            return sums[0]

        return types.float32(a, b), build

    @intrinsic
    def _fetch(typing_context: Any, matrix: Any, row: Any) -> Any:
        def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            array = context.make_array(signature.args[0])(context, builder, args[0])
            rows, index = cgutils.unpack_tuple(builder, array.strides)[0], ir.IntType(64)
            byte, flag = ir.IntType(8).as_pointer(), ir.IntType(32)
            kind = ir.FunctionType(ir.VoidType(), [byte, flag, flag, flag])
            fetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
            start = builder.gep(builder.bitcast(array.data, byte), [builder.mul(rows, args[1])])
            read, keep, data = flag(0), flag(3), flag(1)
            with cgutils.for_range_slice(builder, index(0), rows, index(_LINE)) as (place, _):
                builder.call(fetch, [builder.gep(start, [place]), read, keep, data])
            return context.get_dummy_value()

        return types.void(matrix, types.int64), build

    @inlined_unmanaged
    def prefetch(matrix: Matrix, row: int) -> None:
        """Asks for a row of a matrix to be brought near, while something else is calculated."""
        _fetch(matrix, row)

    @kernel
    def dot(a: Vector, b: Vector) -> np.float32:
        """The inner product of two padded vectors, 16 lanes in a fixed order.

        Args:
            a: float32, length a multiple of 16, C-contiguous.
            b: the same.

        Returns:
            float32; equal to `dot_reference` bit for bit.
        """
        return _dot_lanes(a, b)


@kernel
def _at_most_kth_largest(scores: Vector, k: int) -> float:
    """A number that at least k scores reach, and hardly more than k if they are in any order.

    The largest score of each of 4 k columns is found with vector instructions; k of these are
    k different scores. About 1.15 k scores reach the k-th largest of them.
    """
    width, largest = 4 * k, scores
    if len(scores) >= 2 * width:
        largest = scores[:width].copy()
        for start in range(width, len(scores) - width + 1, width):
            row = scores[start : start + width]
            for i in range(width):
                largest[i] = max(largest[i], row[i])
    return np.sort(largest)[len(largest) - k]


@kernel
def _reaching(scores: Vector, floor: np.float32, places: npt.NDArray[np.int32]) -> int:
    """Puts the places of all scores that reach the floor into `places`; how many there are."""
    count = 0
    for start in range(0, len(scores), _BLOCK):
        block = scores[start : start + _BLOCK]
        reach = 0
        for i in range(len(block)):  # vector instructions, since it has no branch
            reach += block[i] >= floor
        if reach > 0:
            for i in range(len(block)):
                if block[i] >= floor:
                    places[count] = start + i
                    count += 1
    return count


@kernel
def _select(
    rough: Matrix,
    queries: Matrix,
    vectors: Matrix,
    margins: Vector,
    indices: npt.NDArray[np.int32],
    scores: Matrix,
) -> None:
    k = indices.shape[1]
    places = np.empty(len(vectors), np.int32)
    for row in range(len(queries)):
        floor = np.float32(_at_most_kth_largest(rough[row], k) - margins[row])
        chosen = places[: _reaching(rough[row], floor, places)]
        exact = np.empty(len(chosen), np.float32)
        for i in range(len(chosen)):
            exact[i] = dot(queries[row], vectors[chosen[i]])
        # A stable sort of ascending ids by descending score: ties go to the smaller id.
        order = np.argsort(-exact, kind="mergesort")[:k]
        for i in range(k):
            indices[row, i] = chosen[order[i]]
            scores[row, i] = exact[order[i]]


def top_k(
    queries: Matrix, vectors: Matrix, k: int, threads: int = 1
) -> tuple[npt.NDArray[np.int32], Matrix]:
    """The k vectors with the largest inner product for each query, exactly.

    Scores are those of `dot`; ties go to the smaller index. The preselection keeps everything
    within twice the rounding error bound of a float32 product, d * 2**-23 * |q| * max |v|.

    Args:
        queries: float32 (m, d), padded.
        vectors: float32 (n, d), padded.
        k: how many, 1 .. n.
        threads: that share the queries; change nothing but the time.

    Returns:
        (indices int32 (m, k), scores float32 (m, k)), each row sorted by (-score, index).

    Raises:
        ValueError: k is not between 1 and n.
    """
    if not 1 <= k <= len(vectors):
        raise ValueError(f"k = {k} is not between 1 and {len(vectors)}")
    indices = np.empty((len(queries), k), np.int32)
    scores = np.empty((len(queries), k), np.float32)
    longest = float(np.sqrt((vectors.astype(np.float64) ** 2).sum(axis=1).max()))
    lengths = np.sqrt((queries.astype(np.float64) ** 2).sum(axis=1))
    margins = (2.0 * queries.shape[1] * 2.0**-23 * longest * lengths).astype(np.float32)
    chunk = max(1, _SCORES // len(vectors))
    starts = range(0, len(queries), chunk)
    local = threading.local()

    def select(start: int) -> None:
        part = slice(start, start + chunk)
        if not hasattr(local, "buffer"):  # a fresh one for each chunk is paid for in page faults
            local.buffer = np.empty((min(chunk, len(queries)), len(vectors)), np.float32)
        rough = np.matmul(queries[part], vectors.T, out=local.buffer[: len(queries[part])])
        _select(rough, queries[part], vectors, margins[part], indices[part], scores[part])

    if threads <= 1:
        for start in starts:
            select(start)
        return indices, scores
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(select, starts):
            pass
    return indices, scores
