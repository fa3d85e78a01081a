"""What a training of the bilinear network leaves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from abbotify.recommenders.neural.fit import fit
from tests.recommenders.planted import Planted


@pytest.mark.parametrize("users", [True, False])
def test_the_arrays_have_the_embeddings_without_padding(
    users: bool, settings: Any, planted: Planted
) -> None:
    epochs: list[int] = []
    params = settings(embedding_size=5, epochs=2, user_embedding=users)
    fitted = fit(params, planted.log, 1, lambda number, *_: epochs.append(number))
    log, shapes = planted.log, {name: array.shape for name, array in fitted.arrays.items()}
    assert shapes.pop("user", None) == ((log.users, 5) if users else None)
    assert shapes == {
        "start": (log.tracks, 5),
        "track": (log.tracks, 5),
        "seen_start": (log.tracks,),
        "seen_track": (log.tracks,),
        "seen_user": (log.users,),
    }
    assert epochs == [1, 2] == [epoch.number for epoch in fitted.curve]
    met = np.unique(log.track[log.step > 0])
    assert np.flatnonzero(fitted.arrays["seen_track"]).tolist() == met.tolist()
