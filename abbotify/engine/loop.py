"""The compiled loop: users, their visits, their tracks, one after the other in one kernel.

What the event-driven engine tells as processes is here one loop, since users who do not meet can
be played one by one. Every number is that of the same scalar kernels in `listener`.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np

from abbotify.engine import program
from abbotify.engine.picks import UNKNOWN, Asked, Heard, pick, uniformly
from abbotify.engine.program import Program, Tables
from abbotify.jit import inlined_unmanaged, unmanaged
from abbotify.listener.arrivals import next_visit
from abbotify.listener.latency import exponential, lognormal, uniform_ms
from abbotify.listener.session import FULL, bored, hundredths, play_ms, start
from abbotify.recommenders import HISTORY
from abbotify.rng import Purpose, Stream, uniform
from abbotify.vectors import dot, prefetch

Int = Any  # Python's or numpy's when interpreted, int64 in a compiled kernel
IntArray = Any  # an array: mypy knows its items as numpy's, a kernel as plain numbers
Floats = Any

# What a session is told when it goes on; anything from 0 is the track it waited for.
MISSED, FAILED, AGAIN = -1, -2, -3
_FRESH: Final = -4

# Columns of `Out.sessions`: one number for each of a finished session.
(
    ROW, NUMBER, START, TRACKS, HUNDREDTHS, LATENCY, SKIPS, REPEATS, ARTISTS, PLAY_MS, CUT,
    MISSES, ERRORS, FALLBACKS, EVENTS,
) = range(15)  # fmt: skip
SESSION_COLUMNS: Final = 15

# Fields of a session under way beside those columns, in `Out.fields` and `Parked.fields`.
STEP, NOW, BUDGET, INTEREST, LINK, OUTCOME = range(15, 21)
FIELDS: Final = 21

_OK, _MISS, _ERROR = 0, 1, 2
_UNKNOWN: Final = UNKNOWN
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
    """The world: arrays of `Catalogue`, `Users` and `World`.

    Attributes:
        tracks: int32 (tracks, 2), artist and ms side by side: one miss of the cache, not two.
        far: whether the vectors are too many for a cache near the processor.
    """

    vectors: Floats
    artist: IntArray
    tracks: IntArray
    nearest: IntArray
    offsets: IntArray
    interests: IntArray
    ids: IntArray
    bias: Floats
    sharpness: Floats
    gamma: Floats
    budget: IntArray
    neighbours: IntArray
    far: bool


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
        looks_back: whether a recommender asks for the plays of earlier sessions.
        per_day: visits of a user a day; below 0 when visits are drawn by the day.
        hours: the profile.
        serving: int16 (users), places of arms.
        codes: int16 (users), rows of `Out.plays`, -1 for users who are not judged.
        visits: int64 (users + 1), where each user's are in `times`.
        times: int64, ms.
        interests: int32, beside `times`, the tastes of the sessions.
        firsts: int32, their first tracks.
    """

    seed: Int
    first: Int
    end: Int
    run_end: Int
    last_step: Int
    skip_below: Int
    keeps: bool
    looks_back: bool
    per_day: float
    hours: Floats
    serving: IntArray
    codes: IntArray
    visits: IntArray
    times: IntArray
    interests: IntArray
    firsts: IntArray


class People(NamedTuple):
    """What changes of users, by their row in the unit; see `State`."""

    busy_until: IntArray
    next_visit: IntArray
    sessions: IntArray
    tracks: IntArray
    times: IntArray
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

    tracks: IntArray
    artists: IntArray
    discounts: Floats
    times: IntArray
    stamps: IntArray
    took: IntArray


