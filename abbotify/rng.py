"""Philox4x64-10 and keyed draws: every random number is a pure function of who, when and what for.

A draw has a key (seed, stream) and a counter (step, user, purpose, session). Nothing is ever
drawn from a shared generator, so no draw depends on what was drawn before, by whom, or where.

Source: Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3 (SC 2011);
the words are those of `numpy.random.Philox`, bit for bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from abbotify.jit import INTERPRETED, inlined, kernel

Word = Any  # an unsigned 64-bit integer: numpy.uint64 in Python, uint64 in a compiled kernel
Words = tuple[Word, Word, Word, Word]
Ids = npt.NDArray[np.int64]


class Stream:
    """The second word of the key: draws of different streams never meet."""

    USERS: Final = 0  # the dynamics of a run: everything a user does
    CATALOGUE: Final = 1  # tracks of a synthetic world
    POPULATION: Final = 2  # users of a synthetic world
    FIT: Final = 3  # starting values of factorisations and trainings
    ESTIMATE: Final = 4  # resampling of users


class Purpose:
    """The third word of the counter: what a draw of a user's is for.

    Its high 32 bits hold the attempt number, see `attempt`.
    """

    SESSION_START: Final = 0  # words 0 and 1: the interest, the first track
    BOREDOM: Final = 1  # does the budget fall after this track
    RECOMMEND: Final = 2  # the recommender's pick
    FALLBACK: Final = 3  # the fallback's pick
    LATENCY: Final = 4  # how long the request takes
    VISITS: Final = 5  # how many visits a day (step is the day)
    VISIT_TIME: Final = 6  # when in the day a visit is (step is the day, session its number)
    GAP: Final = 7  # the time between two visits
    TRACK: Final = 16  # a track's vector, artist, popularity
    ARTIST: Final = 17
    GENRE: Final = 18
    USER: Final = 19  # a user's interests and traits
    FACTORS: Final = 20
    EMBEDDINGS: Final = 21  # of a network before its training
    SHUFFLE: Final = 22  # the order of training pairs
    HOLDOUT: Final = 23  # which training pairs are held out
    NETWORK: Final = 24  # the seed of a network that draws for itself
    FACTORISATION: Final = 25  # the seed of a library that factorises
    QUANTILE: Final = 26  # which user of an arm stands at its quantile (user is the replicate)
    BOOTSTRAP: Final = 27  # the seed of a library's or numpy's resampling
    REPLICATION: Final = 28  # who takes part in an experiment that is repeated, and in which arm


_M0: Final = 0xD2E7470EE14C6C93
_M1: Final = 0xCA5A826395121157
_W0: Final = 0x9E3779B97F4A7C15
_W1: Final = 0xBB67AE8584CAA73B
_MASK: Final = 0xFFFFFFFFFFFFFFFF
_ROUNDS: Final = 10


mul_high: Callable[[Word, Word], Word]
philox: Callable[[Word, Word, Word, Word, Word, Word], Words]

if INTERPRETED:

    def mul_high(a: Word, b: Word) -> Word:
        """The high 64 bits of the product of two 64-bit words."""
        return np.uint64((int(a) * int(b)) >> 64)

    def philox(
        seed: Word, stream: Word, step: Word, user: Word, purpose: Word, session: Word
    ) -> Words:
        """As the compiled version below, in Python's integers."""
        k0, k1 = int(seed) & _MASK, int(stream) & _MASK
        c0, c1, c2, c3 = (int(word) & _MASK for word in (step, user, purpose, session))
        for _ in range(_ROUNDS):
            p0, p1 = _M0 * c0, _M1 * c2
            c0, c1, c2, c3 = (p1 >> 64) ^ c1 ^ k0, p1 & _MASK, (p0 >> 64) ^ c3 ^ k1, p0 & _MASK
            k0, k1 = (k0 + _W0) & _MASK, (k1 + _W1) & _MASK
        return np.uint64(c0), np.uint64(c1), np.uint64(c2), np.uint64(c3)

else:
    from llvmlite import ir
    from numba import types
    from numba.extending import intrinsic

    def _halves(builder: Any, a: Any, b: Any) -> tuple[Any, Any]:
        # One 64 x 64 -> 128 bit multiplication; four 32-bit ones take 2.5 times as long.
        word, wide = ir.IntType(64), ir.IntType(128)
        product = builder.mul(builder.zext(a, wide), builder.zext(b, wide))
        high = builder.trunc(builder.lshr(product, ir.Constant(wide, 64)), word)
        return high, builder.trunc(product, word)

    @intrinsic
    def _mul_high_instruction(typing_context: Any, a: Any, b: Any) -> Any:
        def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return _halves(builder, *args)[0]

        return types.uint64(types.uint64, types.uint64), build

    @intrinsic
    def _rounds(
        typing_context: Any, seed: Any, stream: Any, c0: Any, c1: Any, c2: Any, c3: Any
    ) -> Any:
        # The ten rounds as straight LLVM code, inlined: 10 ns a block inside a loop, as C does;
        # a numba loop over the rounds in a function of its own takes 19 ns.
        def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            m0, m1, w0, w1 = (ir.Constant(ir.IntType(64), word) for word in (_M0, _M1, _W0, _W1))
            k0, k1, c0, c1, c2, c3 = args
            for _ in range(_ROUNDS):
                high0, low0 = _halves(builder, m0, c0)
                high1, low1 = _halves(builder, m1, c2)
                c0, c1 = builder.xor(builder.xor(high1, c1), k0), low1
                c2, c3 = builder.xor(builder.xor(high0, c3), k1), low0
                k0, k1 = builder.add(k0, w0), builder.add(k1, w1)
            return context.make_tuple(builder, signature.return_type, (c0, c1, c2, c3))

        word = types.uint64
        return types.UniTuple(word, 4)(word, word, word, word, word, word), build

    @kernel
    def mul_high(a: Word, b: Word) -> Word:
        """The high 64 bits of the product of two 64-bit words."""
        return _mul_high_instruction(np.uint64(a), np.uint64(b))

    @inlined
    def philox(
        seed: Word, stream: Word, step: Word, user: Word, purpose: Word, session: Word
    ) -> Words:
        """The words of the block with key (seed, stream), counter (step, user, purpose, session).

        All arguments are taken as unsigned 64-bit integers.
        """
        return _rounds(
            np.uint64(seed),
            np.uint64(stream),
            np.uint64(step),
            np.uint64(user),
            np.uint64(purpose),
            np.uint64(session),
        )


