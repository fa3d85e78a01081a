"""What a report needs of users: the parts of a population tell what the whole tells."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from abbotify.eventlog.schema import ARM, Labels
from abbotify.eventlog.sessions import session_table
from abbotify.metrics.aggregates import CURVE_METRIC, UserAggregates, aggregate
from abbotify.metrics.definitions import METRICS
from abbotify.metrics.users import Population, UserTable, user_table
from abbotify.report.arm_curves import distributions
from tests.report.tallied import DAYS, made

KNOWN = ("time", "mean_time_per_session", "skip_rate", "sessions")


def users() -> UserTable:
    """Of 200 users some never came, some are outside the experiment, some in a third arm."""
    events = made()
    events = events.take(events.user % 7 != 3)
    ids = np.arange(200)
    codes = np.full(200, 0, np.int16)
    codes[events.user] = events.arms[ARM].codes
    known = {ARM: Labels(codes, events.arms[ARM].names)}
    return user_table([session_table(events)], days=DAYS, users=ids, assigned=known)


def part(table: UserTable, rows: slice) -> UserTable:
    return UserTable(
        table.users[rows],
        {name: Labels(label.codes[rows], label.names) for name, label in table.arms.items()},
        table.exposed[rows],
        {name: values[rows] for name, values in table.values.items()},
    )


def aggregated(table: UserTable, *cuts: int, over: Population = "exposed") -> UserAggregates:
    bounds = [0, *cuts, len(table)]
    parts = [
        aggregate(part(table, slice(a, b)), 2, list(METRICS), over) for a, b in pairwise(bounds)
    ]
    return reduce(UserAggregates.merge, parts)


@pytest.mark.parametrize("over", ["exposed", "assigned"])
def test_shards_tell_what_the_whole_tells(over: Population) -> None:
    table = users()
    whole, cut = aggregated(table, over=over), aggregated(table, 0, 3, 60, 61, 150, over=over)
    for one, other in zip(whole.arms, cut.arms, strict=True):
        for name in one.moments.means:
            mine, theirs = one.moments.means[name], other.moments.means[name]
            assert mine.n == theirs.n
            np.testing.assert_allclose(theirs.mean, mine.mean, rtol=1e-12)
            np.testing.assert_allclose(theirs.comoments, mine.comoments, rtol=1e-9, atol=1e-12)
        for name in one.moments.ratios:
            mine, theirs = one.moments.ratios[name], other.moments.ratios[name]
            np.testing.assert_allclose(theirs.comoments, mine.comoments, rtol=1e-9, atol=1e-9)
        counts = ("exposed", "assigned", "sessions", "tracks")
        assert [getattr(one, c) for c in counts] == [getattr(other, c) for c in counts]
    curves = [[arm.curve for arm in found.arms] for found in (whole, cut)]
    assert distributions(CURVE_METRIC, curves[0]) == distributions(CURVE_METRIC, curves[1])
    assert (whole.absent, whole.columns) == (cut.absent, cut.columns)


def test_they_are_what_pandas_finds() -> None:
    table = users()
    frame = pd.DataFrame({name: table.column(name) for name in KNOWN})
    frame["arm"], frame["exposed"] = table.arms[ARM].codes, table.exposed
    found = aggregated(table, 90)
    assert found.absent == int((~frame.exposed & (frame.arm >= 0)).sum()) > 0
    for code, arm in enumerate(found.arms):
        mine = frame[frame.arm == code]
        came = mine[mine.exposed]
        assert (arm.exposed, arm.assigned) == (len(came), len(mine))
        assert arm.sessions == came.sessions.sum()
        for name in KNOWN:
            moments = arm.moments.means[name]
            assert moments.n == came[name].count()
            assert moments.mean[0] == pytest.approx(came[name].mean(), rel=1e-12)
            assert moments.variance[0] == pytest.approx(came[name].var(), rel=1e-12)


def test_users_in_two_arms_add_up_and_others_do_not_merge() -> None:
    table = users()
    one = aggregate(replace(table, in_two_arms={ARM: 3}), 2, ["time"], "exposed")
    assert one.merge(one).in_two_arms == 6
    with pytest.raises(ValueError, match="do not merge"):
        one.merge(aggregate(table, 3, ["time"], "exposed"))
    without = {name: values for name, values in table.values.items() if name != "retained"}
    with pytest.raises(ValueError, match="do not merge"):
        one.merge(aggregate(replace(table, values=without), 2, ["time"], "exposed"))