class Parked(NamedTuple):
    """Sessions that wait for an answer, by the user's row in the unit.

    Attributes:
        waits: int8 (users), 1 for a user whose session waits.
        fields: int64 (users, 21).
        answers: int64 (users), what was answered: a track, MISSED, FAILED or AGAIN.
        memory: a place of `width` tracks for each user.
        width: tracks a place has room for, in an array of its own.
    """

    waits: IntArray
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
        plays: int32 (codes, tracks), how often each track was played.
        heard: int64 (codes, steps, 2): plays and their hundredths, by step from 1.
        filled: int64 (3): sessions and tracks so far; 1 when the session in `fields` has to be
            parked and finds its place too narrow.
        scratch: int64 (2, 10).
        cursor: int64 (2), see `Heard`.
        fields: int64 (21), of the session under way.
        lookup: for long sessions.
    """

    sessions: IntArray
    plays: IntArray
    heard: IntArray
    filled: IntArray
    scratch: IntArray
    cursor: IntArray
    fields: IntArray
    lookup: Index


@unmanaged
def starts(ground: Ground, day: Day, people: People) -> None:
    """Draws the tastes and first tracks of all visits of a day.

    Before everything else, since visits do not wait for each other: the processor looks up
    several at once, where a session would wait for each in turn.
    """
    for row in range(len(people.sessions)):
        for place in range(day.visits[row], day.visits[row + 1]):
            number = people.sessions[row] + place - day.visits[row]
            day.interests[place], day.firsts[place] = _start(ground, day, row, number)


@inlined_unmanaged
def _start(ground: Ground, day: Day, row: Int, number: Int) -> tuple[Int, Int]:
    """A session's taste and first track."""
    world_row = day.first + row
    offset, user = ground.offsets[world_row], ground.ids[world_row]
    interests = ground.offsets[world_row + 1] - offset
    which, near = start(day.seed, user, number, interests, ground.neighbours[world_row])
    interest = np.int64(ground.interests[offset + which])
    return interest, np.int64(ground.nearest[interest, near])


@unmanaged
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
    begin: Int,
) -> Int:
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
                _begin(ground, day, people, row, time, memory, base, out)
            if not _listen(ground, arms, tables, day, people, row, memory, base, answer, out):
                if s[STEP] >= parked.width[0]:
                    out.filled[2] = 1
                    return place
                park(parked, row, memory, base, s)
                break
            _finish(ground, day, people, row, memory, base, out)
    return len(rows)


@inlined_unmanaged
def _next(day: Day, people: People, row: Int) -> Int:
    """When the user's next session starts, or -1."""
    if day.per_day >= 0.0:
        time = people.next_visit[row]
        return time if time < day.end else -1
    place = people.visited[row]
    if place == day.visits[row + 1]:
        return -1
    time = max(day.times[place], people.busy_until[row])
    if time >= day.run_end:
        people.visited[row] = day.visits[row + 1]
        return -1
    people.visited[row] = place + 1
    return time


@inlined_unmanaged
def _begin(
    ground: Ground,
    day: Day,
    people: People,
    row: Int,
    time: Int,
    memory: Memory,
    base: Int,
    out: Out,
) -> None:
    """Puts a session about to start into `fields`, and its first track into the memory."""
    s, number = out.fields, people.sessions[row]
    people.sessions[row] = number + 1
    if day.per_day >= 0.0:
        interest, track = _start(ground, day, row, number)
    else:
        place = people.visited[row] - 1
        interest, track = np.int64(day.interests[place]), np.int64(day.firsts[place])
        if ground.far and place + 1 < len(day.times):
            # The next session's taste is fetched while this one is played: its row of the matrix
            # is seldom in a cache, and a session would begin with waiting for it.
            prefetch(ground.vectors, day.interests[place + 1])
    heard_ms = play_ms(_FULL, np.int64(ground.tracks[track, 1]))
    s[ROW], s[NUMBER], s[START], s[NOW] = row, number, time + heard_ms, time + heard_ms
    s[HUNDREDTHS], s[LATENCY], s[SKIPS], s[REPEATS] = _FULL, 0, 0, 0
    s[ARTISTS], s[PLAY_MS], s[MISSES], s[ERRORS], s[FALLBACKS] = 1, heard_ms, 0, 0, 0
    s[STEP], s[BUDGET], s[INTEREST] = 0, ground.budget[day.first + row], interest
    memory.tracks[base], memory.times[base] = track, _FULL
    memory.artists[base], memory.discounts[base] = ground.tracks[track, 0], 1.0
    code = day.codes[row]
    if code >= 0:
        out.plays[code, track] += 1


