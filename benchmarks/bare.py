"""The bare loop: what a simulator of these listeners cannot avoid, and nothing else.

A pick and a boredom draw by key, the inner product, the listened time, the look through the
session for the track and its artist. No clock, no log, no sums of sessions but the two that show
that it has played the very same tracks as the engine.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from abbotify.jit import inlined_unmanaged, kernel, unmanaged
from abbotify.rng import Purpose, Stream, choice, seed_word, uniform
from abbotify.simulation import timeline
from abbotify.simulation.compiled.engine import Compiled
from abbotify.simulation.engine import Setup
from abbotify.simulation.listener.session import bored, hundredths, start
from abbotify.simulation.prepare import Plan
from abbotify.vectors import dot, prefetch

Numbers = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]

_USERS: Final = Stream.USERS
_BOREDOM: Final = Purpose.BOREDOM
_RECOMMEND: Final = Purpose.RECOMMEND


class Visits(NamedTuple):
    """The sessions to play: whose, the how many-eth, from which taste and track, by what traits."""

    user: Numbers
    number: Numbers
    interest: Numbers
    first: Numbers
    bias: Reals
    sharpness: Reals


class Catalogue(NamedTuple):
    """Tracks, and those of each artist one after the other."""

    vectors: npt.NDArray[np.float32]
    artist: npt.NDArray[np.int32]
    offsets: Numbers
    tracks: npt.NDArray[np.int32]


class Listener(NamedTuple):
    """What all users have in common."""

    seed: int
    gamma: float
    budget: int
    longest: int


def bare(
    catalogue: Catalogue, visits: Visits, listener: Listener, sticky: bool, ahead: bool = False
) -> Any:
    """Plays sessions; recommended tracks and the hundredths that were heard of them.

    Args:
        catalogue: what is played.
        visits: the sessions.
        listener: who listens.
        sticky: pick from the first track's artist, not from all.
        ahead: pick a track early, and ask for its vector then: no part of what cannot be avoided,
            but what the engine does, too.
    """
    session = np.zeros((2, listener.longest), np.int32)
    return _bare(catalogue, visits, listener, sticky, ahead, session[0], session[1])


@unmanaged
def _bare(
    catalogue: Catalogue,
    visits: Visits,
    listener: Listener,
    sticky: bool,
    ahead: bool,
    played: Any,
    artists: Any,
) -> Any:
    plays, heard, seed = 0, 0, listener.seed
    for visit in range(len(visits.user)):
        user, session = visits.user[visit], visits.number[visit]
        taste = catalogue.vectors[visits.interest[visit]]
        played[0] = visits.first[visit]
        artists[0] = catalogue.artist[played[0]]
        bias, sharpness = visits.bias[visit], visits.sharpness[visit]
        budget, step = listener.budget, 1
        following = _pick(catalogue, sticky, ahead, artists[0], seed, user, session, 1)
        if ahead and visit + 1 < len(visits.user):
            prefetch(catalogue.vectors, visits.interest[visit + 1])
        while budget > 0 and step < listener.longest:
            track = following
            if ahead:
                following = _pick(
                    catalogue, sticky, ahead, artists[0], seed, user, session, step + 1
                )
            artist = catalogue.artist[track]
            repeated, discount = False, 1.0
            for i in range(step):
                repeated |= played[i] == track
            for i in range(step):
                discount *= listener.gamma if artists[i] == artist else 1.0
            score = np.float64(dot(catalogue.vectors[track], taste))
            time = hundredths(score, bias, sharpness, 0.0 if repeated else discount)
            draw = uniform(seed, _USERS, step, user, _BOREDOM, session)
            budget -= 1 if bored(time, draw) else 0
            played[step], artists[step] = track, artist
            heard += time
            step += 1
            if not ahead and budget > 0:
                following = _pick(catalogue, sticky, ahead, artists[0], seed, user, session, step)
        plays += step - 1
    return plays, heard


@inlined_unmanaged
def _pick(
    catalogue: Catalogue,
    sticky: bool,
    ahead: bool,
    artist: int,
    seed: int,
    user: int,
    session: int,
    step: int,
) -> int:
    begin: Any = np.int64(0)
    count: Any = len(catalogue.artist)
    if sticky:
        begin = catalogue.offsets[artist]
        count = catalogue.offsets[artist + 1] - begin
    track: Any = begin + choice(seed, _USERS, step, user, _RECOMMEND, session, count)
    if sticky:
        track = np.int64(catalogue.tracks[track])
    if ahead:
        prefetch(catalogue.vectors, track)
    return track


def catalogue_of(plan: Plan) -> Catalogue:
    """The catalogue of a run as the bare loop reads it."""
    catalogue = plan.world.catalogue
    artist = np.require(catalogue.artist, np.int32, ["C", "W"])
    counts = np.bincount(artist, minlength=len(catalogue.artists))
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    tracks = np.argsort(artist, kind="stable").astype(np.int32)
    return Catalogue(
        np.require(catalogue.vectors, requirements=["C", "W"]), artist, offsets, tracks
    )


def listener_of(plan: Plan) -> Listener:
    """What the users of a made-up world have in common."""
    users, scenario = plan.world.users, plan.scenario
    (gamma,), (budget,) = np.unique(users.gamma), np.unique(users.budget)
    longest, seed = scenario.listener.max_tracks, seed_word(scenario.seeds.dynamics)
    return Listener(seed, float(gamma), int(budget), longest)


def visits_of(plan: Plan) -> tuple[Visits, int, int]:
    """A run's sessions in the order the engine plays them; its recommended plays, and hundredths.

    First tracks are heard in full and are not among the hundredths.
    """
    scenario, users = plan.scenario, plan.world.users
    engine = Compiled(Setup(scenario, plan.world, plan.arms))
    tables = [
        result.sessions
        for shard in plan.shards
        for _, result in timeline.play(engine, plan.schedule, users.ids, shard, False)
    ]
    user = np.concatenate([table.user for table in tables])
    number = np.concatenate([table.session for table in tables]).astype(np.int64)
    interest, first = np.empty(len(user), np.int64), np.empty(len(user), np.int64)
    rows = np.searchsorted(users.ids, user)
    offsets, tastes, neighbours, nearest = (
        np.require(values, requirements=["C", "W"])
        for values in (*users.interests, users.neighbours, plan.world.nearest)
    )
    _start(
        seed_word(scenario.seeds.dynamics), user, number, rows, offsets, tastes, neighbours,
        nearest, interest, first,
    )  # fmt: skip
    plays = sum(int(table.recommended.sum()) for table in tables)
    heard = sum(int(table.hundredths.sum()) for table in tables) - 100 * len(user)
    return (
        Visits(user, number, interest, first, users.bias[rows], users.sharpness[rows]),
        plays,
        heard,
    )


@kernel
def _start(
    seed: int, user: Numbers, number: Numbers, rows: Numbers, offsets: Any, tastes: Any,
    neighbours: Any, nearest: Any, interest: Numbers, first: Numbers,
) -> None:  # fmt: skip
    for i in range(len(user)):
        row = rows[i]
        count = offsets[row + 1] - offsets[row]
        which, near = start(seed, user[i], number[i], count, neighbours[row])
        interest[i] = tastes[offsets[row] + which]
        first[i] = nearest[interest[i], near]
