"""How fast users who meet are played: beside the reference engine, and the engine before both.

That one, event-driven past SimPy's `Process`, is taken out of the repository's history and run by a
process of its own. All play the same days of the same users, and nothing else.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
import yaml

from abbotify.recommenders.build import build_arms
from abbotify.scenario import load
from abbotify.simulation import timeline
from abbotify.simulation.compiled.engine import Compiled
from abbotify.simulation.engine import Setup
from abbotify.simulation.event_driven.engine import EventDriven
from abbotify.simulation.timeline import Schedule, Shard
from abbotify.world import load_world
from benchmarks.runs import ratio, told

pytestmark = [pytest.mark.bench, pytest.mark.timeout(0)]

ROOT: Final = Path(__file__).parents[1]
FORMER: Final = "f34191b"
DAYS: Final = 18  # of `queue.yaml`: a million recommended tracks
FEW_DAYS: Final = 2  # for the engines that take longer
PAIRS: Final = 5
BANDIT: Final = {"recommender": "bandit", "latency_ms": 20}
# The former engine's loop over a scenario, in its own words: a line of seconds for each line read.
PROGRAM: Final = """
import sys, time
from pathlib import Path
from abbotify import timeline
from abbotify.engine import Setup
from abbotify.engine.event_driven import EventDriven
from abbotify.recommenders import build_arms
from abbotify.scenario import load
from abbotify.world import load_world

scenario = load(Path(sys.argv[1]))
world = load_world(scenario)
for line in sys.stdin:
    engine, ids = EventDriven(Setup(scenario, world, build_arms(scenario, world))), world.users.ids
    begun = time.process_time()
    ((_, result),) = timeline.play(engine, scenario, ids, 0, range(len(ids)), True)
    print(time.process_time() - begun, int(result.sessions.recommended.sum()), flush=True)
"""

Run = Callable[[], tuple[float, int]]  # CPU seconds, recommended tracks


def scenario_file(folder: Path, days: int, **arms: Any) -> Path:
    """`queue.yaml` for some days; with other arms in place of the slow one, if there are any."""
    data = yaml.safe_load((ROOT / "scenarios/queue.yaml").read_text(encoding="utf-8"))
    data["timeline"] = [{"phase": "experiment", "days": days}]
    if arms:
        data["arms"] = {"quick": data["arms"]["quick"], **arms}
    file = folder / f"{days}-{len(arms)}.yaml"
    file.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
    return file


def run_of(kind: type[Any], file: Path) -> Run:
    """A scenario played by an engine of today."""
    scenario = load(file)
    world = load_world(scenario)
    schedule, ids = Schedule(scenario), world.users.ids

    def run() -> tuple[float, int]:
        engine = kind(Setup(scenario, world, build_arms(scenario, world)))
        begun = time.process_time()
        ((_, result),) = timeline.play(engine, schedule, ids, Shard(0, range(len(ids))), True)
        return time.process_time() - begun, int(result.sessions.recommended.sum())

    return run


@contextmanager
def former_run(folder: Path, file: Path) -> Iterator[Run]:
    """A scenario played by the former engine."""
    archive = subprocess.run(
        ["git", "-C", str(ROOT), "archive", FORMER, "abbotify"], capture_output=True, check=False
    )
    if archive.returncode:
        pytest.skip(f"the history of this copy does not reach back to {FORMER}")
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(folder / "former", filter="data")
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(file)],
        cwd=folder / "former",  # where Python looks for modules first
        env={**os.environ, "PYTHONPATH": str(folder / "former")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:

        def run() -> tuple[float, int]:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write("\n")
            process.stdin.flush()
            seconds, tracks = process.stdout.readline().split()
            return float(seconds), int(tracks)

        yield run


def microseconds(run: Run, least: int) -> float:
    """CPU time of a track."""
    seconds, tracks = run()
    assert tracks > least
    return 1e6 * seconds / tracks


def test_a_million_tracks_of_a_queue(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    many, few = scenario_file(tmp_path, DAYS), scenario_file(tmp_path, FEW_DAYS)
    with former_run(tmp_path, many) as former_engine:
        runs = [
            (run_of(Compiled, many), 1_000_000),
            (former_engine, 1_000_000),
            (run_of(EventDriven, few), 100_000),
        ]
        for run, _ in runs[:2]:
            run()  # compiled here
        assert run_of(Compiled, few)()[1] == runs[2][0]()[1]
        times = [[microseconds(run, least) for run, least in runs] for _ in range(PAIRS)]
    ours, former, reference = (list(column) for column in zip(*times, strict=True))
    told(
        capsys,
        f"queue.yaml, {DAYS} days: compiled {np.median(ours):.2f} us a track; the engine of "
        f"{FORMER} {np.median(former):.1f} us, {ratio(former, ours):.0f} times; the reference "
        f"{np.median(reference):.1f} us, {ratio(reference, ours):.0f} times",
    )
    assert ratio(former, ours) >= 10


@pytest.mark.parametrize("policy", ["thompson", "linucb"])
def test_a_bandit(policy: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = scenario_file(tmp_path, FEW_DAYS, slow={**BANDIT, "policy": policy})
    with former_run(tmp_path, file) as former_engine:
        runs = [run_of(Compiled, file), former_engine]
        for run in runs:
            run()  # compiled here
        times = [[microseconds(run, 100_000) for run in runs] for _ in range(PAIRS)]
    ours, former = (list(column) for column in zip(*times, strict=True))
    told(
        capsys,
        f"bandit, {policy}: compiled {np.median(ours):.1f} us a track of both arms; the engine of "
        f"{FORMER} {np.median(former):.1f} us, {ratio(former, ours):.1f} times",
    )
    assert ratio(former, ours) >= 2
