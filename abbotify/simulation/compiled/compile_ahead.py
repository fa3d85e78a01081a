"""The loop of the compiled engine, compiled in a process of its own while the world is made.

On a machine's first run the loop's kernel takes more than half of all compiling: the one for users
who do not meet, or the one for users who do. Its types do not depend on the scenario, so a run on a
world of two tracks compiles it, and leaves the code where every process of this machine finds it.
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
from abbotify.recommenders.shipped import OnlineLearner
from abbotify.scenario import Scenario
from abbotify.scenario.load import from_source
from abbotify.simulation.compiled import shared_queue
from abbotify.simulation.compiled.engine import Compiled
from abbotify.simulation.compiled.users import play
from abbotify.simulation.engine import DayPlan, Setup, State, Unit
from abbotify.world.base import Lists, Users, World, unnamed_tracks

_TRACKS: Final = 2
_USERS: Final = 2
_TOGETHER: Final = "together"
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
def compiled_ahead(together: bool = False) -> Iterator[None]:
    """Compiles the loop beside the block, if no run has done so; over when the block is.

    A second processor is needed. A process that fails costs nothing but its time: what is missing
    is compiled when it is called.

    Args:
        together: the loop of users who meet.
    """
    if is_compiled(shared_queue.play if together else play) or (os.cpu_count() or 1) < 2:
        yield
        return
    command = [sys.executable, "-m", __name__, *([_TOGETHER] if together else [])]
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield
        process.wait()
    finally:  # nothing is left of it, whatever ends the block
        process.kill()
        process.wait()


def meets(scenario: Scenario) -> bool:
    """Whether users are sure to meet, from the description alone; of plug-ins that says nothing."""
    arms = scenario.arms.values()
    queues = scenario.service is not None or any(arm.service is not None for arm in arms)
    return queues or any(isinstance(arm, OnlineLearner) for arm in arms)


def compile_loop(together: bool = False) -> None:
    """Compiles the loop, see `compiled_ahead`, and keeps its code."""
    scenario, world = from_source(Source("compiled ahead", _SCENARIO, {}), Path()), _world()
    codes = np.zeros(_USERS, np.int16)
    unit = Unit(0, 0, _USERS, (DayPlan(0, codes, {ARM: codes}),), {ARM: ("a", "b")}, 1)
    engine = Compiled(Setup(scenario, world, build_arms(scenario, world)))
    state = State.initial(_USERS, engine.looks_back)
    if together:
        engine.run_together(unit, state)
    else:
        engine.compile(unit, state)


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
    compile_loop(_TOGETHER in sys.argv)
