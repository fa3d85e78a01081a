"""The files that generated scenarios name: lists of tracks, and recommenders of one's own."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

USERS = 30  # lists name users 0 .. 29
SIZES = (5, 12, 40, 80)  # catalogues that have lists
PLUGINS = '''\
"""Tables of any kind, and answers in batches that use all of a request."""

from dataclasses import dataclass

import numpy as np

from abbotify import CandidateTable, Key, Lists, Pick
from abbotify.recommenders.pick import TablePicker


def rows(generator, n, tracks, ascending):
    """Lists of 0 to 6 tracks; a third are empty."""
    drawn = [
        generator.integers(0, tracks, generator.integers(0, 7) if generator.random() > 1 / 3 else 0)
        for _ in range(n)
    ]
    lists = [np.unique(row) if ascending else row for row in drawn]
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in lists])]).astype(np.int64)
    return Lists(offsets, np.concatenate([*lists, np.empty(0)]).astype(np.int32))


def weights(generator, lists):
    """Cumulative weights; some rows weigh nothing, some entries have no weight of their own."""
    parts = [np.empty(0)]
    for start, end in zip(lists.offsets, lists.offsets[1:]):
        own = generator.random(end - start) * generator.integers(0, 2, end - start)
        parts.append(np.cumsum(own * generator.integers(0, 2)))
    return np.concatenate(parts)


class Table:
    """Any table."""

    @dataclass(frozen=True)
    class Params:
        seed: int
        key: str
        pick: str
        exclude: bool = False
        below: int = 0

    def __init__(self, params, world):
        self.world, self.generator = world, np.random.default_rng(params.seed)
        otherwise = None
        if params.below:
            otherwise = self.table("PREVIOUS", "WEIGHTED", False, 0, None)
        self.lists = self.table(params.key, params.pick, params.exclude, params.below, otherwise)
        self.picker = TablePicker(self.lists, world.catalogue.artist, 2)

    def table(self, key, pick, exclude, below, otherwise):
        users, catalogue, pairs = len(self.world.users), self.world.catalogue, None
        tracks = len(catalogue)
        if key == "USER_FIRST":
            pairs = np.flatnonzero(self.generator.random(users * tracks) < 0.6)
        n = {"NOTHING": 1, "USER": users, "ARTIST": len(catalogue.artists)}.get(key, tracks)
        lists = rows(self.generator, n if pairs is None else len(pairs), tracks, exclude)
        cumulative = weights(self.generator, lists) if pick == "WEIGHTED" else None
        return CandidateTable(
            Key[key], lists, Pick[pick], cumulative, exclude, below, otherwise, pairs
        )

    def recommend(self, request):
        return self.picker.pick(request)

    def candidates(self):
        return self.lists


def mixed(request, n):
    """A number that depends on all of a request."""
    number = 31 * request.user + 37 * request.row + 41 * request.session + 43 * request.step
    number += 47 * request.first + 53 * request.previous + int(59 * request.time)
    for place, track in enumerate(request.played):
        number += 61 * (place + 1) * track
    for place, (track, time) in enumerate(request.history):
        number += (place + 3) * (67 * track + round(100 * time))
    return number + request.choice(n) + int(1000 * request.uniform(2))


class Answers:
    """Tracks, misses, tracks of elsewhere and errors, by a pure function of the request."""

    @dataclass(frozen=True)
    class Params:
        miss: int = 0
        outside: int = 0
        fails: int = 0
        form: str = "int64"

    def __init__(self, params, world):
        self.params, self.tracks = params, len(world.catalogue)

    def answer(self, request):
        params, number = self.params, mixed(request, self.tracks)
        if params.fails and number % params.fails == 0:
            raise KeyError(number)
        if params.outside and number % params.outside == 0:
            return self.tracks + number % 7
        if params.miss and number % params.miss == 0:
            return None
        return number % self.tracks

    def answers(self, requests):
        answers = [self.answer(request) for request in requests]
        if self.params.form == "values":
            return answers
        # The columns give the same draws as the requests.
        assert requests.choice(self.tracks).tolist() == [r.choice(self.tracks) for r in requests]
        assert requests.uniform(2).tolist() == [r.uniform(2) for r in requests]
        tracks = [-1 if track is None else track for track in answers]
        return np.array(tracks, self.params.form)


class OnlyBatch(Answers):
    """Answers batches and nothing else."""

    def recommend_batch(self, requests):
        return self.answers(requests)


class Alone(Answers):
    """May learn from everybody it meets: it answers one request at a time."""

    def recommend(self, request):
        return self.answer(request)


class Batch(OnlyBatch, Alone):
    """Answers one request or many."""


class Learns(Answers):
    """Learns from each request of everybody it serves: the order of requests is its answers'."""

    def __init__(self, params, world):
        super().__init__(params, world)
        self.number = 0

    def recommend(self, request):
        self.number = (3 * self.number + mixed(request, self.tracks)) % 1_000_003
        track = self.answer(request)
        return None if track is None else (track + self.number) % self.tracks


class LearnsAtEnd(Learns):
    """Learns from the ends of sessions, too; some cannot be learned from."""

    def ended(self, request):
        self.number = (5 * self.number + mixed(request, self.tracks)) % 1_000_003
        if self.params.fails and self.number % self.params.fails == 0:
            raise IndexError(self.number)


class FromLog:
    """Learns, and answers in batches."""

    def __init__(self, params, world):
        self.tracks = len(world.catalogue)

    def fit(self, log, catalogue):
        return {"heard": np.bincount(log.track, log.time, len(catalogue))}

    def restore(self, arrays):
        self.best = np.argsort(-arrays["heard"], kind="stable")

    def recommend(self, request):
        return self.best[mixed(request, 7) % len(self.best)]

    def recommend_batch(self, requests):
        return self.best[[mixed(request, 7) % len(self.best) for request in requests]]
'''


def write_surroundings(folder: Path) -> Path:
    """Writes lists for catalogues of each of `SIZES`, some of them with gaps; and `mine.py`."""
    (folder / "mine.py").write_text(PLUGINS, encoding="utf-8")
    generator = np.random.default_rng(5)
    for tracks in SIZES:
        for name, kept in (("full", 1.0), ("gaps", 0.5)):
            _write_lists(folder, f"{tracks}-{name}", tracks, kept, generator)
    return folder


def _write_lists(
    folder: Path, name: str, tracks: int, kept: float, generator: np.random.Generator
) -> None:
    def some() -> list[int]:
        order: list[int] = generator.permutation(tracks).tolist()
        return order[: int(generator.integers(1, min(tracks, 9)))]

    users = [{"user": u, "tracks": some()} for u in range(USERS) if generator.random() < kept]
    rows = [
        {"track": t, "recommendations": some()} for t in range(tracks) if generator.random() < kept
    ]
    for kind, lines in (("users", users), ("tracks", rows)):
        text = "\n".join(map(json.dumps, lines)) + "\n"
        (folder / f"{kind}-{name}.jsonl").write_text(text, encoding="utf-8")
    (folder / f"top-{name}.json").write_text(json.dumps(some()), encoding="utf-8")
