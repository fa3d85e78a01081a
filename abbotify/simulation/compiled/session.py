"""A session in the compiled loop: from its start, or from an answer it waited for, to its end.

The event-driven engine's `Sessions.listen`, track by track, with the same scalar kernels.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np

from abbotify.jit import inlined_unmanaged
from abbotify.recommenders.base import ERROR, MISS, OK
from abbotify.rng import Purpose, Stream, uniform
from abbotify.simulation.compiled import lowering
from abbotify.simulation.compiled.arrays import (
    BUDGET,
    ERRORS,
    FAILED,
    FALLBACKS,
    FRESH,
    INTEREST,
    LATENCY,
    LINK,
    LONG,
    MISSED,
    MISSES,
    NOW,
    NUMBER,
    OUTCOME,
    STEP,
    Day,
    Ground,
    Index,
    Int,
    IntArray,
    Memory,
    Out,
    People,
    earlier,
    enter,
)
from abbotify.simulation.compiled.lowering import Program, Tables
from abbotify.simulation.compiled.pick import UNKNOWN, History, Query, pick, plain_pick
from abbotify.simulation.compiled.totals import add_track, keep_totals, totals_of
from abbotify.simulation.listener.latency import exponential, lognormal, uniform_ms
from abbotify.simulation.listener.session import bored, hundredths, play_ms
from abbotify.vectors import dot, prefetch

_OK, _MISS, _ERROR = OK, MISS, ERROR
_UNKNOWN: Final = UNKNOWN
_ASKS: Final = lowering.ASKS
_FIXED, _EXPONENTIAL, _UNIFORM = lowering.FIXED, lowering.EXPONENTIAL, lowering.UNIFORM
_USERS: Final = Stream.USERS
_BOREDOM: Final = Purpose.BOREDOM


class Who(NamedTuple):
    """What does not change in a session.

    Attributes:
        seed: of the dynamics, as a signed word.
        user: the user's id.
        row: the user's row in the world.
        number: the user's own session number.
        arm: its place.
        code: its row of `Out.plays`, -1 for a user who is not judged.
        first: the first track.
        interest: the track whose vector is the session's taste.
        bias: of the user, like the next two.
        sharpness: of listening.
        gamma: the discount of a repeated artist.
    """

    seed: Int
    user: Int
    row: Int
    number: Int
    arm: Int
    code: Int
    first: Int
    interest: Int
    bias: float
    sharpness: float
    gamma: float


class Plain(NamedTuple):
    """The rule of an arm that is `plain`, see `Program`."""

    holds: bool
    key: Int
    offset: Int
    purpose: Int


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
    # Locals for what `fields` holds: the compiler cannot keep in registers what a store to another
    # array of integers might change. A tuple of numbers is locals too, once all is inlined.
    s, who, rule = out.fields, *_known(ground, arms, day, row, memory, base, out.fields)
    step, now, budget, link, outcome = s[STEP], s[NOW], s[BUDGET], s[LINK], s[OUTCOME]
    latency, totals, done = s[LATENCY], totals_of(s), True
    track: Int = np.int64(memory.tracks[base + step])
    time: Int = np.int64(memory.times[base + step])
    out.cursor[0] = -1
    if step >= LONG:
        enter(out.lookup, memory, base, step + 1)
    ahead: Int = np.int64(FRESH)
    if answer == FRESH:
        ahead = _ahead(ground, tables, who, rule, step, track)
    while True:
        if answer == FRESH:
            ms = latency_ms(arms, who, step)
            if day.keeps:  # what nobody reads took 8 % of the loop to write
                memory.stamps[base + step], memory.took[base + step] = now, ms
            latency += ms
            now += ms
            if budget <= 0 or step >= day.last_step:
                break
            link, outcome = arms.links[who.arm], _OK
        chosen: Int = max(answer, ahead)
        answer = FRESH
        if chosen < 0:
            query = Query(
                who.seed, who.user, who.row, who.number, step + 1, who.first, track, time
            )  # fmt: skip
            history = History(
                memory.tracks, memory.times, base, people.tracks[row], people.times[row],
                out.scratch, out.cursor,
            )  # fmt: skip
            done, chosen, link, outcome = answered(
                tables, arms, query, history, ground.artist, chosen, link, outcome
            )
            if not done:
                break
        if outcome != _OK:  # also of an answer that was waited for
            note(s, outcome)
        track, step = chosen, step + 1
        # The next pick does not depend on how long this track is history: it is made at once, so
        # that its vector is on the way while this one's is multiplied.
        ahead = _ahead(ground, tables, who, rule, step, track)
        time, repeated, known = hear(ground, memory, base, out.lookup, who, step, track, LONG)
        draw = uniform(who.seed, _USERS, step, who.user, _BOREDOM, who.number)
        budget -= 1 if bored(time, draw) else 0
        heard_ms = play_ms(time, int(ground.tracks[track, 1]))
        now += heard_ms
        totals = add_track(totals, time, heard_ms, time < day.skip_below, repeated, known)
        count(out, who.code, track, step, time)
    s[STEP], s[NOW], s[BUDGET], s[LINK], s[OUTCOME] = step, now, budget, link, outcome
    s[LATENCY] = latency
    keep_totals(s, totals)
    return done


@inlined_unmanaged
def _known(
    ground: Ground, arms: Program, day: Day, row: Int, memory: Memory, base: Int, s: IntArray
) -> tuple[Who, Plain]:
    """What does not change while the session of `fields` lasts."""
    world_row, arm = day.first + row, np.int64(day.serving[row])
    who = Who(
        day.seed, ground.ids[world_row], world_row, s[NUMBER], arm, np.int64(day.codes[row]),
        np.int64(memory.tracks[base]), s[INTEREST],
        ground.bias[world_row], ground.sharpness[world_row], ground.gamma[world_row],
    )  # fmt: skip
    purpose = arms.purpose[arms.links[arm]]
    return who, Plain(arms.plain[arm], arms.key[arm], arms.offset[arm], purpose)


@inlined_unmanaged
def _ahead(ground: Ground, tables: Tables, who: Who, rule: Plain, step: Int, track: Int) -> Int:
    """The pick after a track, if its arm is plain and does not miss; else a negative number."""
    if not rule.holds:
        return np.int64(FRESH)
    chosen = plain_pick(
        tables, rule.key, rule.offset, rule.purpose, who.seed, who.user, who.row, who.number,
        step + 1, who.first, track, np.int64(ground.tracks[track, 0]),
    )  # fmt: skip
    if chosen < 0:  # told as if nobody had been query: the chain is, in its order
        return np.int64(FRESH)
    if ground.far:
        prefetch(ground.vectors, chosen)
    return chosen


@inlined_unmanaged
def hear(
    ground: Ground,
    memory: Memory,
    base: Int,
    lookup: Index,
    who: Who,
    step: Int,
    track: Int,
    scanned: Int,
) -> tuple[Int, bool, bool]:
    """Adds a track to the session: its hundredths, was it there before, was its artist."""
    artist = np.int64(ground.tracks[track, 0])
    if step == scanned:
        enter(lookup, memory, base, step)
    repeated, last = earlier(lookup, memory, base, step, track, artist, scanned)
    discount = 1.0 if last < 0 else memory.discounts[base + last] * who.gamma
    memory.tracks[base + step], memory.artists[base + step] = track, artist
    memory.discounts[base + step] = discount
    score = np.float64(dot(ground.vectors[track], ground.vectors[who.interest]))
    time = hundredths(score, who.bias, who.sharpness, 0.0 if repeated else discount)
    memory.times[base + step] = time
    return time, repeated, last >= 0


@inlined_unmanaged
def note(s: IntArray, outcome: Int) -> None:
    """Counts a request that a fallback answered, and why."""
    s[FALLBACKS] += 1
    s[MISSES] += outcome == _MISS
    s[ERRORS] += outcome == _ERROR


@inlined_unmanaged
def count(out: Out, code: Int, track: Int, step: Int, time: Int) -> None:
    """Counts a recommended play of a judged user."""
    if code >= 0:
        out.plays[code, track] += 1
        if step <= out.by_step.shape[1]:
            out.by_step[code, step - 1, 0] += 1
            out.by_step[code, step - 1, 1] += time


@inlined_unmanaged
def answered(
    tables: Tables,
    arms: Program,
    query: Query,
    history: History,
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
        chosen = pick(tables, table, arms.purpose[link], query, history, artist)
        if chosen >= 0:
            return True, chosen, link, outcome
        if chosen == _UNKNOWN:
            return False, 0, link, outcome
        outcome = max(outcome, _MISS)
        link += 1


@inlined_unmanaged
def latency_ms(arms: Program, who: Who, step: Int) -> Int:
    """How long the service of a request takes."""
    took, seed, user, number = arms.took[who.arm], who.seed, who.user, who.number
    low: Any = arms.low[who.arm]
    high: Any = arms.high[who.arm]
    if took == _FIXED:
        return np.int64(low)
    if took == _EXPONENTIAL:
        return exponential(seed, user, number, step, low)
    if took == _UNIFORM:
        return uniform_ms(seed, user, number, step, int(low), int(high))
    return lognormal(seed, user, number, step, low, high)
