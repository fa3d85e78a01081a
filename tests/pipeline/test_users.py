"""Users, their metrics and their arms, recomputed from the log of a run by other means."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from abbotify.scenario import load
from abbotify.world import load_world
from tests.conftest import hashed
from tests.pipeline.playing import METRICS


def per_user(log: pd.DataFrame) -> pd.DataFrame:
    """The notebook's way from a log to users."""
    recommended = log[log.step > 0]
    repeated = log.duplicated(["user", "session", "track"]) & (log.step > 0)
    table = log.groupby("user").agg(time=("time", "sum"), tracks=("track", "size"))
    table["sessions"] = log[["user", "session"]].drop_duplicates().groupby("user").size()
    table["latency"] = log.groupby("user").latency_ms.sum()
    table["recommended"] = recommended.groupby("user").size().reindex(table.index, fill_value=0)
    skips = recommended[recommended.time < 0.3].groupby("user").size()
    table["skips"] = skips.reindex(table.index, fill_value=0)
    table["repeats"] = log[repeated].groupby("user").size().reindex(table.index, fill_value=0)
    table["mean_time_per_session"] = table.time / table.sessions
    table["mean_tracks_per_session"] = table.tracks / table.sessions
    table["mean_request_latency"] = table.latency / table.tracks
    table["skip_rate"] = table.skips / table.recommended
    table["repeat_rate"] = table.repeats / table.recommended
    # A track of unknown length lasts three minutes.
    heard = (log.time * 100).round().astype(int)
    played = ((heard * 180_000 + 50) // 100).groupby(log.user).sum()
    table["minutes"] = played / 60_000
    table["retained"] = (log.groupby("user").day.max() == log.day.max()).astype(float)
    return table


def assert_same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    for name in expected:
        column = found[name].to_numpy(float)
        np.testing.assert_allclose(column, expected[name].to_numpy(float), rtol=1e-9, err_msg=name)


def test_users_are_those_of_the_log(log: pd.DataFrame, users: pd.DataFrame) -> None:
    expected = per_user(log[log.day >= 2])
    assert len(users) == 100
    assert list(users.index[users.exposed]) == list(expected.index)
    assert_same(users[users.exposed], expected)


def test_days_before_are_columns_of_their_own(log: pd.DataFrame, users: pd.DataFrame) -> None:
    expected = per_user(log[log.day < 2]).add_prefix("pre_")
    assert_same(users.loc[expected.index], expected)
    without = users.drop(expected.index)
    assert len(without)
    assert (without[["pre_time", "pre_sessions", "pre_tracks", "pre_minutes"]] == 0).all(axis=None)
    assert without[["pre_mean_time_per_session", "pre_skip_rate"]].isna().all(axis=None)


def test_users_without_sessions_are_listed_with_nulls(users: pd.DataFrame) -> None:
    absent = users[~users.exposed]
    assert len(absent)
    assert absent[METRICS].isna().all(axis=None)
    assert absent.arm.notna().all()


def test_diversity_is_that_of_the_artists(
    run_folder: Path, log: pd.DataFrame, users: pd.DataFrame
) -> None:
    artist = load_world(load(run_folder / "scenario.yaml")).catalogue.artist
    part = log[log.day >= 2].assign(artist=lambda rows: artist[rows.track])
    sessions = part.groupby(["user", "session"]).artist.agg(["nunique", "size"])
    expected = (sessions["nunique"] / sessions["size"]).groupby("user").mean()
    np.testing.assert_allclose(users.artist_diversity[expected.index], expected, rtol=1e-9)


def test_arms_are_the_hashes(log: pd.DataFrame, users: pd.DataFrame) -> None:
    names = ["random", "sticky", "mixed"]  # weights 1, 1, 0.5

    def arm(user: int) -> str:
        share = hashed(user, "RICH") / 2**32
        return names[int(np.searchsorted([0.4, 0.8], share, side="right"))]

    part = log[log.day >= 2]
    assert (part.arm == part.user.map(arm)).all()
    assert list(users.arm) == [arm(user) for user in users.index]
