"""Sessions that wait for Python, many at once: each round asks for all of them, then all go on.

Two kinds of links make a session wait: a recommender that answers batches of requests, and a
ranker whose list for (user, anchor) has not been made. Both answer a pure function of the
request, so the order of asking changes nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from abbotify.jit import kernel
from abbotify.recommenders.batch import Requests
from abbotify.recommenders.candidate_table import HISTORY, CandidateTable, Key, Pick
from abbotify.rng import seed_word
from abbotify.simulation.compiled import arrays
from abbotify.simulation.compiled import lowering as program
from abbotify.simulation.compiled import users as loop
from abbotify.simulation.compiled.lowering import Lowering, Tables
from abbotify.simulation.compiled.pick import History, last_plays
from abbotify.simulation.engine import Setup, Unit
from abbotify.world.base import IntArray, Lists

_ROOM_EACH = 2  # tracks of a waiting session, at first


class BatchedRequests:
    """The waiting sessions of a unit.

    Args:
        setup: the run.
        lowering: its arms.
        unit: what is played.
        people: its users, as the kernel changes them.

    Attributes:
        tables: the tables with all lists made so far.
        parked: the sessions.
    """

    def __init__(self, setup: Setup, lowering: Lowering, unit: Unit, people: arrays.People) -> None:
        self.setup, self.lowering, self.unit, self.people = setup, lowering, unit, people
        self.seed = seed_word(setup.scenario.seeds.dynamics)
        users = unit.end - unit.first
        may_wait = bool(lowering.rankers or lowering.answering)
        self.made: dict[int, CandidateTable] = {}
        self.tables: Tables = lowering.tables()
        places = users if may_wait else 0
        self.parked = arrays.Parked(
            waits=np.zeros(users, np.int8),
            fields=np.zeros((places, arrays.FIELDS), np.int64),
            answers=np.zeros(places, np.int64),
            places=np.zeros(places, np.int64),
            before=arrays.empty_memory(0),
            memory=arrays.empty_memory(_ROOM_EACH * places),
            filled=np.zeros(1, np.int64),
        )

    def make_room(self, row: int, memory: arrays.Memory, base: int, out: arrays.Out) -> None:
        """Parks the session under way, for which there was no room."""
        old, filled = self.parked, int(self.parked.filled[0])
        needed = filled + int(out.fields[arrays.STEP]) + 1
        self.parked = old._replace(memory=arrays.grown(old.memory, max(2 * filled, needed)))
        loop.park(self.parked, row, memory, base, out.fields)
        out.filled[arrays.STUCK] = 0

    def answer(self) -> IntArray:
        """Answers all sessions that wait; int64, the rows of their users, ascending."""
        parked = self.parked
        rows = np.flatnonzero(parked.waits)
        if not len(rows):
            return rows
        # Those parked in the next round are written over what this one has gone on from.
        self.parked = parked._replace(before=parked.memory, memory=parked.before)
        self.parked.filled[0] = 0
        links = self.parked.fields[rows, arrays.LINK]
        tables = self.lowering.program.table[links]
        new: dict[int, CandidateTable] = {}
        for number, ranker in self.lowering.rankers.items():
            asking = rows[tables == number]
            if len(asking):
                new[number] = self._ranked(number, ranker, asking)
                self.parked.answers[asking] = arrays.AGAIN
        if new:
            self.made |= new
            self.tables = self.lowering.tables(self.made)
        for link in np.unique(links[tables == program.ASKS]).tolist():
            asking = rows[links == link]
            place, depth = self.lowering.answering[link]
            requests = self._requests(asking, self.setup.arms[place].chain[depth].purpose)
            self.parked.answers[asking] = self.setup.arms[place].answer_batch(depth, requests)
        return rows

    def _ranked(self, number: int, ranker: Any, rows: IntArray) -> CandidateTable:
        """A ranker's lists: those asked for, and for a session's anchor those made before."""
        users, tracks = self.unit.first + rows, len(self.setup.world.catalogue)
        first = ranker.anchor == Key.FIRST
        steps = np.zeros(len(rows), np.int64) if first else self.parked.fields[rows, arrays.STEP]
        anchors = self.parked.before.tracks[self.parked.places[rows] + steps]
        pairs = np.unique(users * tracks + anchors)
        lists = ranker.best(pairs // tracks, pairs % tracks)
        offsets = np.zeros(len(pairs) + 1, np.int64)
        np.cumsum((lists >= 0).sum(axis=1), out=offsets[1:])
        table = _paired(pairs, offsets, lists[lists >= 0])
        # The list of a session's first track serves the rest of it, the previous track's once.
        return _merged(self.made[number], table) if first and number in self.made else table

    def _requests(self, rows: IntArray, purpose: int) -> Requests:
        parked, people = self.parked, self.people
        fields, starts = parked.fields[rows], parked.places[rows]
        steps = fields[:, arrays.STEP]
        plays = steps + 1
        offsets = np.zeros(len(rows) + 1, np.int64)
        np.cumsum(plays, out=offsets[1:])
        places = np.repeat(starts - offsets[:-1], plays) + np.arange(offsets[-1])
        history = np.zeros((2, len(rows) * HISTORY), np.int64)
        counts = np.zeros(len(rows), np.int64)
        memory = parked.before
        _histories(
            rows, plays, starts, memory.tracks, memory.times, people.tracks, people.times,
            history, counts,
        )  # fmt: skip
        ends = np.zeros(len(rows) + 1, np.int64)
        np.cumsum(counts, out=ends[1:])
        users = self.setup.world.users
        return Requests(
            user=users.ids[self.unit.first + rows],
            row=self.unit.first + rows,
            session=fields[:, arrays.NUMBER].copy(),
            step=plays,
            first=memory.tracks[starts].astype(np.int64),
            previous=memory.tracks[starts + steps].astype(np.int64),
            time=memory.times[starts + steps] / 100,
            played=Lists(offsets, memory.tracks[places]),
            history=Lists(ends, history[0, : ends[-1]].astype(np.int32)),
            history_times=history[1, : ends[-1]] / 100,
            seed=self.seed,
            purpose=purpose,
        )


@kernel
def _histories(
    rows: IntArray,
    plays: IntArray,
    starts: IntArray,
    tracks: npt.NDArray[np.int32],
    times: npt.NDArray[np.int16],
    old_tracks: npt.NDArray[np.int32],
    old_times: npt.NDArray[np.int16],
    out: IntArray,
    counts: IntArray,
) -> None:
    scratch, cursor, filled = np.zeros((2, HISTORY), np.int64), np.zeros(2, np.int64), 0
    for i in range(len(rows)):
        row = rows[i]
        history = History(
            tracks, times, starts[i], old_tracks[row], old_times[row], scratch, cursor
        )
        counts[i] = last_plays(history, plays[i])
        for j in range(counts[i]):
            out[0, filled], out[1, filled] = scratch[0, j], scratch[1, j]
            filled += 1


def _paired(pairs: IntArray, offsets: IntArray, tracks: npt.NDArray[np.int32]) -> CandidateTable:
    return CandidateTable(Key.USER_FIRST, Lists(offsets, tracks), Pick.RANK, pairs=pairs)


def _merged(old: CandidateTable, new: CandidateTable) -> CandidateTable:
    """Both tables' pairs, which are distinct."""
    assert old.pairs is not None
    assert new.pairs is not None
    pairs = np.concatenate([old.pairs, new.pairs])
    order = np.argsort(pairs)
    sizes = np.concatenate([np.diff(old.lists.offsets), np.diff(new.lists.offsets)])
    starts = np.concatenate(
        [old.lists.offsets[:-1], new.lists.offsets[:-1] + len(old.lists.tracks)]
    )
    offsets = np.zeros(len(pairs) + 1, np.int64)
    np.cumsum(sizes[order], out=offsets[1:])
    places = np.repeat(starts[order] - offsets[:-1], sizes[order]) + np.arange(offsets[-1])
    tracks = np.concatenate([old.lists.tracks, new.lists.tracks])
    return _paired(pairs[order], offsets, tracks[places])
