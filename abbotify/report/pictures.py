"""The curves of an arm as plain data, and what must hold for them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from abbotify.errors import DataError
from abbotify.progress import Epoch


@dataclass(frozen=True)
class Distribution:
    """A histogram over users: `counts[i]` of them lie in `edges[i]..edges[i + 1]`."""

    metric: str
    edges: tuple[float, ...]
    counts: tuple[int, ...]

    def check(self, key: str) -> None:
        """Raises DataError, with the key path, when edges and counts do not fit."""
        if len(self.edges) != len(self.counts) + 1:
            raise DataError("there must be one edge more than counts", key=key)
        _refuse_disorder(self.edges, "edges", f"{key}.edges")


@dataclass(frozen=True)
class Survival:
    """Share of sessions, `alive[i]`, that go on for more than `tracks[i]` tracks."""

    tracks: tuple[int, ...]
    alive: tuple[float, ...]

    def check(self, key: str) -> None:
        """Raises DataError, with the key path, when tracks and shares do not fit."""
        if len(self.tracks) != len(self.alive):
            raise DataError("tracks and alive must have one length", key=key)
        _refuse_disorder(self.tracks, "tracks", f"{key}.tracks")


@dataclass(frozen=True)
class Position:
    """What was heard at one place in the sessions.

    Attributes:
        step: of the session; 1 is the first recommended track, as 0 is the user's own pick.
        n: played tracks at that step, which is sessions that got there.
        mean: listened fraction, 0 .. 1.
    """

    step: int
    n: int
    mean: float


@dataclass(frozen=True)
class Day:
    """The decision metric of one day, and its effect against the control."""

    day: int
    users: int
    mean: float | None = None
    effect: float | None = None
    lower: float | None = None
    upper: float | None = None


@dataclass(frozen=True)
class TopTrack:
    """One of the most played tracks; `share` is of the arm's plays."""

    track: int
    title: str | None
    artist: str | None
    plays: int
    share: float


@dataclass(frozen=True)
class Training:
    """A training of an arm that learns.

    Attributes:
        day: at whose start it was; the model serves from that day on.
        plays: how many played tracks it saw.
        curve: its passes in order; empty for a training that has none.
        digest: of the model.
    """

    day: int
    plays: int
    curve: tuple[Epoch, ...]
    digest: str

    @property
    def best(self) -> Epoch | None:
        """The first pass with the least loss over what was held out; None without."""
        held = [(epoch.validation, epoch.number, epoch) for epoch in self.curve]
        known = [(loss, number, epoch) for loss, number, epoch in held if loss is not None]
        return min(known, key=lambda each: each[:2])[2] if known else None

    def check(self, key: str) -> None:
        """Raises DataError, with the key path, when the passes are not in order."""
        _refuse_disorder([epoch.number for epoch in self.curve], "epochs", f"{key}.curve")


def check_positions(positions: Iterable[Position], key: str) -> None:
    """Raises DataError, with the key path, when positions are not in order."""
    _refuse_disorder([position.step for position in positions], "steps", key)


def check_trainings(trainings: Iterable[Training], key: str) -> None:
    """Raises DataError, with the key path, when trainings or their passes are not in order."""
    known = tuple(trainings)
    for at, training in enumerate(known):
        training.check(f"{key}[{at}]")
    _refuse_disorder([training.day for training in known], "days", key)


def _refuse_disorder(values: Iterable[float], name: str, key: str) -> None:
    if not all(before < after for before, after in pairwise(values)):
        raise DataError(f"{name} must ascend", key=key)
