"""The compiled loop: users, their visits, their tracks, one after the other in one kernel.

What the event-driven engine tells as processes is here one loop, since users who do not meet can
be played one by one. Every number is that of the same scalar kernels in `listener`.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from abbotify.engine import program
from abbotify.engine.picks import Asked, Heard, pick
from abbotify.engine.program import Program, Tables
from abbotify.jit import inlined, kernel
from abbotify.listener.arrivals import next_visit
from abbotify.listener.latency import exponential, lognormal, uniform_ms
from abbotify.listener.session import FULL, bored, hundredths, play_ms, start
from abbotify.recommenders import HISTORY
from abbotify.rng import Purpose, Stream, uniform
from abbotify.vectors import dot

IntArray = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# What a session is told when it goes on; anything from 0 is the track it waited for.
MISSED, FAILED, AGAIN = -1, -2, -3
_FRESH: Final = -4

# Columns of `Out.sessions`: one number for each of a finished session.
(
    ROW, NUMBER, START, TRACKS, HUNDREDTHS, LATENCY, SKIPS, REPEATS, ARTISTS, PLAY_MS, CUT,
    MISSES, ERRORS, FALLBACKS, EVENTS,
) = range(15)  # fmt: skip
SESSION_COLUMNS: Final = 15

# Fields of a session under way beside those columns, in `Parked.fields`.
STEP, NOW, BUDGET, INTEREST, LINK, OUTCOME, ARM = range(15, 22)
FIELDS: Final = 22

_OK, _MISS, _ERROR = 0, 1, 2
_ASKS: Final = program.ASKS
_FIXED, _EXPONENTIAL, _UNIFORM = program.FIXED, program.EXPONENTIAL, program.UNIFORM
_USERS: Final = Stream.USERS
_BOREDOM: Final = Purpose.BOREDOM
_HISTORY: Final = HISTORY
_FULL: Final = FULL
# A session so long is looked up in tables of the whole catalogue: up to here a scan of its tracks
# is faster, beyond it would be quadratic.
_LONG: Final = 256


class Ground(NamedTuple):
    """The world: arrays of `Catalogue`, `Users` and `World`."""

    vectors: npt.NDArray[np.float32]
    artist: npt.NDArray[np.int32]
    track_ms: IntArray
    nearest: npt.NDArray[np.int32]
    offsets: IntArray
    interests: npt.NDArray[np.int32]
    ids: IntArray
    bias: Floats
    sharpness: Floats
    gamma: Floats
    budget: IntArray
    neighbours: IntArray


class Day(NamedTuple):
    """What is given on the day that is played.

    Attributes:
        seed: of the dynamics, as a signed word.
        first: the first user's row in the world.
        end: when the day is over, ms.
        run_end: when the run is over, ms; nothing starts after it.
        last_step: the step at which a session is cut.
        skip_below: hundredths below which a track is skipped.
        keeps: whether the tracks of all sessions are kept, one session after the other.
        per_day: visits of a user a day; below 0 when visits are drawn by the day.
        hours: the profile.
        serving: int16 (users), places of arms.
        codes: int16 (users), rows of `Out.plays`, -1 for users who are not judged.
        visits: int64 (users + 1), where each user's are in `times`.
        times: int64, ms.
    """

    seed: int
    first: int
    end: int
    run_end: int
    last_step: int
    skip_below: int
    keeps: bool
    per_day: float
    hours: Floats
    serving: npt.NDArray[np.int16]
    codes: npt.NDArray[np.int16]
    visits: IntArray
    times: IntArray


class People(NamedTuple):
    """What changes of users, by their row in the unit; see `State`."""

    busy_until: IntArray
    next_visit: IntArray
    sessions: IntArray
    tracks: npt.NDArray[np.int32]
    times: npt.NDArray[np.int16]
    visited: IntArray  # place of the next visit in `Day.times`


class Memory(NamedTuple):
    """Tracks of sessions, one number for each.

    Attributes:
        tracks: int32.
        artists: int32.
        discounts: float64, what the track's listened time was multiplied by, repetition apart.
        times: int16, listened hundredths.
        stamps: int64 ms, when it had been heard and the request was sent.
        took: int64 ms, the latency of that request.
    """

    tracks: npt.NDArray[np.int32]
    artists: npt.NDArray[np.int32]
    discounts: Floats
    times: npt.NDArray[np.int16]
    stamps: IntArray
    took: IntArray


class Parked(NamedTuple):
    """Sessions that wait for an answer, by the user's row in the unit.

    Attributes:
        waits: int8 (users), 1 for a user whose session waits.
        fields: int64 (users, 22).
        answers: int64 (users), what was answered: a track, MISSED, FAILED or AGAIN.
        memory: a place of `width` tracks for each user.
        width: tracks a place has room for, in an array of its own.
    """

    waits: npt.NDArray[np.int8]
    fields: IntArray
    answers: IntArray
    memory: Memory
    width: IntArray


class Index(NamedTuple):
    """Where tracks and artists occur in a long session.

    Attributes:
        tracks: int64 (tracks), the number of the last long session that had it.
        artists: int64 (artists), the same.
        places: int64 (artists), its last step in that session.
        sessions: int64 (1), how many long sessions there were.
    """

    tracks: IntArray
    artists: IntArray
    places: IntArray
    sessions: IntArray


class Out(NamedTuple):
    """What is written down.

    Attributes:
        sessions: int64 (15, room), a column for each finished session.
        plays: int64 (codes, tracks), how often each track was played.
        heard: int64 (codes, steps, 2): plays and their hundredths, by step from 1.
        filled: int64 (3): sessions and tracks so far; 1 when the session in `fields` has to be
            parked and finds its place too narrow.
        scratch: int64 (2, 10).
        fields: int64 (22), of the session under way.
        index: for long sessions.
    """

    sessions: IntArray
    plays: IntArray
    heard: IntArray
    filled: IntArray
    scratch: IntArray
    fields: IntArray
    index: Index


@kernel
def play(
    ground: Ground,
    arms: Program,
    tables: Tables,
    day: Day,
    people: People,
    parked: Parked,
    memory: Memory,
    out: Out,
    rows: IntArray,
    begin: int,
) -> int:
    """Plays users until the day is over for them, or their session waits for an answer.

    Args:
        ground: the world.
        arms: who recommends.
        tables: from what.
        day: what is given.
        people: what is changed.
        parked: sessions that wait; those of `rows` are gone on with.
        memory: room for tracks, at least for the longest session behind those kept.
        out: what is written.
        rows: int64, users to be played, by their row in the unit.
        begin: the first place in `rows`.

    Returns:
        the place in `rows` at which it stopped for want of room, for tracks or sessions or, when
        `filled[2]` says so, to park; len(rows) when all are played.
    """
    s = out.fields
    for place in range(begin, len(rows)):
        row = rows[place]
        user, world_row = ground.ids[day.first + row], day.first + row
        while True:
            base = out.filled[1] if day.keeps else 0
            room = len(memory.tracks) - base > day.last_step
            if not room or out.filled[0] == out.sessions.shape[1]:
                return place
            answer = _FRESH
            if parked.waits[row]:
                answer = parked.answers[row]
                _unpark(parked, row, memory, base, s)
            else:
                time = _next(day, people, row)
                if time < 0:
                    break
                _start(ground, day, people, row, user, world_row, time, memory, base, out)
            if not _listen(
                ground, arms, tables, day, people, row, user, world_row, memory, base, answer, out
            ):
                if s[STEP] >= parked.width[0]:
                    out.filled[2] = 1
                    return place
                park(parked, row, memory, base, s)
                break
            _finish(day, people, row, user, memory, base, out)
    return len(rows)


@inlined
def _next(day: Day, people: People, row: int) -> int:
    """When the user's next session starts, or -1."""
    if day.per_day >= 0.0:
        time = people.next_visit[row]
        return time if time < day.end else -1
    place = people.visited[row]
    if place == day.visits[row + 1]:
        return -1
    time = max(day.times[place], people.busy_until[row])
    people.visited[row] = place + 1
    if time >= day.run_end:
        people.visited[row] = day.visits[row + 1]
        return -1
    return time


