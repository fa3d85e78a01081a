"""The commands that train and sweep: what they print, what they refuse."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.conftest import Command, learning_scenario


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    net = {
        "recommender": "neural", "epochs": 3, "embedding_size": 4, "batch_size": 64,
        "validation_share": 0.2, "user_aware": False, "size": 5,
    }  # fmt: skip
    data = learning_scenario(80, 100, 200, {"net": net})
    data["timeline"][2] |= {"days": 2, "retrain": "daily"}
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(data, sort_keys=False))
    return path


def test_check_says_when_is_trained(abbotify: Command, scenario: Path) -> None:
    finished = abbotify("check", scenario)
    assert finished.code == 0
    assert "before 1     train: net" in finished.out
    assert "experiment, trained daily (pooled)" in finished.out


def test_train_writes_lists_and_tells_what_it_saw(
    abbotify: Command, scenario: Path, tmp_path: Path
) -> None:
    file = tmp_path / "lists.jsonl"
    finished = abbotify(
        "train", scenario, "--arm", "net", "--export", file, "--form", "recommendations"
    )
    assert (finished.code, finished.err) == (0, "")
    assert finished.out.startswith("net: ")
    assert "last loss 0." in finished.out
    assert f"Lists of recommendations: {file}\n" in finished.out
    assert finished.out.endswith("pick: uniform, anchor: first}\n")
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert {len(line["recommendations"]) for line in lines} == {5}


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (["--arm", "nett"], "no arm is named 'nett'; did you mean net?"),
        (["--arm", "random"], "arms.random: does not learn"),
        (["--arm", "net", "--form", "lists"], "must be tracks, recommendations or users"),
        (["--arm", "net", "--form", "users"], "belong to tracks, got users"),
        (["--arm", "net", "--set", "arms.net.user_aware=true"], "set user_aware: false"),
        (["--arm", "net", "--set", "arms.net.learning_rate=0"], "must be above 0, got 0"),
        (["--arm", "net", "--set", "arms.net.early_stoping=3"], "did you mean early_stopping?"),
        (["--arm", "net", "--set", "arms.net.dropout=0.5"], "dropout needs a head"),
    ],
)
def test_train_refuses_in_one_line(
    abbotify: Command, scenario: Path, tmp_path: Path, options: list[str], what: str
) -> None:
    file = tmp_path / "lists.jsonl"
    finished = abbotify("train", scenario, "--export", file, *options)
    assert finished.code == 2
    assert what in finished.err
    assert finished.err.count("\n") == 1
    assert not file.exists()


def test_sweep_shows_effects_and_losses(abbotify: Command, scenario: Path, tmp_path: Path) -> None:
    out = tmp_path / "swept"
    finished = abbotify(
        "sweep", scenario, "--vary", "arms.net.embedding_size=4,8", "--out", out, "--quiet"
    )
    assert (finished.code, finished.err) == (0, "")
    assert "net: arms.net.embedding_size moves the effect by" in finished.out
    rows = (out / "sweep.csv").read_text().splitlines()
    assert len(rows) == 3
    losses = [row.split(",")[-4:-2] for row in rows[1:]]
    assert all(0.0 < float(loss) < 1.0 for pair in losses for loss in pair)
    page = (out / "sweep.html").read_text()
    assert "validation loss" in page
    assert {path.name for path in out.iterdir()} == {
        "000", "001", "sweep.csv", "sweep.html", "sweep.md",
    }  # fmt: skip


def test_sweep_refuses_in_one_line(abbotify: Command, scenario: Path, tmp_path: Path) -> None:
    for vary in ("arms.net.epochs", "arms.net.epochs=1,x", "arms.other.epochs=1"):
        finished = abbotify("sweep", scenario, "--vary", vary, "--out", tmp_path / "out")
        assert finished.code == 2
        assert finished.err.count("\n") == 1
    assert not (tmp_path / "out").exists()
