"""A catalogue with a planted effect: every listener hears a group's tracks to one known fraction.

The interest, track 0, has the vector (4); a track of a group that is heard to the fraction p has
the vector (logit(p) / 4). A user of bias 0 and sharpness 1 then hears sigmoid(logit(p)) = p. The
interest's score with itself is 16 and logit(.99) is 4.6, so it is always its own nearest track:
with `interest_neighbours: 1` every session starts with it, and with no track of a group.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from abbotify import vectors
from abbotify.scenario import Scenario
from abbotify.scenario.world import PlantedCatalogue
from abbotify.world.base import Catalogue, usual_durations
from abbotify.world.names import Numbered

_INTEREST: Final = 4.0  # a power of two: dividing by it and multiplying again is exact


def catalogue(spec: PlantedCatalogue, scenario: Scenario) -> Catalogue:
    """The interest, then the tracks of the groups in file order; a group is its tracks' genre.

    Every track has an artist of its own, so nothing is discounted.

    Raises:
        ScenarioError: a fraction is not a multiple of .01: times are whole hundredths.
    """
    for name, fraction in spec.groups.items():
        if not 0.01 <= fraction <= 0.99 or abs(100 * fraction - round(100 * fraction)) > 1e-9:
            key = ("world", "catalogue", "groups", name)
            raise scenario.error(f"must be a multiple of .01 below 1, got {fraction!r}", key)
    scores = [math.log(p / (1.0 - p)) for p in spec.groups.values()]
    column = [_INTEREST, *np.repeat(scores, spec.tracks_per_group) / _INTEREST]
    count = len(column)
    genre = np.repeat(np.arange(len(spec.groups)), spec.tracks_per_group)
    popularity = np.zeros(count)
    popularity[0] = 1.0
    return Catalogue(
        vectors=vectors.padded(np.array(column)[:, None]),
        dims=1,
        artist=np.arange(count, dtype=np.int32),
        artists=Numbered("artist", count),
        genre=np.concatenate([[-1], genre]).astype(np.int32),
        genres=tuple(spec.groups),
        popularity=popularity,
        titles=Numbered("track", count),
        duration_ms=usual_durations(count),
    )
