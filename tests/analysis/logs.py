"""Logs to analyse, as lines of botify's and as a run's own, and how they are analysed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from abbotify.analysis import analyze
from abbotify.eventlog.botify_reader import read_botify
from abbotify.eventlog.parquet_writer import write_events
from abbotify.eventlog.schema import ARM, Events, Labels
from abbotify.report import Result

Lines = list[dict[str, Any]]


def made(users: int = 120, arms: tuple[str, ...] = ("C", "T1"), seed: int = 5) -> Lines:
    """Users one after the other, three days, every session ended."""
    random = np.random.default_rng(seed)
    lines: Lines = []
    for user in range(users):
        arm = int(random.integers(len(arms)))
        for day in np.sort(random.integers(0, 3, random.integers(1, 5))):
            now = int(day) * 86_400_000 + len(lines)
            length = int(random.geometric(0.2 - 0.05 * arm))
            lines += [
                {
                    "message": "next" if step < length - 1 else "last",
                    "timestamp": now + step,
                    "user": user,
                    "track": int(random.integers(0, 30)),
                    "time": round(float(random.random()), 2),
                    "latency": float(random.lognormal(-6, 1)),
                    "experiments": {"NEURAL": arms[arm]},
                }
                | ({"recommendation": 1} if step < length - 1 else {})
                for step in range(length)
            ]
    return lines


def stored(path: Path, lines: Lines) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def analysed(log: Path, out: Path, **options: Any) -> Result:
    given = {"experiment": "NEURAL", "control": None, "arms": {}} | options
    return analyze([log], out=out, **given)


def run_folder(folder: Path, lines: Lines) -> Path:
    """The same events as two days of a run's own log: the first before the experiment."""
    events = read_botify(stored(folder / "lines.jsonl", lines), experiment="NEURAL").events
    events = Events(
        **{name: value for name, value in vars(events).items() if name != "arms"},
        arms={ARM: Labels(events.arms[ARM].codes, ("base", "neural", "unused"))},
    )
    (folder / "log").mkdir()
    for day in range(3):
        phase = {"phase": "experiment" if day else "collect", "experiment": "NEURAL"}
        part = events.take(events.day == day)
        write_events(folder / "log" / f"day-{day}.parquet", part, phase | {"control": "base"})
    return folder
