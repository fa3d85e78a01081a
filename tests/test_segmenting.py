"""Which kinds of users a scenario tells apart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from abbotify.errors import UserError
from abbotify.plan import prepare
from abbotify.report.kinds import Cut, Kinds, cut
from abbotify.scenario import load

Plain = dict[str, Any]


def kinds(folder: Path, scenario: Plain, segments: Plain | None, **keys: Any) -> Kinds | Cut | None:
    metrics = {} if segments is None else {"metrics": {"segments": segments}}
    path = folder / "s.yaml"
    path.write_text(yaml.safe_dump(scenario | metrics | keys, sort_keys=False))
    return prepare(load(path)).kinds


def lines(folder: Path, *rows: Plain) -> Plain:
    (folder / "kinds.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return {"file": str(folder / "kinds.jsonl")}


def test_by_default_thirds_of_the_days_before(tmp_path: Path, small: Plain) -> None:
    before = [
        {"phase": "pre", "days": 1, "recommender": "random"},
        {"phase": "experiment", "days": 2},
    ]
    assert kinds(tmp_path, small, None, timeline=before) == Cut("pre_time", 3)
    assert kinds(tmp_path, small, None) is None


def test_a_users_own_value(tmp_path: Path, small: Plain) -> None:
    found = kinds(tmp_path, small, {"by": "bias", "bounds": [2.0, 5.0]})
    assert isinstance(found, Cut)
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
    assert isinstance(found, Kinds)
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
        ([{"user": u, "segment": f"{u}"} for u in range(51)], "kinds.jsonl:51: segment: more than"),
    ],
)
def test_a_broken_file_is_told(tmp_path: Path, small: Plain, rows: list[Plain], what: str) -> None:
    with pytest.raises(UserError) as caught:
        kinds(tmp_path, small, lines(tmp_path, *rows))
    assert what in str(caught.value)


def test_bounds_that_look_alike_have_names_of_their_own() -> None:
    values = np.array([1.0, 1.00001, 1.00002])
    told = cut(values, Cut("x", bounds=(1.0, 1.00001)), np.ones(3, np.bool_))
    assert told.names == ("up to 1", "above 1 to 1.00001", "above 1.00001")
    assert told.codes.tolist() == [0, 1, 2]
    nobody = cut(np.full(3, np.nan), Cut("x"), np.ones(3, np.bool_))
    assert (nobody.names, nobody.codes.tolist()) == (("all",), [-1, -1, -1])