@inlined_unmanaged
def _listen(
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
    ahead: Int = np.int64(_FRESH)
    if plain and answer == _FRESH:
        ahead = uniformly(
            tables, arms, arm, seed, user, world_row, number, 1, first, track, ground.artist
        )
        if ahead >= 0 and ground.far:
            prefetch(ground.vectors, ahead)
    while True:
        if answer == _FRESH:
            ms = _latency(arms, arm, seed, user, number, step)
            memory.stamps[base + step], memory.took[base + step] = now, ms
            latency += ms
            now += ms
            if budget <= 0 or step >= day.last_step:
                break
            link, outcome = arms.links[arm], _OK
        found: Int = max(answer, ahead)
        answer = _FRESH
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
        if plain:
            # The next pick does not depend on how long this track is heard: it is made at once,
            # so that its vector is on the way while this one's is multiplied.
            ahead = uniformly(
                tables, arms, arm, seed, user, world_row, number, step + 1, first, track,
                ground.artist,
            )  # fmt: skip
            if ahead >= 0 and ground.far:
                prefetch(ground.vectors, ahead)
        artist = np.int64(ground.tracks[track, 0])
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
        heard_ms = play_ms(time, np.int64(ground.tracks[track, 1]))
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


@inlined_unmanaged
def _finish(
    ground: Ground, day: Day, people: People, row: Int, memory: Memory, base: Int, out: Out
) -> None:
    s, n = out.fields, out.filled[0]
    plays = s[STEP] + 1
    s[TRACKS], s[CUT], s[EVENTS] = plays, s[BUDGET] > 0, base
    for column in range(SESSION_COLUMNS):
        out.sessions[column, n] = s[column]
    out.filled[0] = n + 1
    out.filled[1] += plays
    people.busy_until[row] = s[NOW]
    if day.looks_back:
        _remember(people, row, memory, base, plays)
    if day.per_day >= 0.0:
        people.next_visit[row] = next_visit(
            day.seed,
            ground.ids[day.first + row],
            people.sessions[row],
            s[NOW],
            day.per_day,
            day.hours,
        )


@inlined_unmanaged
def _remember(people: People, row: Int, memory: Memory, base: Int, plays: Int) -> None:
    new = min(plays, _HISTORY)
    for i in range(_HISTORY - new):
        people.tracks[row, i] = people.tracks[row, i + new]
        people.times[row, i] = people.times[row, i + new]
    for i in range(new):
        people.tracks[row, _HISTORY - new + i] = memory.tracks[base + plays - new + i]
        people.times[row, _HISTORY - new + i] = memory.times[base + plays - new + i]


@unmanaged
def park(parked: Parked, row: Int, memory: Memory, base: Int, s: IntArray) -> None:
    """Sets a session aside until it is answered."""
    parked.waits[row] = 1
    for field in range(FIELDS):
        parked.fields[row, field] = s[field]
    _copy(memory, base, parked.memory, row * parked.width[0], s[STEP] + 1)


@unmanaged
def _unpark(parked: Parked, row: Int, memory: Memory, base: Int, s: IntArray) -> None:
    parked.waits[row] = 0
    for field in range(FIELDS):
        s[field] = parked.fields[row, field]
    _copy(parked.memory, row * parked.width[0], memory, base, s[STEP] + 1)


@unmanaged
def _copy(source: Memory, begin: Int, target: Memory, place: Int, n: Int) -> None:
    for i in range(n):
        target.tracks[place + i] = source.tracks[begin + i]
        target.artists[place + i] = source.artists[begin + i]
        target.discounts[place + i] = source.discounts[begin + i]
        target.times[place + i] = source.times[begin + i]
        target.stamps[place + i] = source.stamps[begin + i]
        target.took[place + i] = source.took[begin + i]