@kernel
def real(word: Word) -> float:
    """A word as a uniform number in [0, 1), as numpy makes it: the upper 53 bits."""
    return float(np.uint64(word) >> np.uint64(11)) * 2.0**-53


@kernel
def bounded(word: Word, n: int) -> int:
    """A word as a uniform choice among 0 .. n - 1: the high word of `word * n`."""
    return int(mul_high(np.uint64(word), np.uint64(n)))


@kernel
def uniform(
    seed: Word, stream: Word, step: Word, user: Word, purpose: Word, session: Word
) -> float:
    """The uniform number in [0, 1) of a key and counter (first word of the block)."""
    return real(philox(seed, stream, step, user, purpose, session)[0])


@kernel
def choice(
    seed: Word, stream: Word, step: Word, user: Word, purpose: Word, session: Word, n: int
) -> int:
    """The uniform choice among 0 .. n - 1 of a key and counter (first word of the block)."""
    return bounded(philox(seed, stream, step, user, purpose, session)[0], n)


def seed_word(seed: int) -> int:
    """A seed 0 .. 2**64 - 1 as kernels take it: the signed number of the same 64 bits.

    A compiled kernel takes Python integers as signed words, and refuses the upper half of seeds.
    """
    return seed if INTERPRETED or seed < 2**63 else seed - 2**64


def attempt(purpose: int, number: int) -> int:
    """A purpose with an attempt number (retries, thinning, anchors) in its high 32 bits."""
    return purpose | number << 32


@kernel
def _fill_uniforms(
    out: npt.NDArray[np.float64], seed: Word, stream: Word, purpose: Word, ids: Ids
) -> None:
    rows, columns = out.shape
    for row in range(rows):
        for block in range((columns + 3) // 4):
            words = philox(
                seed, stream, np.uint64(block), np.uint64(ids[row]), purpose, np.uint64(0)
            )
            for lane in range(min(4, columns - 4 * block)):
                out[row, 4 * block + lane] = real(words[lane])


def uniforms(
    seed: int, stream: int, purpose: int, rows: int | Ids, columns: int, *, first: int = 0
) -> npt.NDArray[np.float64]:
    """A matrix of uniform numbers in [0, 1); row r is drawn for "user" `first + r`, or `rows[r]`.

    Returns:
        float64 (rows, columns). A row depends on its own number alone, so any part of a table
        can be drawn apart from the rest.
    """
    ids = np.arange(first, first + rows) if isinstance(rows, int) else rows
    out = np.empty((len(ids), columns))
    _fill_uniforms(out, np.uint64(seed), np.uint64(stream), np.uint64(purpose), ids)
    return out


def generator_seed(seed: int, purpose: int, stream: int = Stream.FIT) -> int:
    """The seed of a library's own generator: 53 keyed bits."""
    return int(uniforms(seed, stream, purpose, 1, 1)[0, 0] * 2**53)


@kernel
def _box_muller(uniform_pairs: npt.NDArray[np.float64], out: npt.NDArray[np.float64]) -> None:
    # Scalar log, cos and sin: numpy's vectorised ones differ in the last bit between machines.
    rows, columns = out.shape
    for row in range(rows):
        for pair in range((columns + 1) // 2):
            u, v = uniform_pairs[row, 2 * pair], uniform_pairs[row, 2 * pair + 1]
            radius = math.sqrt(-2.0 * math.log(1.0 - u))
            out[row, 2 * pair] = radius * math.cos(2.0 * math.pi * v)
            if 2 * pair + 1 < columns:
                out[row, 2 * pair + 1] = radius * math.sin(2.0 * math.pi * v)


def normals(
    seed: int, stream: int, purpose: int, rows: int, columns: int, *, first: int = 0
) -> npt.NDArray[np.float64]:
    """A matrix of standard normal numbers, keyed as `uniforms`.

    Source: Box and Muller, A note on the generation of random normal deviates (1958).

    Returns:
        float64 (rows, columns).
    """
    out = np.empty((rows, columns))
    pairs = uniforms(seed, stream, purpose, rows, 2 * ((columns + 1) // 2), first=first)
    _box_muller(pairs, out)
    return out
