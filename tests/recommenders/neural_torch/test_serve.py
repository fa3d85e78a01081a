"""What a network serves is what it predicts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from abbotify import pipeline
from abbotify.recommenders.ranked_lists import Ranker
from tests.recommenders.neural_torch.own import KEY, WORLD, params_of, scenario_of, trained
from tests.recommenders.planted import planted_log


def predicted(arrays: dict[str, Any], row: int, anchor: int) -> Any:
    """What a head [16, 8] says of all tracks, in numpy."""
    user, start, track = (arrays[f"network.{name}.weight"] for name in ("user", "start", "track"))
    mean = user[arrays["seen_user"]].mean(axis=0)
    taste = start[anchor] + (user[row] if row >= 0 and arrays["seen_user"][row] else mean)
    out = taste * track
    layers = sorted({name.split(".")[2] for name in arrays if name.startswith("network.head.")})
    for layer in layers:
        name = f"network.head.{layer}"
        out = out @ arrays[f"{name}.weight"].T + arrays[f"{name}.bias"]
        out = np.maximum(out, 0) if layer != layers[-1] else out
    return out[:, 0]


def assert_best(got: list[int], scores: Any, seen: Any) -> None:
    """The largest scores, but for rounding; `seen` are the tracks that may be listed."""
    assert len(set(got)) == len(got)
    best = np.sort(scores[seen])[::-1][: len(got)]
    np.testing.assert_allclose(scores[got], best, rtol=1e-4)


@pytest.mark.extras
@pytest.mark.parametrize("rows", [(0, 7, 19), (-1,)])
def test_lists_are_those_of_the_heads_predictions_without_dropout(
    torch: Any, rows: tuple[int, ...], tmp_path: Path
) -> None:
    aware = rows != (-1,)
    scenario = scenario_of(
        tmp_path, head=[16, 8], dropout=0.5, size=5, shortlist=60, user_aware=aware
    )
    arrays = dict(trained(scenario).arrays)
    lists = params_of(scenario).lowered(arrays, WORLD, scenario, KEY)
    seen = np.flatnonzero(arrays["seen_track"])
    for anchor in np.flatnonzero(arrays["seen_start"])[:5].tolist():
        for row in rows:
            if isinstance(lists, Ranker):
                got = lists.list_of(row, anchor).tolist()
            else:
                place = lists.lists.offsets[anchor]
                got = lists.lists.tracks[place : place + 5].tolist()
            assert_best(got, predicted(arrays, row, anchor), seen)


@pytest.mark.extras
def test_lists_are_those_of_an_own_networks_predictions(torch: Any, tmp_path: Path) -> None:
    scenario = scenario_of(tmp_path, network="net.py:Net", size=5)
    arrays = trained(scenario).arrays
    ranker = params_of(scenario).lowered(arrays, WORLD, scenario, KEY)
    assert isinstance(ranker, Ranker)
    start, track = (arrays[f"network.{name}.weight"] for name in ("start", "track"))
    user = arrays["network.user.weight"][:, 0]
    for row, anchor in ((0, 3), (7, 20)):
        scores = 1 / (1 + np.exp(-(track @ start[anchor] + user[row])))
        assert_best(
            ranker.list_of(row, anchor).tolist(), scores, np.flatnonzero(arrays["seen_track"])
        )


@pytest.mark.extras
def test_the_shortlist_holds_what_the_head_likes_best(torch: Any, tmp_path: Path) -> None:
    """Also where the head likes what the inner product does not."""
    log = planted_log(40_000, users=20, tracks=60).log
    scenario = scenario_of(tmp_path, head=[32], epochs=12, batch_size=256, shortlist=15, size=5)
    arrays = dict(trained(scenario, log).arrays)
    ranker = params_of(scenario).lowered(arrays, WORLD, scenario, KEY)
    assert isinstance(ranker, Ranker)
    found = 0
    for pair in range(100):
        best = np.argsort(-predicted(arrays, pair % 20, pair % 60), kind="stable")[:5]
        found += len({*best.tolist()} & {*ranker.list_of(pair % 20, pair % 60).tolist()})
    assert found >= 450  # of 500; 15 tracks taken at random would hold 125


@pytest.mark.extras
@pytest.mark.parametrize(
    "given",
    [
        {"head": [8]},
        {"head": [8], "user_aware": False, "anchor": "previous", "pick": "rank"},
        {"head": [8], "user_embedding": False},
        {"network": "net.py:Net"},
        {"network": "net.py:Net", "user_embedding": False},
    ],
)
def test_it_serves_in_a_run(torch: Any, given: dict[str, Any], tmp_path: Path) -> None:
    result = pipeline.run(scenario_of(tmp_path, **given), tmp_path / "run")
    arm = next(arm for arm in result.arms if arm.name == "it")
    assert arm.counters is not None
    assert arm.counters["requests"] > arm.counters["misses"] > -1
    assert arm.trainings is not None
    assert len(arm.trainings[0].curve) == 3


@pytest.mark.extras
def test_processes_that_share_a_run_give_the_same_lists(torch: Any, tmp_path: Path) -> None:
    """Twice as many shards as processes; each process imports the class anew."""
    scenario = scenario_of(tmp_path, network="net.py:Net")
    scenario = scenario.model_copy(update={"shards": 4})
    for workers in (1, 2):
        pipeline.run(scenario, tmp_path / f"run{workers}", workers=workers)
    one, two = (
        {p.relative_to(run): p.read_bytes() for p in sorted(run.rglob("*.parquet"))}
        for run in (tmp_path / "run1", tmp_path / "run2")
    )
    assert one
    assert one == two
