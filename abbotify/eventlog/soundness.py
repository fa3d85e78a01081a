"""Whether a log's rows can be what they say: none there twice, timestamps in milliseconds.

For logs whose sessions are derived from users and timestamps; where session and step are numbered,
a row that is there twice is refused by its number.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from abbotify.eventlog.log import SessionTwiceError
from abbotify.eventlog.schema import ARM, Events, IntArray
from abbotify.eventlog.sessionise import EPOCH, LATEST, MICROSECONDS
from abbotify.eventlog.sessions import SessionTable

_BY_CHANCE: Final = 0.001  # of neighbours: where more are alike, tied ones may be equal
# Of the earliest timestamp: those of the years 2001 to 2128, in seconds.
_SECONDS: Final = (EPOCH, 5 * EPOCH)
_YEAR: Final = 366 * 86_400  # s
_TODAY: Final = 10**12  # ms, the year 2001
_OFTEN: Final = 0.5  # of the sessions


@dataclass(frozen=True)
class Repeats:
    """Rows of a log that are copies of others.

    Attributes:
        rows: how many are equal to others, beyond the first of each.
        sure: how many of them cannot be so by chance.
        user: the user of the first one.
        timestamp: its timestamp.
    """

    rows: int = 0
    sure: int = 0
    user: int = 0
    timestamp: int = 0

    def __add__(self, other: Repeats) -> Repeats:
        where = self if self.rows else other
        rows, sure = self.rows + other.rows, self.sure + other.sure
        return Repeats(rows, sure, where.user, where.timestamp)


def repeated_rows(events: Events) -> Repeats:
    """Rows that are copies of others, as in a log that was read twice.

    Rows of one user and one timestamp are taken together; they are given k times when each of them
    is there a multiple of k times. In a burst of requests that are alike this also happens by
    chance, but not where rows tell more: where what a user hears at one time is hardly ever what
    they hear at the next.

    Args:
        events: whole users, sorted by (user, session, step), with derived sessions.
    """
    same = events.user[1:] == events.user[:-1]
    tied = same & (events.timestamp[1:] == events.timestamp[:-1])
    if not tied.any():
        return Repeats()
    group = np.cumsum(np.r_[True, ~tied])
    rows = np.flatnonzero(np.r_[tied, False] | np.r_[False, tied])
    order, equal = _by_content(events, rows, group[rows])
    first = np.flatnonzero(np.r_[True, ~equal])
    counts = np.diff(np.r_[first, len(order)])  # of each distinct row
    starts = np.flatnonzero(np.r_[True, np.diff(group[order[first]]) != 0])
    times = np.gcd.reduceat(counts, starts)  # the greatest number that divides all of a group's
    given = times > 1
    if not given.any():
        return Repeats()
    sizes = np.add.reduceat(counts, starts)
    total, at = int((sizes - sizes // times)[given].sum()), order[first[starts[given][0]]]
    sure = total if _rarely_alike(events, same & ~tied) else 0
    return Repeats(total, sure, int(events.user[at]), int(events.timestamp[at]))


_CONTENT: Final = ("track", "time", "last", "recommendation", "latency_ms")


def _by_content(
    events: Events, rows: IntArray, group: IntArray
) -> tuple[IntArray, npt.NDArray[np.bool_]]:
    """The rows by group and content, and which ones are equal to the row before."""
    content = [getattr(events, name)[rows] for name in _CONTENT]
    order = np.lexsort((*content, group))
    equal = group[order][1:] == group[order][:-1]
    for column in content:
        equal &= column[order][1:] == column[order][:-1]
    return rows[order], equal


def _rarely_alike(events: Events, apart: npt.NDArray[np.bool_]) -> bool:
    """Whether what a user hears at one time is hardly ever what they hear at the next."""
    if not apart.any():
        return False
    alike = apart.copy()
    for column in (events.track, events.time, events.latency_ms):
        alike &= column[1:] == column[:-1]
    return bool(np.count_nonzero(alike) <= _BY_CHANCE * np.count_nonzero(apart))


@dataclass
class Clock:
    """What the timestamps of a log are like, some whole users at a time."""

    first: int = LATEST
    last: int = 0
    rows: int = 0
    zeros: int = 0
    after_zero: int = LATEST  # the first one that is not 0
    sessions: int = 0  # of several rows
    without_time: int = 0  # of these, those whose timestamps are all equal

    def add(self, events: Events) -> None:
        """Takes in rows with derived sessions."""
        timestamp = events.timestamp
        if not len(timestamp):
            return
        least = int(timestamp.min())
        self.first, self.last = min(self.first, least), max(self.last, int(timestamp.max()))
        self.rows += len(timestamp)
        if least == 0:
            self.zeros += int(np.count_nonzero(timestamp == 0))
            least = int(timestamp[timestamp > 0].min(initial=LATEST))
        self.after_zero = min(self.after_zero, least)
        starts = np.flatnonzero(events.step == 0)
        ends: IntArray = np.r_[starts[1:], len(events)] - 1
        several = ends > starts
        self.sessions += int(np.count_nonzero(several))
        none = timestamp[ends[several]] == timestamp[starts[several]]
        self.without_time += int(np.count_nonzero(none))

    def doubts(self) -> list[str]:
        """What is odd, a clause each; nothing in a sound log."""
        if self.rows < 2:
            return []
        if self.first == self.last:
            return ["all are equal, so rows are in the order of the log"]
        doubts, first = [], self.first
        if self.zeros and self.after_zero >= EPOCH:
            doubts.append(f"{self.zeros:,} are 0, so rows stay where the log has them")
            first = self.after_zero
        # A log that begins days after its clock's zero also has small ones, but goes on for longer.
        short = self.last - first < _YEAR or self.last >= _TODAY
        if _SECONDS[0] <= first < _SECONDS[1] and short:
            doubts.append("they look like seconds, not milliseconds, so a day seems to last years")
        elif first >= MICROSECONDS:
            doubts.append("they look like microseconds, not milliseconds, and days are counted so")
        if self.without_time > _OFTEN * self.sessions:
            share = f"{self.without_time / self.sessions:.0%}"
            doubts.append(f"{share} of the sessions of several tracks take no time at all")
        return doubts


class Claims:
    """The arms that rows name beside the one of their session's first row: hardly ever any."""

    def __init__(self) -> None:
        self.arms: defaultdict[int, set[int]] = defaultdict(set)

    def add(self, user: IntArray, codes: npt.NDArray[np.int16], starts: IntArray) -> None:
        """Looks through some rows.

        Args:
            user: int64 (n,), ids.
            codes: int16 (n,), arms, -1 for none.
            starts: int64 (sessions,), the rows at which sessions start.
        """
        of_session = np.repeat(codes[starts], np.diff(starts, append=len(codes)))
        for row in np.flatnonzero((codes >= 0) & (codes != of_session)).tolist():
            self.arms[int(user[row])].add(int(codes[row]))


