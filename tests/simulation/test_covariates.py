"""What is known of users from before the experiment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
import yaml

from abbotify import pipeline
from abbotify.errors import UserError
from abbotify.metrics.segments import SegmentBounds, UserSegments, cut
from abbotify.scenario import load
from abbotify.simulation.prepare import prepare

Plain = dict[str, Any]


def kinds(
    folder: Path, scenario: Plain, segments: Plain | None, **keys: Any
) -> UserSegments | SegmentBounds | None:
    metrics = {} if segments is None else {"metrics": {"segments": segments}}
    path = folder / "s.yaml"
    path.write_text(yaml.safe_dump(scenario | metrics | keys, sort_keys=False))
    return prepare(load(path)).segments


def lines(folder: Path, *rows: Plain) -> Plain:
    (folder / "kinds.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return {"file": str(folder / "kinds.jsonl")}


def test_by_default_thirds_of_the_days_before(tmp_path: Path, small: Plain) -> None:
    before = [
        {"phase": "pre", "days": 1, "recommender": "random"},
        {"phase": "experiment", "days": 2},
    ]
    assert kinds(tmp_path, small, None, timeline=before) == SegmentBounds("pre_time", 3)
    assert kinds(tmp_path, small, None) is None


def test_a_users_own_value(tmp_path: Path, small: Plain) -> None:
    found = kinds(tmp_path, small, {"by": "bias", "bounds": [2.0, 5.0]})
    assert isinstance(found, SegmentBounds)
    assert (found.by, found.bounds) == ("bias", (2.0, 5.0))
    assert found.values is not None
    told = cut(found.values, found, np.ones(100, np.bool_))
    assert told.names == ("up to 2", "above 2 to 5", "above 5")
    assert (told.codes == np.digitize(found.values, [2.0, 5.0], right=True)).all()


def test_a_file_names_kinds(tmp_path: Path, small: Plain) -> None:
    rows = (
        {"user": 7, "segment": "new"},
        {"user": 3, "segment": "<b>old</b>"},
        {"user": 9, "segment": "new"},
    )
    found = kinds(tmp_path, small, lines(tmp_path, *rows))
    assert isinstance(found, UserSegments)
    assert found.names == ("new", "<b>old</b>")
    assert {int(user): int(found.codes[user]) for user in (3, 7, 9)} == {7: 0, 3: 1, 9: 0}
    assert int((found.codes >= 0).sum()) == 3


@pytest.mark.parametrize(
    ("rows", "what"),
    [
        ([{"user": 100, "segment": "a"}], "kinds.jsonl:1: user: no user has the id 100"),
        ([{"user": 1, "segment": "a"}] * 2, "kinds.jsonl:2: user: 1 has a second line"),
        ([{"user": 1}], "kinds.jsonl:1: segment"),
        ([], "kinds.jsonl: "),
        (
            [{"user": 1, "segment": "a\u202eb"}],
            "kinds.jsonl:1: segment: must hold no control or dir",
        ),
        ([{"user": u, "segment": f"{u}"} for u in range(51)], "kinds.jsonl:51: segment: more than"),
    ],
)
def test_a_broken_file_is_told(tmp_path: Path, small: Plain, rows: list[Plain], what: str) -> None:
    with pytest.raises(UserError) as caught:
        kinds(tmp_path, small, lines(tmp_path, *rows))
    assert what in str(caught.value)


def test_bounds_that_look_alike_have_names_of_their_own() -> None:
    values = np.array([1.0, 1.00001, 1.00002])
    told = cut(values, SegmentBounds("x", bounds=(1.0, 1.00001)), np.ones(3, np.bool_))
    assert told.names == ("up to 1", "above 1 to 1.00001", "above 1.00001")
    assert told.codes.tolist() == [0, 1, 2]
    nobody = cut(np.full(3, np.nan), SegmentBounds("x"), np.ones(3, np.bool_))
    assert (nobody.names, nobody.codes.tolist()) == (("all",), [-1, -1, -1])


BEFORE = [
    {"phase": "pre", "days": 1, "recommender": "random"},
    {"phase": "experiment", "days": 2},
]


def adjusted(folder: Path, scenario: Plain, covariates: list[Any]) -> pd.DataFrame:
    """The adjusted rows of effects, by metric."""
    path = folder / "s.yaml"
    metrics = {"covariates": covariates}
    path.write_text(yaml.safe_dump(scenario | {"metrics": metrics}, sort_keys=False))
    pipeline.run(load(path), folder / "out")
    effects = pd.read_csv(folder / "out" / "effects.csv")
    return effects[effects.estimand == "cuped"].set_index("metric")


def test_means_are_adjusted_for_a_file(tmp_path: Path, small: Plain) -> None:
    """Lin's regression on the file's column, and an indicator of users it does not know."""
    values = {user: (user * 37 % 11) / 4 for user in range(100) if user % 5}
    rows = [{"user": u, "value": v, "timestamp": -1} for u, v in values.items()]
    age = {"name": "age", **lines(tmp_path, *rows)}
    found = adjusted(tmp_path, small, [age])
    users = pd.read_parquet(tmp_path / "out" / "users.parquet")
    users = users[users.exposed].assign(x=lambda t: t.user.map(values))
    users["missing"] = users.x.isna().astype(float)
    for name in ("x", "missing"):
        users[name] = users[name].fillna(0.0)
        users[name] -= users[name].mean()
    arm = "C(arm, Treatment('random'))"
    fit = smf.ols(f"time ~ {arm} * (x + missing)", users).fit()
    assert found.effect["time"] == pytest.approx(fit.params[f"{arm}[T.sticky]"], rel=1e-9)


def test_means_are_adjusted_for_several_days_before(tmp_path: Path, small: Plain) -> None:
    found = adjusted(tmp_path, small | {"timeline": BEFORE}, ["pre_time", "pre_sessions"])
    users = pd.read_parquet(tmp_path / "out" / "users.parquet")
    users = users[users.exposed].copy()
    for name in ("pre_time", "pre_sessions"):
        users[name] -= users[name].mean()
    arm = "C(arm, Treatment('random'))"
    fit = smf.ols(f"tracks ~ {arm} * (pre_time + pre_sessions)", users).fit()
    assert found.effect["tracks"] == pytest.approx(fit.params[f"{arm}[T.sticky]"], rel=1e-9)


@pytest.mark.parametrize(
    ("rows", "what"),
    [
        (
            [{"user": 1, "value": 1, "timestamp": 0}],
            "are not from before the user's first exposure",
        ),
        ([{"user": 1, "value": 1}], "kinds.jsonl:1: timestamp"),
        ([{"user": 1, "value": "old", "timestamp": -1}], "kinds.jsonl:1: value"),
        (
            [{"user": 1, "value": 1, "timestamp": -1}] * 2,
            "kinds.jsonl:2: user: 1 has a second line",
        ),
    ],
)
def test_covariates_from_later_or_broken_are_refused(
    tmp_path: Path, small: Plain, rows: list[Plain], what: str
) -> None:
    with pytest.raises(UserError) as caught:
        adjusted(tmp_path, small, [{"name": "age", **lines(tmp_path, *rows)}])
    assert what in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_covariates_of_the_experiment_are_refused(tmp_path: Path, small: Plain) -> None:
    with pytest.raises(UserError, match="sessions is counted after the first exposure"):
        adjusted(tmp_path, small, ["sessions"])
    with pytest.raises(UserError, match="pre_time needs days before the experiment"):
        adjusted(tmp_path, small, ["pre_time"])
