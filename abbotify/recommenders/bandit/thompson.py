"""Thompson sampling over tracks: a Beta posterior of each track's listened fraction.

Source: Agrawal and Goyal, Analysis of Thompson sampling for the multi-armed bandit problem
(COLT 2012), algorithm 2. There a reward r in [0, 1] is turned into a success by the toss of a
coin; here r is added to the successes and 1 - r to the failures, which is what the coin does on
average, without its noise and without a draw.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from abbotify import rng
from abbotify.jit import kernel
from abbotify.recommenders.base import Request
from abbotify.rng import Word

_USERS: Final = rng.Stream.USERS
_ATTEMPTS: Final = 32  # of one track; all 31 after the first are rejected once in 10**40 draws
_TRACKS: Final = 1 << 27  # times the attempts: what the attempt number has room for


class Thompson:
    """The policy: the track whose draw from its posterior is the largest.

    Attributes:
        successes: float64 (tracks): the prior's first number plus all listened fractions.
        failures: float64 (tracks): the prior's second number plus all that was not listened to.
    """

    def __init__(self, n_tracks: int, prior: tuple[float, ...]) -> None:
        """A policy that knows nothing but its prior.

        Args:
            n_tracks: how many tracks the catalogue has, at most 2**27.
            prior: the two parameters of the Beta distribution, above 0.
        """
        if n_tracks > _TRACKS:
            raise ValueError(f"has draws for {_TRACKS} tracks, got {n_tracks}")
        self.successes = np.full(n_tracks, prior[0])
        self.failures = np.full(n_tracks, prior[1])

    def choose(self, tracks: npt.NDArray[np.int32], request: Request) -> tuple[int, int]:
        """The track chosen among some, and what `learn` has to be told: the track again."""
        user, _, session, step = request[:4]
        track = _largest(
            tracks,
            self.successes,
            self.failures,
            request.seed,
            step,
            user,
            request.purpose,
            session,
        )
        return track, track

    def learn(self, choice: int, time: float) -> None:
        """Adds what came of a choice.

        Args:
            choice: as `choose` gave it.
            time: the listened fraction, 0 .. 1.
        """
        self.successes[choice] += time
        self.failures[choice] += 1.0 - time


@kernel
def beta_log_odds(
    a: float, b: float, seed: Word, step: Word, user: Word, purpose: Word, session: Word, track: int
) -> float:
    """log(x / (1 - x)) for a draw x from Beta(a, b) that depends on the request and track alone.

    x is G / (G + H) for G from Gamma(a) and H from Gamma(b), so this is log G - log H: unlike x
    itself it neither overflows nor ties for shapes near 0.

    Source: Marsaglia and Tsang, A simple method for generating gamma variables (2000).
    """
    base = np.uint64(track) * np.uint64(_ATTEMPTS)
    log_g, log_h = math.nan, math.nan
    number = 1  # attempt 0 is what shapes below 1 need
    while (math.isnan(log_g) or math.isnan(log_h)) and number < _ATTEMPTS:
        tried = np.uint64(purpose) | (base + np.uint64(number)) << np.uint64(32)
        words = rng.philox(seed, _USERS, step, user, tried, session)
        # Box and Muller's pair is independent, so that one block serves both gamma numbers.
        radius = math.sqrt(-2.0 * math.log(1.0 - rng.real(words[0])))
        angle = 2.0 * math.pi * rng.real(words[1])
        if math.isnan(log_g):
            log_g = _log_gamma(a, radius * math.cos(angle), 1.0 - rng.real(words[2]))
        if math.isnan(log_h):
            log_h = _log_gamma(b, radius * math.sin(angle), 1.0 - rng.real(words[3]))
        number += 1
    if a < 1.0 or b < 1.0:
        tried = np.uint64(purpose) | base << np.uint64(32)
        words = rng.philox(seed, _USERS, step, user, tried, session)
        log_g += math.log(1.0 - rng.real(words[0])) / a if a < 1.0 else 0.0
        log_h += math.log(1.0 - rng.real(words[1])) / b if b < 1.0 else 0.0
    return log_g - log_h


@kernel
def _log_gamma(shape: float, normal: float, uniform: float) -> float:
    """The logarithm of a Gamma number, or NaN when the attempt is rejected (below 5 %).

    For shapes below 1 it is that of shape + 1; the caller multiplies by a uniform ** (1 / shape).
    """
    d = (shape + 1.0 if shape < 1.0 else shape) - 1.0 / 3.0
    root = 1.0 + normal / math.sqrt(9.0 * d)
    if root <= 0.0:
        return math.nan
    v = root * root * root
    log_v = math.log(v)
    if math.log(uniform) < 0.5 * normal * normal + d - d * v + d * log_v:
        return math.log(d) + log_v
    return math.nan


@kernel
def _largest(
    tracks: npt.NDArray[np.int32],
    successes: npt.NDArray[np.float64],
    failures: npt.NDArray[np.float64],
    seed: Word,
    step: Word,
    user: Word,
    purpose: Word,
    session: Word,
) -> int:
    best, chosen = -math.inf, -1
    for track in tracks:
        a, b = successes[track], failures[track]
        drawn = beta_log_odds(a, b, seed, step, user, purpose, session, track)
        if chosen < 0 or drawn > best or (drawn == best and track < chosen):
            best, chosen = drawn, track
    return int(chosen)
