"""Tasks spread over processes: the same results in the same order."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from abbotify.simulation.parallel.processes import Processes

ROOT = Path(__file__).parents[3]
SPREAD = """
import os, pathlib, sys
from abbotify.simulation.parallel.executor import open_executor
from tests.processes import wait_until

def doubled(shared, task):
    seventh = pathlib.Path(sys.argv[0]).with_name("seventh")
    if task == 0:
        wait_until(seventh.exists)  # which remains for what follows
    if task == 7:
        seventh.touch()
    if task == shared["bad"]:
        raise ValueError(f"task {task}")
    shared["calls"] = shared.get("calls", 0) + 1
    return task * shared["factor"], shared["calls"], os.getpid()

def each(bad, workers):
    with open_executor({"factor": 2, "bad": bad}, workers, 9) as executor:
        yield from executor.each(doubled, range(9))

if __name__ == "__main__":
    fine = list(each(-1, 2))
    assert fine == sorted(fine), fine
    assert os.getpid() not in {process for *_, process in fine}
    processes = {process for *_, process in fine}
    assert len(processes) <= 2
    assert sum(calls == 1 for _, calls, _ in fine) == len(processes)  # each has one copy
    print([value for value, *_ in fine])
    alone = list(each(-1, 1))
    assert {process for *_, process in alone} == {os.getpid()}
    print([value for value, *_ in alone])
    seen = []
    try:
        for value, *_ in each(4, 2):
            seen.append(value)
    except ValueError as error:
        print(seen, error)
"""


def test_two_processes_give_what_one_gives(tmp_path: Path) -> None:
    program = tmp_path / "spread.py"
    program.write_text(SPREAD, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(program)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    expected = [2 * task for task in range(9)]
    assert done.stdout.splitlines() == [str(expected), str(expected), "[0, 2, 4, 6] task 4"]


def test_processes_stay_from_one_batch_to_the_next() -> None:
    with Processes(0, 2) as executor:
        batches = [set(executor.each(process_of, range(4))) for _ in range(2)]
    assert len(batches[0] | batches[1]) <= 2
    assert os.getpid() not in batches[0]


def process_of(shared: int, unit: int) -> int:
    time.sleep(0.02)
    return os.getpid()