@inlined
def _start(
    ground: Ground,
    day: Day,
    people: People,
    row: int,
    user: int,
    world_row: int,
    time: int,
    memory: Memory,
    base: int,
    out: Out,
) -> None:
    s = out.fields
    number = people.sessions[row]
    people.sessions[row] = number + 1
    offset = ground.offsets[world_row]
    interests = ground.offsets[world_row + 1] - offset
    which, near = start(day.seed, user, number, interests, ground.neighbours[world_row])
    interest = np.int64(ground.interests[offset + which])
    track = np.int64(ground.nearest[interest, near])
    heard_ms = play_ms(_FULL, ground.track_ms[track])
    s[:] = 0
    s[ROW], s[NUMBER], s[ARM] = row, number, day.serving[row]
    s[START] = s[NOW] = time + heard_ms
    s[HUNDREDTHS], s[PLAY_MS], s[ARTISTS] = _FULL, heard_ms, 1
    s[BUDGET], s[INTEREST] = ground.budget[world_row], interest
    memory.tracks[base], memory.times[base] = track, _FULL
    memory.artists[base], memory.discounts[base] = ground.artist[track], 1.0
    code = day.codes[row]
    if code >= 0:
        out.plays[code, track] += 1


@inlined
def _listen(
    ground: Ground,
    arms: Program,
    tables: Tables,
    day: Day,
    people: People,
    row: int,
    user: int,
    world_row: int,
    memory: Memory,
    base: int,
    answer: int,
    out: Out,
) -> bool:
    """A session from its start, or from an answer, to its end (True) or a question (False)."""
    s, seed, number = out.fields, day.seed, out.fields[NUMBER]
    arm, step, now, budget = s[ARM], s[STEP], s[NOW], s[BUDGET]
    bias, sharpness = ground.bias[world_row], ground.sharpness[world_row]
    gamma, code = ground.gamma[world_row], day.codes[row]
    taste = ground.vectors[s[INTEREST]]
    first, track = np.int64(memory.tracks[base]), np.int64(memory.tracks[base + step])
    time = np.int64(memory.times[base + step])
    link, outcome, indexed = s[LINK], s[OUTCOME], False
    total, latency, skips, repeats = s[HUNDREDTHS], s[LATENCY], s[SKIPS], s[REPEATS]
    artists, played_ms = s[ARTISTS], s[PLAY_MS]
    done = True
    while True:
        if answer == _FRESH:
            ms = _latency(arms, arm, seed, user, number, step)
            memory.stamps[base + step], memory.took[base + step] = now, ms
            latency += ms
            now += ms
            if budget <= 0 or step >= day.last_step:
                break
            link, outcome = arms.links[arm], _OK
        asked = Asked(seed, user, world_row, number, step + 1, first, track, time)
        heard = Heard(
            memory.tracks, memory.times, base, people.tracks[row], people.times[row], out.scratch
        )
        found = answer
        if answer in (MISSED, FAILED):
            outcome = _ERROR if answer == FAILED else max(outcome, _MISS)
            link += 1
        answer = _FRESH
        while found < 0:
            table = arms.table[link]
            if table == _ASKS:
                done = False
                break
            found = pick(tables, table, arms.purpose[link], asked, heard, ground.artist)
            if found == -2:  # UNKNOWN
                done = False
                break
            if found < 0:
                outcome = max(outcome, _MISS)
                link += 1
        if not done:
            break
        if outcome != _OK:
            s[FALLBACKS] += 1
            s[MISSES] += outcome == _MISS
            s[ERRORS] += outcome == _ERROR
        track, step = found, step + 1
        artist = ground.artist[track]
        repeated, discount, known = False, 1.0, False
        if step < _LONG:
            for i in range(base, base + step):  # no early end: vector instructions
                repeated |= memory.tracks[i] == track
            for i in range(base + step - 1, base - 1, -1):
                if memory.artists[i] == artist:
                    discount, known = memory.discounts[i] * gamma, True
                    break
        else:
            if not indexed:
                _index(out.index, memory, base, step)
                indexed = True
            session = out.index.sessions[0]
            repeated = out.index.tracks[track] == session
            known = out.index.artists[artist] == session
            if known:
                discount = memory.discounts[base + out.index.places[artist]] * gamma
            out.index.tracks[track] = out.index.artists[artist] = session
            out.index.places[artist] = step
        memory.tracks[base + step], memory.artists[base + step] = track, artist
        memory.discounts[base + step] = discount
        score = np.float64(dot(ground.vectors[track], taste))
        time = hundredths(score, bias, sharpness, 0.0 if repeated else discount)
        draw = uniform(seed, _USERS, step, user, _BOREDOM, number)
        budget -= 1 if bored(time, draw) else 0
        memory.times[base + step] = time
        heard_ms = play_ms(time, ground.track_ms[track])
        now += heard_ms
        total += time
        played_ms += heard_ms
        skips += time < day.skip_below
        repeats += repeated
        artists += not known
        if code >= 0:
            out.plays[code, track] += 1
            if step <= out.heard.shape[1]:
                out.heard[code, step - 1, 0] += 1
                out.heard[code, step - 1, 1] += time
    s[STEP], s[NOW], s[BUDGET], s[LINK], s[OUTCOME] = step, now, budget, link, outcome
    s[HUNDREDTHS], s[LATENCY], s[SKIPS], s[REPEATS] = total, latency, skips, repeats
    s[ARTISTS], s[PLAY_MS] = artists, played_ms
    return done


