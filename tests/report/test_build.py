"""The document built from users and a tally: merging, curves by hand, checks, degenerate data."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from scipy.stats import ttest_ind

from abbotify.curve import Epoch
from abbotify.events import ARM, Events, Labels, arm_column
from abbotify.metrics.definitions import METRICS
from abbotify.metrics.sessions import SessionTable, session_table
from abbotify.metrics.users import UserTable, user_table
from abbotify.report import histogram
from abbotify.report.build import ArmInfo, build
from abbotify.report.document import Document, Run, loads
from abbotify.report.pictures import Position, Training
from abbotify.report.tally import STEPS, Tally

ARMS = ("base", "neural")
DAYS = range(1, 4)
RUN = Run({"world": 1}, {}, {"report": 1}, "0.1.0", 0.05, "X", days=3)


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


def tallied(parts: list[Events]) -> Tally:
    tally = Tally(ARMS, ARM, DAYS)
    for events in parts:
        table = session_table(events)
        inside, cut = np.isin(events.day, DAYS), table.tracks >= 9
        limited = table.arms[ARM].codes[cut & np.isin(table.day, DAYS)]
        truncated = np.array([np.count_nonzero(limited == arm) for arm in range(len(ARMS))])
        tally.add(
            table,
            cut=cut,
            plays=(events.track[inside], events.arms[ARM].codes[inside]),
            heard=(
                events.step[inside],
                np.rint(events.time[inside] * 100).astype(np.int64),
                events.arms[ARM].codes[inside],
            ),
            counters={
                "requests": np.array([len(events), 1]),
                "errors": np.array([0, 2]),
                "truncated_sessions": truncated,
            },
        )
    return tally


def judged_by(column: str, events: Events) -> UserTable:
    alone = replace(events, arms={ARM: events.arms[column]})
    return user_table([session_table(alone)], days=DAYS, pre_days=[0])


def built(events: Events, **options: Any) -> Document:
    users = user_table([session_table(events)], days=DAYS, pre_days=[0])
    given: dict[str, Any] = {
        "scenario": {"name": "x"},
        "run": RUN,
        "arms": [ArmInfo("base", "C", "random", 1.0), ArmInfo("neural", "T1", "neural", 1.0)],
        "metrics": list(METRICS),
        "success": ["mean_time_per_session"],
        "further": {"PRICE": judged_by(arm_column("PRICE"), events)},
    }
    return build(users=users, tally=tallied([events]), **given | options)


def counts(tally: Tally) -> Any:
    listed = [[[a.tolist() for a in c] for c in part] for part in (tally.ended, tally.cut)]
    plays = [[a.tolist() for a in c] for c in tally.plays]
    return (
        listed,
        plays,
        tally.heard.tolist(),
        {name: each.tolist() for name, each in tally.counters.items()},
    )


def test_a_tally_of_shards_and_days_is_one_tally() -> None:
    events = made()
    shards = [events.take(events.user % 3 == shard) for shard in range(3)]
    one = tallied([events])
    merged = tallied([shards[0]]).merge(tallied([shards[1]]).merge(tallied([shards[2]])))
    by_day = tallied([events.take(events.day == day) for day in range(4)])
    one.counters = merged.counters = by_day.counters = {}
    assert counts(one) == counts(merged) == counts(by_day)
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
        tally.merge(Tally(ARMS, ARM, range(2)))


def test_the_days_are_welchs_by_user() -> None:
    events = made()
    document, table = built(events), session_table(events)
    day = (table.day == 2) & table.closed
    groups = [table.time[day & (table.arms[ARM].codes == arm)] for arm in (0, 1)]
    found = (document.treatments[0].daily or ())[1]
    test = ttest_ind(groups[1], groups[0], equal_var=False).confidence_interval(0.95)
    assert (found.day, found.users) == (2, len(groups[1]))
    assert found.mean == pytest.approx(groups[1].mean(), rel=1e-12)
    assert [found.lower, found.upper] == pytest.approx([test.low, test.high], rel=1e-9)


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


def test_sessions_that_were_cut_are_censored() -> None:
    tally = Tally(ARMS, ARM, [1])
    # Arm 0 by hand: ends after 1 and 3 tracks, cut after 2 and, by the log's end, after 2.
    for user, tracks, closed, cut in [(0, 1, True, 0), (2, 3, True, 0), (4, 2, True, 1)]:
        counters = {"truncated_sessions": np.array([cut, 0])}
        tally.add(one_session(user, tracks, closed), np.array([cut], np.bool_), counters=counters)
    tally.add(one_session(6, 2, closed=False))
    users = user_table([one_session(user, 1) for user in range(8)], days=[1])
    infos = [ArmInfo(name, name) for name in ARMS]
    document = build(
        users=users,
        tally=tally,
        scenario={},
        run=RUN,
        arms=infos,
        metrics=["time"],
        success=["time"],
    )
    curve = document.control.survival
    assert curve is not None
    assert curve.tracks == (0, 1, 2, 3)
    assert curve.alive == pytest.approx([1, 3 / 4, 3 / 4, 0])
    assert document.control.counters == {"truncated_sessions": 1}
    assert document.arms[1].survival is None


def test_plays_are_those_of_the_arm_and_ties_go_by_id() -> None:
    events = made()
    document = built(events, titles=lambda track: (f"title {track}", None))
    inside = np.isin(events.day, DAYS) & (events.arms[ARM].codes == 1)
    expected = np.bincount(events.track[inside], minlength=40)
    best = sorted(range(40), key=lambda track: (-expected[track], track))[:10]
    found = document.treatments[0].top_tracks or ()
    assert [(top.track, top.plays) for top in found] == [(t, expected[t]) for t in best]
    assert found[0].title == f"title {best[0]}"
    assert found[0].share == expected[best[0]] / inside.sum()


def test_positions_are_means_over_those_who_got_there() -> None:
    events = made()
    inside = np.isin(events.day, DAYS) & (events.arms[ARM].codes == 1)
    found = built(events).treatments[0].by_position or ()
    assert [each.step for each in found] == list(range(1, len(found) + 1))
    for position in found:
        heard = events.time[inside & (events.step == position.step)]
        assert position.n == len(heard) >= 50
        assert position.mean == pytest.approx(heard.mean(), rel=1e-12)
    assert np.count_nonzero(inside & (events.step == len(found) + 1)) < 50


def test_positions_by_hand() -> None:
    tally = Tally(ARMS, ARM, DAYS)
    steps = np.array([0, 1, 1, STEPS, STEPS + 1, 1])
    hundredths, codes = np.array([100, 25, 50, 7, 100, 99]), np.array([0, 0, 0, 1, 1, -1])
    for _ in range(25):
        tally.add(one_session(0, 1), heard=(steps, hundredths, codes))
    assert tally.heard.sum(axis=(0, 1)).tolist() == [25 * 3, 25 * 82]
    assert tally.heard[0, 0].tolist() == [50, 25 * 75]
    assert tally.heard[1, STEPS - 1].tolist() == [25, 25 * 7]
    users = user_table([one_session(user, 1) for user in range(8)], days=[1])
    document = build(
        users=users,
        tally=tally,
        scenario={},
        run=RUN,
        arms=[ArmInfo(name, name) for name in ARMS],
        metrics=["time"],
        success=["time"],
    )
    # 25 sessions are too few for a mean.
    assert [arm.by_position for arm in document.arms] == [(Position(1, 50, 0.375),), None]


def test_trainings_are_told_of_their_arm() -> None:
    trainings = [Training(day, 10, (Epoch(1, 0.5, 0.6, 0.1),), "sha256:aa") for day in (1, 2)]
    document = built(made(), trainings={"neural": trainings, "base": []})
    assert [arm.trainings for arm in document.arms] == [None, tuple(trainings)]
    assert loads(document.dumps()) == document


def test_the_document_survives_its_own_form() -> None:
    document = built(made())
    assert loads(document.dumps()) == document
    assert "NaN" not in document.dumps()
    histogram = document.control.distribution
    assert histogram is not None
    assert sum(histogram.counts) == document.control.users


def test_a_further_layer_is_told_and_the_first_is_not_told_twice() -> None:
    checks = {check.name: check for check in built(made()).checks}
    assert [name for name in checks if name.startswith("layer")] == ["layer PRICE"]
    details = checks["layer PRICE"].details or {}
    assert {row["arm"] for row in details["effects"]} == {"high"}
    assert details["effects"][0]["metric"] == "mean_time_per_session"


def test_weights_that_were_not_kept_fail() -> None:
    weights = [ArmInfo("base", "C", None, 9.0), ArmInfo("neural", "T1", None, 1.0)]
    unknown = [ArmInfo("base", "C"), ArmInfo("neural", "T1")]
    status = {
        key: next(c.status for c in built(made(), arms=arms).checks if c.name == "sample_ratio")
        for key, arms in {"wrong": weights, "unknown": unknown}.items()
    }
    assert status == {"wrong": "fail", "unknown": "pass"}


def test_an_arm_without_users_is_told() -> None:
    events = made()
    document = built(events.take(events.arms[ARM].codes != 1))
    found = {check.name: check.status for check in document.checks}
    assert found["arm_sizes"] == "fail"
    assert found["success_tested"] == "warn"
    assert document.arms[1].users == 0
    assert document.arms[1].metrics is not None
    assert document.arms[1].metrics["time"].mean is None
    json.loads(document.dumps(), parse_constant=pytest.fail)


@pytest.mark.parametrize(
    "values",
    [
        [3.0],
        [0.0] * 50,
        [1e15, np.nextafter(1e15, 2e15)],
        [1.0] * 99 + [1e6],
        list(np.random.default_rng(1).lognormal(size=5000)),
        [0.0, 5e-324],
        [-2.0, 0.0, 7.5],
    ],
    ids=["one", "equal", "neighbours", "outlier", "skewed", "denormal", "few"],
)
def test_bins_ascend_and_hold_every_value(values: list[float]) -> None:
    edges = histogram.edges(np.array(values))
    assert all(before < after for before, after in pairwise(edges))
    assert len(edges) - 1 <= histogram.MOST_BINS
    assert sum(histogram.counts(np.array(values), edges)) == len(values)
