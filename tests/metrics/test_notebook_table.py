"""The table of botify's notebook, recomputed with pandas from the lines of a log."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from abbotify.eventlog.botify_reader import read_botify
from abbotify.eventlog.sessions import session_table
from abbotify.metrics.users import UserTable, user_table

METRICS = [
    "time",
    "sessions",
    "mean_request_latency",
    "mean_tracks_per_session",
    "mean_time_per_session",
]


def service_log(users: int, seed: int) -> list[dict[str, Any]]:
    """A log as a service writes it: users interleaved, ties, sessions cut off at the end."""
    random = np.random.default_rng(seed)
    lines: list[dict[str, Any]] = []
    for user in range(users):
        now, arm = int(random.integers(0, 10**6)), "C" if random.random() < 0.5 else "T1"
        for _ in range(random.integers(1, 5)):
            length = int(random.geometric(0.2))
            for step in range(length):
                now += int(random.integers(0, 3)) * 60_000
                line: dict[str, Any] = {
                    "message": "last" if step == length - 1 else "next",
                    "timestamp": 1_700_000_000_000 + now,
                    "user": user,
                    "track": int(random.integers(0, 30)),
                    "time": round(float(random.random()), int(random.integers(1, 6))),
                    "latency": float(random.lognormal(-6, 1)),
                    "experiments": {"NEURAL": arm},
                }
                lines.append(line if line["message"] == "last" else {**line, "recommendation": 1})
    lines.sort(key=lambda line: line["timestamp"])  # stable: a user's own order is kept
    return lines[: len(lines) * 9 // 10]


def notebook(lines: list[dict[str, Any]]) -> pd.DataFrame:
    """Per user: the notebook's way, from the facts told about it."""
    rows = pd.DataFrame(lines)
    rows["arm"] = [experiments["NEURAL"] for experiments in rows["experiments"]]
    rows = rows.sort_values(["user", "timestamp"], kind="stable")
    ends = (rows["message"] == "last").astype(int)
    # A row belongs to the session of the "last"s before it; a session that never ends is none.
    rows["session"] = ends.groupby(rows["user"]).cumsum() - ends
    rows["ended"] = ends.groupby([rows["user"], rows["session"]]).transform("max")
    sessions = (
        rows[rows["ended"] == 1]
        .groupby(["user", "arm", "session"])
        .agg(tracks=("track", "size"), time=("time", "sum"), latency=("latency", "sum"))
        .reset_index()
    )
    sessions["latency"] *= 1000
    found = (
        sessions.groupby(["user", "arm"])
        .agg(
            sessions=("session", "size"),
            tracks=("tracks", "sum"),
            time=("time", "sum"),
            latency=("latency", "sum"),
        )
        .reset_index()
    )
    found["mean_request_latency"] = found["latency"] / found["tracks"]
    found["mean_tracks_per_session"] = found["tracks"] / found["sessions"]
    found["mean_time_per_session"] = found["time"] / found["sessions"]
    return found


@pytest.fixture(params=[1, 2], ids=lambda seed: f"seed {seed}")
def tables(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[pd.DataFrame, UserTable]:
    lines = service_log(300, request.param)
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    events = read_botify(tmp_path / "log.jsonl").events
    days = range(int(events.day.max()) + 1)
    return notebook(lines), user_table([session_table(events)], days=days)


def test_users_are_those_of_the_notebook(tables: tuple[pd.DataFrame, UserTable]) -> None:
    expected, found = tables
    rows = found.exposed
    assert 250 < rows.sum() < len(found)  # the cut at the end left some without a session
    assert found.users[rows].tolist() == expected["user"].tolist()
    codes, names = found.arms["arm"]
    assert [names[code] for code in codes[rows]] == expected["arm"].tolist()
    for name in [*METRICS, "tracks", "latency"]:
        np.testing.assert_allclose(
            found.values[name][rows], expected[name].to_numpy(float), rtol=0, atol=1e-9
        )


def test_the_table_of_arms_is_that_of_the_notebook(tables: tuple[pd.DataFrame, UserTable]) -> None:
    per_user, found = tables
    for code, label in enumerate(found.arms["arm"].names):
        rows = found.members("exposed") & (found.arms["arm"].codes == code)
        expected = per_user[per_user["arm"] == label]
        for name in METRICS:
            values = found.values[name][rows]
            assert len(values) == expected[name].count() > 100
            assert values.mean() == pytest.approx(expected[name].mean(), abs=1e-9)
            assert values.var(ddof=1) == pytest.approx(expected[name].var(), abs=1e-9, rel=1e-12)