@inlined
def _latency(arms: Program, arm: int, seed: int, user: int, number: int, step: int) -> int:
    took, low, high = arms.took[arm], arms.low[arm], arms.high[arm]
    if took == _FIXED:
        return np.int64(low)
    if took == _EXPONENTIAL:
        return exponential(seed, user, number, step, low)
    if took == _UNIFORM:
        return uniform_ms(seed, user, number, step, np.int64(low), np.int64(high))
    return lognormal(seed, user, number, step, low, high)


@kernel
def _index(index: Index, memory: Memory, base: int, step: int) -> None:
    index.sessions[0] += 1
    session = index.sessions[0]
    for i in range(step):
        artist = memory.artists[base + i]
        index.tracks[memory.tracks[base + i]] = index.artists[artist] = session
        index.places[artist] = i


@inlined
def _finish(
    day: Day, people: People, row: int, user: int, memory: Memory, base: int, out: Out
) -> None:
    s, n = out.fields, out.filled[0]
    plays = s[STEP] + 1
    s[TRACKS], s[CUT], s[EVENTS] = plays, s[BUDGET] > 0, base
    for column in range(SESSION_COLUMNS):
        out.sessions[column, n] = s[column]
    out.filled[0] = n + 1
    out.filled[1] += plays
    people.busy_until[row] = s[NOW]
    _remember(people, row, memory, base, plays)
    if day.per_day >= 0.0:
        people.next_visit[row] = next_visit(
            day.seed, user, people.sessions[row], s[NOW], day.per_day, day.hours
        )


