"""Models on disk: arrays without pickle, the curve of their training, and what they came from.

A model is found again by its key, a digest of all that its training depends on. So a run that is
repeated, or two arms that learn the same from the same, train once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from abbotify.digests import digest_data, digest_file
from abbotify.errors import DataError
from abbotify.files.folders import Arrays, load_arrays, replacing, save_arrays
from abbotify.progress import Epoch
from abbotify.recommenders.training_log import Fitted

MODELS: Final = "models"
_SEAL: Final = "sha256"  # of all else in the file


@dataclass(frozen=True)
class Trained:
    """A model of an arm, kept.

    Attributes:
        arm: its name.
        day: at whose start it was trained; it serves the sessions of that day.
        plays: how many played tracks the training saw.
        key: a digest of all that the training depends on.
        file: the name of its arrays in the folder of models.
        digest: of that file.
        curve: the passes of the training.
    """

    arm: str
    day: int
    plays: int
    key: str
    file: str
    digest: str
    curve: tuple[Epoch, ...]


class ModelStore:
    """The models of a run.

    Args:
        folder: of the run, which exists; one that was interrupted has models.
        earlier: folders of runs whose models may be taken again.
    """

    def __init__(self, folder: Path, earlier: Sequence[Path] = ()) -> None:
        self.folder = folder / MODELS
        self._kept = {(each.arm, each.day): each for _, each in _models(folder)}
        self._known = {}
        for run in earlier:
            for path, trained in _models(run):
                self._known[trained.key] = (path, trained)

    def kept(self, arm: str, day: int) -> Trained | None:
        """The model that this run, before it was interrupted, has trained for an arm and a day."""
        model = self._kept.get((arm, day))
        whole = model is not None and digest_file(self.folder / model.file) == model.digest
        return model if whole else None

    def find(self, key: str) -> Fitted | None:
        """The model with a key, from this run or an earlier one; None when it is not there."""
        known = self._known.get(key)
        if known is None:
            return None
        path, trained = known
        try:
            if digest_file(path) != trained.digest:
                return None  # somebody has changed it: train again
            return Fitted(load_model(path), trained.curve)
        except (OSError, DataError):
            return None

    def keep(self, place: int, arm: str, day: int, plays: int, key: str, fitted: Fitted) -> Trained:
        """Writes a model: its arrays, and beside them what is known of it.

        Args:
            place: of the arm among all arms, for the file's name.
            arm: its name.
            day: at whose start it was trained.
            plays: how many played tracks the training saw.
            key: see `Trained`.
            fitted: what the training left.
        """
        self.folder.mkdir(exist_ok=True)
        name = re.sub(r"[^A-Za-z0-9_-]+", "_", arm)[:40]
        path = self.folder / f"{place:02d}-{name}-day-{day:04d}.npz"
        save_arrays(path, fitted.arrays)
        trained = Trained(arm, day, plays, key, path.name, digest_file(path), fitted.curve)
        with replacing(path.with_suffix(".json")) as temporary:
            data = asdict(trained)
            text = json.dumps({**data, _SEAL: digest_data(data)}, indent=1)
            temporary.write_text(text + "\n", encoding="utf-8")
        self._known[key] = (path, trained)
        return trained


def load_model(path: Path) -> Arrays:
    """The arrays of a model.

    Raises:
        DataError: the file is missing or broken.
    """
    return load_arrays(path, "a model")


def _models(run: Path) -> Iterator[tuple[Path, Trained]]:
    """All models of a run folder, by file; files that are none are passed over."""
    folder = run / MODELS
    for path in sorted(folder.glob("*.json")):
        try:
            data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            if data.pop(_SEAL) != digest_data(data):
                continue  # somebody has changed it
            curve = tuple(Epoch(**epoch) for epoch in data.pop("curve"))
            trained = Trained(**data, curve=curve)
            yield folder / Path(trained.file).name, trained
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            continue
