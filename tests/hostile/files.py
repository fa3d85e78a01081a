"""A scenario that reads every kind of file, those files, and how a scenario is changed."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import yaml

Plain = dict[str, Any]

TRACKS, USERS = 60, 40
HUGE = 10**30
DELETE = object()

OWN = """
from dataclasses import dataclass

class Own:
    @dataclass(frozen=True)
    class Params:
        size: int

    def __init__(self, params, world):
        self.size = params.size

    def recommend(self, request):
        return request.previous % self.size
"""


def base() -> Plain:
    """A scenario that reads every kind of file."""
    return {
        "name": "files",
        "world": {
            "catalogue": {
                "source": "botify",
                "tracks": "data/tracks.jsonl",
                "embeddings": "data/vectors.npy",
            },
            "users": {"source": "botify", "file": "data/users.jsonl"},
        },
        "arrivals": {"sessions": 60},
        "timeline": [
            {"phase": "collect", "days": 1, "traffic": {"random": 0.5, "top": 0.5}},
            {"phase": "experiment", "days": 1},
        ],
        "arms": {
            "random": {"recommender": "random"},
            "indexed": {"recommender": "indexed", "file": "data/lists.jsonl"},
            "context": {"recommender": "contextual", "file": "data/similar.jsonl"},
            "i2i": {"recommender": "i2i", "file": "data/similar.jsonl"},
            "top": {"recommender": "top_pop", "file": "data/top.json"},
            "own": {"recommender": "data/own.py:Own", "size": 3},
        },
        "experiment": {"name": "FILES", "control": "random"},
    }


def changed(scenario: Plain, path: str, value: Any) -> Plain:
    """The scenario with another value at a path of keys; DELETE removes the key."""
    scenario = copy.deepcopy(scenario)
    here: Any = scenario
    *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    for part in parents:
        here = here[part] if isinstance(part, int) else here.setdefault(part, {})
    if value is DELETE:
        del here[last]
    else:
        here[last] = value
    return scenario


def track_lines() -> list[Plain]:
    return [
        {"track": t, "artist": f"a{t % 9}", "title": f"t{t}", "genre": f"g{t % 3}", "pop": t + 1.0}
        for t in range(TRACKS)
    ]


def user_lines() -> list[Plain]:
    return [
        {"user": u, "interests": [u, (7 * u) % TRACKS], "consume_bias": 1.0} for u in range(USERS)
    ]


def write_lines(path: Path, lines: list[Plain]) -> None:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def write_scenario(folder: Path, scenario: Plain) -> None:
    (folder / "s.yaml").write_text(yaml.safe_dump(scenario, sort_keys=False, allow_unicode=True))


def write_files(folder: Path) -> None:
    data = folder / "data"
    data.mkdir(parents=True)
    write_lines(data / "tracks.jsonl", track_lines())
    write_lines(data / "users.jsonl", user_lines())
    vectors = np.random.default_rng(1).normal(size=(TRACKS, 4)).astype(np.float32)
    np.save(data / "vectors.npy", vectors)
    write_lines(data / "lists.jsonl", [{"user": u, "tracks": [u, u + 1]} for u in range(USERS)])
    similar = [{"track": t, "recommendations": [(t + 1) % TRACKS, 0]} for t in range(TRACKS)]
    write_lines(data / "similar.jsonl", similar)
    (data / "top.json").write_text(json.dumps(list(range(20))))
    (data / "own.py").write_text(OWN)
    write_scenario(folder, base())


def everything(folder: Path) -> Plain:
    """Names and what is in them, so that a change of either shows."""
    found: Plain = {}
    for path in sorted(folder.rglob("*")):
        if "__pycache__" not in path.parts:
            found[str(path)] = path.stat().st_size if path.is_file() else None
    return found