def users_in_two_arms(table: SessionTable, claims: Claims) -> IntArray:
    """The users who were seen in more than one arm: int64 ids, ascending.

    Args:
        table: sessions sorted by user, with `arm`.
        claims: what else their rows say.
    """
    user, codes = table.user, table.arms[ARM].codes
    known = codes >= 0
    if not known.all():
        user, codes = user[known], codes[known]
    # Where all sessions of a user are in one arm, no two neighbours differ.
    differs = (user[1:] == user[:-1]) & (codes[1:] != codes[:-1])
    mixed = set(user[1:][differs].tolist())
    if claims.arms:
        lowest, highest = int(table.user[0]), int(table.user[-1])
        for whose in [u for u in claims.arms if lowest <= u <= highest]:
            seen = claims.arms.pop(whose) | set(codes[user == whose].tolist())
            mixed |= {whose} if len(seen) > 1 else set()
    return np.array(sorted(mixed), np.int64)


def in_order(tables: Sequence[SessionTable]) -> SessionTable | None:
    """The sessions by user and number; None for no tables.

    Raises:
        SessionTwiceError: a session is there twice.
    """
    if not tables:
        return None
    table = SessionTable.concat(tables)
    table = table.take(_order(table))
    twice = (table.user[1:] == table.user[:-1]) & (table.session[1:] == table.session[:-1])
    if twice.any():
        row = int(np.flatnonzero(twice)[0])
        raise SessionTwiceError(int(table.user[row]), int(table.session[row]))
    return table


def refuse_both(earlier: SessionTable, after: SessionTable) -> None:
    """Refuses a session that files from before the experiment hold as well as others do.

    Raises:
        SessionTwiceError: the first such session.
    """
    ends = np.flatnonzero(np.diff(earlier.user, append=-1))
    users = users_of([after])
    starts = np.searchsorted(after.user, users)
    place = np.minimum(np.searchsorted(users, earlier.user[ends]), len(users) - 1)
    # A user's sessions are numbered on, so those before the experiment are the lower ones.
    known = users[place] == earlier.user[ends]
    late = known & (earlier.session[ends] >= after.session[starts[place]])
    for user in earlier.user[ends[late]].tolist():
        both = np.intersect1d(
            earlier.session[earlier.user == user], after.session[after.user == user]
        )
        if len(both):
            raise SessionTwiceError(user, int(both[0]))


def _order(table: SessionTable) -> npt.NDArray[np.intp]:
    lowest, bits = int(table.user.min()), int(table.session.max()).bit_length()
    if int(table.user.max()) - lowest >= 1 << (63 - bits):
        return np.lexsort((table.session, table.user))
    # A stable sort of one number merges what is in order already, such as the days of a shard.
    return np.argsort(((table.user - lowest) << bits) | table.session, kind="stable")


def users_of(tables: Sequence[SessionTable]) -> IntArray:
    """The users of some tables, each sorted by user: int64 ids, ascending."""
    ids = [table.user[np.diff(table.user, prepend=-1) != 0] for table in tables]
    return ids[0] if len(ids) == 1 else np.unique(np.concatenate(ids))
