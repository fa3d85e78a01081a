"""The loop of the compiled engine, compiled in a process of its own while the world is made.

On a machine's first run the loop's kernel takes more than half of all compiling. Its types do not
depend on the scenario, so a run of nobody on a world of two tracks compiles it, and leaves the
code where every process of this machine finds it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numpy as np

from abbotify.eventlog.schema import ARM
from abbotify.files.yaml import Source
from abbotify.jit import is_compiled
from abbotify.recommenders.build import build_arms
from abbotify.scenario.load import from_source
from abbotify.simulation.compiled.engine import Compiled
from abbotify.simulation.compiled.users import play
from abbotify.simulation.engine import DayPlan, Setup, State, Unit
from abbotify.world.base import Lists, Users, World, unnamed_tracks

_TRACKS: Final = 2
_USERS: Final = 2
_SCENARIO: Final = {
    "world": {
        "catalogue": {"source": "synthetic", "tracks": _TRACKS, "artists": 1, "genres": 1},
        "users": {"source": "synthetic", "count": _USERS},
    },
    "arrivals": {"sessions": 1},
    "timeline": [{"phase": "experiment", "days": 1}],
    "arms": {"a": {"recommender": "random"}, "b": {"recommender": "random"}},
    "experiment": {"name": "COMPILE", "control": "a"},
}


@contextmanager
def compiled_ahead() -> Iterator[None]:
    """Compiles the loop beside the block, if no run has done so; over when the block is.

    A second processor is needed. A process that fails costs nothing but its time: what is missing
    is compiled when it is called.
    """
    if is_compiled(play) or (os.cpu_count() or 1) < 2:
        yield
        return
    command = [sys.executable, "-m", __name__]
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield
        process.wait()
    finally:  # nothing is left of it, whatever ends the block
        process.kill()
        process.wait()


def compile_loop() -> None:
    """Compiles the loop and keeps its code."""
    scenario, world = from_source(Source("compiled ahead", _SCENARIO, {}), Path()), _world()
    codes = np.zeros(_USERS, np.int16)
    unit = Unit(0, 0, _USERS, (DayPlan(0, codes, {ARM: codes}),), {ARM: ("a", "b")}, 1)
    engine = Compiled(Setup(scenario, world, build_arms(scenario, world)))
    engine.compile(unit, State.initial(_USERS, engine.looks_back))


def _world() -> World:
    ones, first = np.ones(_USERS), np.zeros(_USERS, np.int32)
    users = Users(
        ids=np.arange(_USERS),
        interests=Lists(np.arange(_USERS + 1), first),
        bias=ones,
        sharpness=ones,
        budget=np.ones(_USERS, np.int64),
        neighbours=np.ones(_USERS, np.int64),
        gamma=ones,
    )
    return World(unnamed_tracks(_TRACKS), users, np.zeros((_TRACKS, 1), np.int32))


if __name__ == "__main__":
    compile_loop()
