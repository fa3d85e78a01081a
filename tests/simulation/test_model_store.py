"""Models are kept and found again; what has been damaged is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from abbotify.progress import Epoch
from abbotify.recommenders.training_log import Fitted
from abbotify.simulation.model_store import ModelStore


def test_models_come_back_from_disk(tmp_path: Path) -> None:
    curve = (Epoch(1, 0.5, None, 0.1), Epoch(2, 0.25, 0.3, 0.01))
    arrays = {"b": np.arange(6, dtype=np.float32).reshape(2, 3), "a": np.array([2**40])}
    (tmp_path / "run").mkdir()
    kept = ModelStore(tmp_path / "run").keep(3, "näme/x", 7, 100, "key", Fitted(arrays, curve))
    assert kept.file == "03-n_me_x-day-0007.npz"
    found = ModelStore(tmp_path, [tmp_path / "run"]).find("key")
    assert found is not None
    assert found.curve == curve
    assert {name: array.dtype for name, array in found.arrays.items()} == {
        "a": np.int64,
        "b": np.float32,
    }
    np.testing.assert_array_equal(found.arrays["b"], arrays["b"])
    assert ModelStore(tmp_path, [tmp_path / "run"]).find("other") is None


@pytest.mark.parametrize("damage", [b"", b"PK not an archive", None])
def test_a_damaged_model_is_trained_again(tmp_path: Path, damage: bytes | None) -> None:
    (tmp_path / "run").mkdir()
    kept = ModelStore(tmp_path / "run").keep(0, "a", 1, 1, "key", Fitted({"x": np.ones(3)}))
    path = tmp_path / "run" / "models" / kept.file
    path.unlink() if damage is None else path.write_bytes(damage)
    assert ModelStore(tmp_path, [tmp_path / "run"]).find("key") is None


@pytest.mark.parametrize(
    ("old", "new"),
    [("0.5", "0.4"), ("0.5", "NaN"), ('"key": "key"', '"key": []'), ('"day": 1', '"day": "x"')],
)
def test_a_changed_account_of_a_model_is_passed_over(tmp_path: Path, old: str, new: str) -> None:
    (tmp_path / "run").mkdir()
    fitted = Fitted({"x": np.ones(3)}, (Epoch(1, 0.5, None, 0.1),))
    kept = ModelStore(tmp_path / "run").keep(0, "a", 1, 1, "key", fitted)
    path = (tmp_path / "run" / "models" / kept.file).with_suffix(".json")
    assert ModelStore(tmp_path, [tmp_path / "run"]).find("key") is not None
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    (path.parent / "deep.json").write_text("[" * 100_000)
    assert ModelStore(tmp_path, [tmp_path / "run"]).find("key") is None
