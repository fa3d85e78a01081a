"""A session in the compiled loop: from its start, or from an answer it waited for, to its end.

The event-driven engine's `Listening.listen`, track by track, with the same scalar kernels.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from abbotify.engine.kernels import program
from abbotify.engine.kernels.layout import (
    ARTISTS,
    BUDGET,
    ERRORS,
    FAILED,
    FALLBACKS,
    FRESH,
    HUNDREDTHS,
    INTEREST,
    LATENCY,
    LINK,
    MISSED,
    MISSES,
    NOW,
    NUMBER,
    OUTCOME,
    PLAY_MS,
    REPEATS,
    SKIPS,
    STEP,
    Day,
    Ground,
    Index,
    Int,
    IntArray,
    Memory,
    Out,
    People,
)
from abbotify.engine.kernels.picks import UNKNOWN, Asked, Heard, pick, uniformly
from abbotify.engine.kernels.program import Program, Tables
from abbotify.jit import inlined_unmanaged, unmanaged
from abbotify.listener.latency import exponential, lognormal, uniform_ms
from abbotify.listener.session import bored, hundredths, play_ms
from abbotify.rng import Purpose, Stream, uniform
from abbotify.vectors import dot, prefetch

_OK, _MISS, _ERROR = 0, 1, 2
_UNKNOWN: Final = UNKNOWN
_ASKS: Final = program.ASKS
_FIXED, _EXPONENTIAL, _UNIFORM = program.FIXED, program.EXPONENTIAL, program.UNIFORM
_USERS: Final = Stream.USERS
_BOREDOM: Final = Purpose.BOREDOM
# A session so long is looked up in tables of the whole catalogue: up to here a scan of its tracks
# is faster, beyond it would be quadratic.
_LONG: Final = 256


@inlined_unmanaged
def listen(
    ground: Ground,
    arms: Program,
    tables: Tables,
    day: Day,
    people: People,
    row: Int,
    memory: Memory,
    base: Int,
    answer: Int,
    out: Out,
) -> bool:
    """A session from its start, or from an answer, to its end (True) or a question (False)."""
    # One function, and locals for what `fields` holds: the compiler cannot keep in registers what
    # a store to another array of integers might change.
    s, seed, number, world_row = out.fields, day.seed, out.fields[NUMBER], day.first + row
    user, arm, code = ground.ids[world_row], np.int64(day.serving[row]), day.codes[row]
    bias, sharpness, gamma = (
        ground.bias[world_row], ground.sharpness[world_row], ground.gamma[world_row],
    )  # fmt: skip
    step, now, budget, link, outcome = s[STEP], s[NOW], s[BUDGET], s[LINK], s[OUTCOME]
    total, latency, skips, repeats = s[HUNDREDTHS], s[LATENCY], s[SKIPS], s[REPEATS]
    artists, played_ms = s[ARTISTS], s[PLAY_MS]
    taste = ground.vectors[s[INTEREST]]
    out.cursor[0] = -1
    first: Int = np.int64(memory.tracks[base])
    track: Int = np.int64(memory.tracks[base + step])
    time: Int = np.int64(memory.times[base + step])
    plain, indexed, done = arms.plain[arm], False, True
    ahead: Int = np.int64(FRESH)
    key, place, purpose = arms.key[arm], arms.offset[arm], arms.purpose[arms.links[arm]]
    if plain and answer == FRESH:
        ahead = uniformly(
            tables, key, place, purpose, seed, user, world_row, number, 1, first, track,
            np.int64(ground.tracks[track, 0]),
        )  # fmt: skip
        if ahead >= 0 and ground.far:
            prefetch(ground.vectors, ahead)
    while True:
        if answer == FRESH:
            ms = _latency(arms, arm, seed, user, number, step)
            if day.keeps:  # what nobody reads took 8 % of the loop to write
                memory.stamps[base + step], memory.took[base + step] = now, ms
            latency += ms
            now += ms
            if budget <= 0 or step >= day.last_step:
                break
            link, outcome = arms.links[arm], _OK
        found: Int = max(answer, ahead)
        answer = FRESH
        if found < 0:
            asked = Asked(seed, user, world_row, number, step + 1, first, track, time)
            heard = Heard(
                memory.tracks, memory.times, base, people.tracks[row], people.times[row],
                out.scratch, out.cursor,
            )  # fmt: skip
            done, found, link, outcome = _answered(
                tables, arms, asked, heard, ground.artist, found, link, outcome
            )
            if not done:
                break
        if outcome != _OK:  # also of an answer that was waited for
            s[FALLBACKS] += 1
            s[MISSES] += outcome == _MISS
            s[ERRORS] += outcome == _ERROR
        track, step = found, step + 1
        artist = np.int64(ground.tracks[track, 0])
        if plain:
            # The next pick does not depend on how long this track is heard: it is made at once,
            # so that its vector is on the way while this one's is multiplied.
            ahead = uniformly(
                tables, key, place, purpose, seed, user, world_row, number, step + 1, first, track,
                artist,
            )  # fmt: skip
            if ahead >= 0 and ground.far:
                prefetch(ground.vectors, ahead)
        if step >= _LONG and not indexed:
            _index(out.lookup, memory, base, step)
            indexed = True
        repeated, last = _earlier(out.lookup, memory, base, step, track, artist)
        discount = 1.0 if last < 0 else memory.discounts[base + last] * gamma
        memory.tracks[base + step], memory.artists[base + step] = track, artist
        memory.discounts[base + step] = discount
        score = np.float64(dot(ground.vectors[track], taste))
        time = hundredths(score, bias, sharpness, 0.0 if repeated else discount)
        draw = uniform(seed, _USERS, step, user, _BOREDOM, number)
        budget -= 1 if bored(time, draw) else 0
        memory.times[base + step] = time
        heard_ms = play_ms(time, int(ground.tracks[track, 1]))
        now += heard_ms
        total += time
        played_ms += heard_ms
        skips += time < day.skip_below
        repeats += repeated
        artists += last < 0
        if code >= 0:
            out.plays[code, track] += 1
            if step <= out.heard.shape[1]:
                out.heard[code, step - 1, 0] += 1
                out.heard[code, step - 1, 1] += time
    s[STEP], s[NOW], s[BUDGET], s[LINK], s[OUTCOME] = step, now, budget, link, outcome
    s[HUNDREDTHS], s[LATENCY], s[SKIPS], s[REPEATS] = total, latency, skips, repeats
    s[ARTISTS], s[PLAY_MS] = artists, played_ms
    return done


@inlined_unmanaged
def _answered(
    tables: Tables,
    arms: Program,
    asked: Asked,
    heard: Heard,
    artist: IntArray,
    answer: Int,
    link: Int,
    outcome: Int,
) -> tuple[bool, Int, Int, Int]:
    """The answer of a chain: whether there is one; the track, the link asked last, the outcome."""
    if answer in (MISSED, FAILED):
        outcome = _ERROR if answer == FAILED else max(outcome, _MISS)
        link += 1
    while True:
        table = arms.table[link]
        if table == _ASKS:
            return False, 0, link, outcome
        found = pick(tables, table, arms.purpose[link], asked, heard, artist)
        if found >= 0:
            return True, found, link, outcome
        if found == _UNKNOWN:
            return False, 0, link, outcome
        outcome = max(outcome, _MISS)
        link += 1


@inlined_unmanaged
def _earlier(
    index: Index, memory: Memory, base: Int, step: Int, track: Int, artist: Int
) -> tuple[bool, Int]:
    """Whether the session has had a track, and the last step with an artist, or -1."""
    if step >= _LONG:
        session = index.sessions[0]
        repeated = index.tracks[track] == session
        last = index.places[artist] if index.artists[artist] == session else -1
        index.tracks[track] = index.artists[artist] = session
        index.places[artist] = step
        return repeated, last
    repeated = False
    for i in range(base, base + step):  # no early end: vector instructions
        repeated |= memory.tracks[i] == track
    for i in range(step - 1, -1, -1):
        if memory.artists[base + i] == artist:
            return repeated, i
    return repeated, -1


@inlined_unmanaged
def _latency(arms: Program, arm: Int, seed: Int, user: Int, number: Int, step: Int) -> Int:
    took = arms.took[arm]
    low: Any = arms.low[arm]
    high: Any = arms.high[arm]
    if took == _FIXED:
        return np.int64(low)
    if took == _EXPONENTIAL:
        return exponential(seed, user, number, step, low)
    if took == _UNIFORM:
        return uniform_ms(seed, user, number, step, int(low), int(high))
    return lognormal(seed, user, number, step, low, high)


@unmanaged
def _index(index: Index, memory: Memory, base: Int, step: Int) -> None:
    index.sessions[0] += 1
    session = index.sessions[0]
    for i in range(step):
        artist = memory.artists[base + i]
        index.tracks[memory.tracks[base + i]] = index.artists[artist] = session
        index.places[artist] = i
