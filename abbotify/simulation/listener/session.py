"""A listening session: the taste, the listened time, the boredom, the tracks so far.

Listened time is kept in whole hundredths. `floor(100 x + 0.5)` equals the usual rounding except
on exact half-ways, and is the same in Python and in a compiled kernel, which `round` is not.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from abbotify.jit import kernel
from abbotify.rng import Purpose, Stream, bounded, philox, uniform
from abbotify.vectors import dot

FULL: Final = 100  # hundredths: the first track counts as fully listened

_USERS: Final = Stream.USERS
_START: Final = Purpose.SESSION_START
_BOREDOM: Final = Purpose.BOREDOM
# exp(700) is the last hundred before overflow, and sigmoid(-700) is 0 hundredths anyway.
_LARGEST: Final = 700.0


@kernel
def hundredths(score: float, bias: float, sharpness: float, discount: float) -> int:
    """Listened time in hundredths: `sigmoid((score - bias) * sharpness) * discount`, rounded.

    Args:
        score: the inner product of the track's vector and the session's taste.
        bias: the score at which a listener hears half of a track.
        sharpness: how fast listening rises with the score.
        discount: `gamma ** k` for the k-th repetition of the artist, 0 for a repeated track.

    Returns:
        0 .. 100. A product that is not a number (huge traits cancelling out) counts as 0.
    """
    exponent = (score - bias) * sharpness
    if not exponent > -_LARGEST:
        return 0
    if exponent > _LARGEST:
        exponent = _LARGEST
    x = 1.0 / (1.0 + math.exp(-exponent)) * discount
    return math.floor(100.0 * x + 0.5)


@kernel
def bored(time: int, draw: float) -> bool:
    """Whether a track costs a unit of budget: with probability `1 - time / 100`."""
    return draw > time / 100.0


@kernel
def play_ms(time: int, track_ms: int) -> int:
    """How long a track of `track_ms` is played when `time` hundredths of it are heard, in ms."""
    return (time * track_ms + 50) // 100


@kernel
def start(seed: int, user: int, session: int, interests: int, neighbours: int) -> tuple[int, int]:
    """The pick of a session's interest and of its first track among the interest's neighbours.

    Returns:
        (0 .. interests - 1, 0 .. neighbours - 1).
    """
    words = philox(seed, _USERS, 0, user, _START, session)
    return bounded(words[0], interests), bounded(words[1], neighbours)


@kernel
def listen(
    vectors: npt.NDArray[np.float32],
    interest: int,
    track: int,
    bias: float,
    sharpness: float,
    discount: float,
    seed: int,
    user: int,
    session: int,
    step: int,
) -> int:
    """A recommended track is heard: its listened time, and whether it cost a unit of budget.

    One call for both, and the taste by its row, since a call from Python costs 0.3 us and every
    array argument 0.1 us more.

    Returns:
        2 * hundredths + (1 if bored else 0).
    """
    score = np.float64(dot(vectors[track], vectors[interest]))
    time = hundredths(score, bias, sharpness, discount)
    draw = uniform(seed, _USERS, step, user, _BOREDOM, session)
    return 2 * time + (1 if bored(time, draw) else 0)


class Memory:
    """The tracks of a session so far, and the discount they put on the next one.

    Attributes:
        played: track ids in the order they were played.
    """

    __slots__ = ("_artist_of", "_discounts", "_gamma", "_seen", "played")

    def __init__(self, artist_of: Any, gamma: float, first: int) -> None:
        """The memory after the session's first track.

        Args:
            artist_of: the artist of each track, by id; a memory view or a list.
            gamma: the discount of a repeated artist.
            first: the first track's id.
        """
        self._artist_of, self._gamma = artist_of, gamma
        self.played = [first]
        self._seen = {first}
        self._discounts = {artist_of[first]: gamma}

    def hear(self, track: int) -> float:
        """Adds a track to the session; what its listened time is multiplied by.

        Returns:
            `gamma ** k` for an artist played k times before, gamma's powers by repeated
            multiplication; 0 for a track played before, which still counts for its artist.
        """
        discounts, artist = self._discounts, self._artist_of[track]
        discount = discounts.get(artist, 1.0)
        discounts[artist] = discount * self._gamma
        self.played.append(track)
        if track in self._seen:
            return 0.0
        self._seen.add(track)
        return discount
