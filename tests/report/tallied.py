"""Events of two arms, and the tally of them that a result is built from."""

from __future__ import annotations

import numpy as np

from abbotify.eventlog.schema import ARM, Events, Labels, arm_column
from abbotify.eventlog.sessions import SessionTable, session_table
from abbotify.metrics.session_totals import SessionTotals
from abbotify.report.result import Run

ARMS = ("base", "neural")
DAYS = range(1, 4)
RUN = Run({"world": 1}, {}, {"report": 2}, "0.1.0", 0.05, "X", days=3)


def made(users: int = 200, seed: int = 3) -> Events:
    """Users with one session a day on days 0 to 3; arm 2 is none of the experiment."""
    random = np.random.default_rng(seed)
    lengths = random.geometric(0.25, users * 4)
    starts = np.cumsum(lengths) - lengths
    rows = lengths.sum()
    step = np.arange(rows) - np.repeat(starts, lengths)
    codes = random.integers(-1, 3, users).astype(np.int16)
    other = random.integers(0, 2, users).astype(np.int16)
    user = np.repeat(np.arange(users), 4).repeat(lengths)
    last = np.zeros(rows, np.bool_)
    last[starts + lengths - 1] = True
    return Events(
        timestamp=np.arange(rows),
        day=np.tile(np.arange(4), users).repeat(lengths).astype(np.int32),
        user=user,
        session=np.tile(np.arange(4), users).repeat(lengths).astype(np.int32),
        step=step.astype(np.int32),
        last=last,
        track=random.integers(0, 40, rows),
        time=random.integers(0, 101, rows) / 100,
        recommendation=np.where(last, -1, 0),
        latency_ms=np.full(rows, 7),
        arms={
            ARM: Labels(codes[user], (*ARMS, "unused")),
            arm_column("X"): Labels(np.where(codes > 1, -1, codes)[user].astype(np.int16), ARMS),
            arm_column("PRICE"): Labels(other[user], ("low", "high")),
        },
    )


def tallied(parts: list[Events]) -> SessionTotals:
    tally = SessionTotals(ARMS, ARM, DAYS)
    for events in parts:
        table = session_table(events)
        inside, cut = np.isin(events.day, DAYS), table.tracks >= 9
        judged = np.isin(table.day, DAYS) & (table.arms[ARM].codes == 1)
        errors = np.zeros(len(table), np.int64)
        errors[np.flatnonzero(judged)[:1]] = 2
        tally.add(
            table,
            cut=cut,
            counters={
                "requests": table.tracks,
                "errors": errors,
                "truncated_sessions": cut,
            },
        )
        codes = events.arms[ARM].codes[inside]
        tally.add_rows(
            plays=(events.track[inside], codes),
            step_plays=(events.step[inside], events.hundredths[inside], codes),
        )
    return tally


def one_session(user: int, tracks: int, closed: bool = True) -> SessionTable:
    rows = np.arange(tracks)
    events = Events(
        rows,
        np.ones(tracks, np.int32),
        np.full(tracks, user),
        np.zeros(tracks, np.int32),
        rows.astype(np.int32),
        (rows == tracks - 1) & closed,
        rows,
        np.ones(tracks),
        rows,
        rows,
        {ARM: Labels(np.full(tracks, user % 2, np.int16), ARMS)},
    )
    return session_table(events)
