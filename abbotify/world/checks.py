"""What every world has to fulfil, wherever it comes from."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from abbotify.errors import DataError
from abbotify.world.base import Catalogue, Users


def check(catalogue: Catalogue, users: Users) -> None:
    """Refuses a world that no session can be played in.

    Loaders refuse bad files line by line; this also holds for sources added later.

    Raises:
        DataError: vectors or traits that are not finite, users out of order, without interests,
            or with interests outside the catalogue.
    """
    if len(catalogue) == 0 or len(users) == 0:
        raise DataError(f"the world has {len(catalogue)} tracks and {len(users)} users")
    if not np.isfinite(catalogue.vectors).all():
        row = np.flatnonzero(~np.isfinite(catalogue.vectors).all(axis=1))[0]
        raise DataError(f"the vector of track {row} is not finite")
    if users.ids[0] < 0 or (users.ids[1:] <= users.ids[:-1]).any():
        raise DataError("users must have ascending ids of at least 0")
    _check_interests(catalogue, users)
    for name in ("bias", "sharpness", "gamma"):
        _refuse(users, ~np.isfinite(getattr(users, name)), f"has a {name} that is not finite")
    for name in ("budget", "neighbours"):
        _refuse(users, getattr(users, name) < 1, f"has {name} below 1")


def _check_interests(catalogue: Catalogue, users: Users) -> None:
    offsets, tracks = users.interests
    _refuse(users, offsets[1:] <= offsets[:-1], "has no interests")
    outside = np.flatnonzero((tracks < 0) | (tracks >= len(catalogue)))
    if len(outside):
        user = users.ids[np.searchsorted(offsets, outside[0], side="right") - 1]
        track = tracks[outside[0]]
        what = f"must be below {len(catalogue)}, got {track}"
        raise DataError(f"an interest of user {user} {what}")


def _refuse(users: Users, wrong: npt.NDArray[np.bool_], what: str) -> None:
    if wrong.any():
        raise DataError(f"user {users.ids[np.flatnonzero(wrong)[0]]} {what}")
