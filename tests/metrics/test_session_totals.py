"""Tallies merge, and what is counted by hand is what the result says."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

from abbotify.eventlog.schema import ARM
from abbotify.eventlog.sessions import HEARD_STEPS
from abbotify.metrics.aggregates import aggregate
from abbotify.metrics.session_totals import SessionTotals
from abbotify.metrics.users import user_table
from abbotify.report.build import build
from abbotify.report.inputs import ArmInfo, ReportInputs, ReportSpec
from abbotify.report.result import Result
from abbotify.report.result_rows import Position
from tests.report.tallied import ARMS, DAYS, RUN, made, one_session, tallied


def built(tally: SessionTotals) -> Result:
    """The result of one session for each of eight users."""
    users = user_table([one_session(user, 1) for user in range(8)], days=[1])
    found = ReportInputs(aggregate(users, len(ARMS), ["time"], "exposed"), tally)
    arms = [ArmInfo(name, name) for name in ARMS]
    return build({}, RUN, arms, ReportSpec(["time"], ["time"]), found)


def counts(tally: SessionTotals) -> Any:
    listed = [[[a.tolist() for a in c] for c in part] for part in (tally.ended, tally.cut)]
    plays = [[a.tolist() for a in c] for c in tally.plays]
    return listed, plays, tally.step_plays.tolist()


def test_a_tally_of_shards_and_days_is_one_tally() -> None:
    events = made()
    shards = [events.take(events.user % 3 == shard) for shard in range(3)]
    one = tallied([events])
    merged = tallied([shards[0]]).merge(tallied([shards[1]]).merge(tallied([shards[2]])))
    by_day = tallied([events.take(events.day == day) for day in range(4)])
    assert counts(one) == counts(merged) == counts(by_day)
    assert one.daily.keys() == merged.daily.keys() == by_day.daily.keys() > set()
    for key, moments in one.daily.items():
        assert by_day.daily[key].mean == moments.mean  # the same users in the same order
        assert merged.daily[key].n == moments.n
        assert merged.daily[key].mean == pytest.approx(moments.mean, rel=1e-12)
        assert merged.daily[key].comoments == pytest.approx(moments.comoments, rel=1e-12)


def test_a_tally_pickles_and_adds_its_counters() -> None:
    tally = tallied([made()])
    twice = pickle.loads(pickle.dumps(tally)).merge(tally)
    assert twice.counters["errors"].tolist() == [0, 4]
    assert twice.counters["truncated_sessions"].sum() > 0
    with pytest.raises(ValueError, match="do not merge"):
        tally.merge(SessionTotals(ARMS, ARM, range(2)))


def test_sessions_that_were_cut_are_censored() -> None:
    tally = SessionTotals(ARMS, ARM, [1])
    # Arm 0 by hand: ends after 1 and 3 tracks, cut after 2 and, by the log's end, after 2.
    for user, tracks, closed, cut in [(0, 1, True, 0), (2, 3, True, 0), (4, 2, True, 1)]:
        counters = {"truncated_sessions": np.array([cut])}
        tally.add(one_session(user, tracks, closed), np.array([cut], np.bool_), counters=counters)
    tally.add(one_session(6, 2, closed=False))
    result = built(tally)
    curve = result.control.survival
    assert curve is not None
    assert curve.tracks == (0, 1, 2, 3)
    assert curve.alive == pytest.approx([1, 3 / 4, 3 / 4, 0])
    assert result.control.counters == {"truncated_sessions": 1}
    assert result.arms[1].survival is None


def test_positions_by_hand() -> None:
    tally = SessionTotals(ARMS, ARM, DAYS)
    steps = np.array([0, 1, 1, HEARD_STEPS, HEARD_STEPS + 1, 1])
    hundredths, codes = np.array([100, 25, 50, 7, 100, 99]), np.array([0, 0, 0, 1, 1, -1])
    for _ in range(25):
        tally.add(one_session(0, 1))
        tally.add_rows(step_plays=(steps, hundredths, codes))
    assert tally.step_plays.sum(axis=(0, 1)).tolist() == [25 * 3, 25 * 82]
    assert tally.step_plays[0, 0].tolist() == [50, 25 * 75]
    assert tally.step_plays[1, HEARD_STEPS - 1].tolist() == [25, 25 * 7]
    result = built(tally)
    # 25 sessions are too few for a mean.
    assert [arm.by_position for arm in result.arms] == [(Position(1, 50, 0.375),), None]