@inlined
def _remember(people: People, row: int, memory: Memory, base: int, plays: int) -> None:
    new = min(plays, _HISTORY)
    for i in range(_HISTORY - new):
        people.tracks[row, i] = people.tracks[row, i + new]
        people.times[row, i] = people.times[row, i + new]
    for i in range(new):
        people.tracks[row, _HISTORY - new + i] = memory.tracks[base + plays - new + i]
        people.times[row, _HISTORY - new + i] = memory.times[base + plays - new + i]


@kernel
def park(parked: Parked, row: int, memory: Memory, base: int, s: IntArray) -> None:
    """Sets a session aside until it is answered."""
    parked.waits[row] = 1
    parked.fields[row] = s
    _copy(memory, base, parked.memory, row * parked.width[0], s[STEP] + 1)


@kernel
def _unpark(parked: Parked, row: int, memory: Memory, base: int, s: IntArray) -> None:
    parked.waits[row] = 0
    s[:] = parked.fields[row]
    _copy(parked.memory, row * parked.width[0], memory, base, s[STEP] + 1)


@kernel
def _copy(source: Memory, begin: int, target: Memory, place: int, n: int) -> None:
    for i in range(n):
        target.tracks[place + i] = source.tracks[begin + i]
        target.artists[place + i] = source.artists[begin + i]
        target.discounts[place + i] = source.discounts[begin + i]
        target.times[place + i] = source.times[begin + i]
        target.stamps[place + i] = source.stamps[begin + i]
        target.took[place + i] = source.took[begin + i]
