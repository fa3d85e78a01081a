"""One number for a world: equal worlds have equal digests, whatever their files' order was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from abbotify.world.base import Lists, World


def digest(world: World) -> str:
    """The SHA-256 of all arrays and names of a world, as `sha256:...`.

    Worlds are sorted by id when they are loaded, so the order of lines in files has no part.
    """
    # Not by `eventlog.digests`: the world lies below it, and other bytes would rename all worlds.
    total = hashlib.sha256()
    for name, value in _parts(world):
        array = np.ascontiguousarray(value)
        array = array.astype(array.dtype.newbyteorder("<"), copy=False)
        total.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        total.update(array.tobytes())
    for name in ("artists", "genres", "titles"):
        names = json.dumps(list(getattr(world.catalogue, name)))
        total.update(f"{name} {names}\n".encode())
    return f"sha256:{total.hexdigest()}"


def _parts(world: World) -> Iterator[tuple[str, Any]]:
    catalogue, users = world.catalogue, world.users
    for name in ("vectors", "artist", "genre", "popularity", "duration_ms"):
        yield name, getattr(catalogue, name)
    yield from _lists("recommendations", catalogue.recommendations)
    for name in ("ids", "bias", "sharpness", "budget", "neighbours", "gamma"):
        yield name, getattr(users, name)
    yield from _lists("interests", users.interests)
    yield "nearest", world.nearest


def _lists(name: str, lists: Lists | None) -> Iterator[tuple[str, Any]]:
    if lists is not None:
        yield f"{name}.offsets", lists.offsets
        yield f"{name}.tracks", lists.tracks
