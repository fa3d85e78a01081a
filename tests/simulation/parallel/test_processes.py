"""Tasks spread over processes: the same results in the same order."""

from __future__ import annotations

import os
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path

import pytest

from abbotify.simulation.parallel.processes import each

ROOT = Path(__file__).parents[3]
SPREAD = """
import os, pathlib, sys
from abbotify.simulation.parallel.processes import each
from tests.processes import wait_until

def doubled(payload):
    made = os.getpid()
    seventh = pathlib.Path(sys.argv[0]).with_name("seventh")
    def work(task):
        if task == 0:
            wait_until(seventh.exists)  # which remains for what follows
        if task == 7:
            seventh.touch()
        if task == payload["bad"]:
            raise ValueError(f"task {task}")
        return task * payload["factor"], made == os.getpid(), made
    return work

if __name__ == "__main__":
    fine = list(each(doubled, {"factor": 2, "bad": -1}, range(9), 2))
    assert fine == sorted(fine), fine
    assert all(same for _, same, _ in fine), fine
    assert os.getpid() not in {process for _, _, process in fine}
    assert len({process for _, _, process in fine}) <= 2
    print([value for value, _, _ in fine])
    alone = list(each(doubled, {"factor": 2, "bad": -1}, range(9), 1))
    assert {process for _, _, process in alone} == {os.getpid()}
    print([value for value, _, _ in alone])
    seen = []
    try:
        for value, _, _ in each(doubled, {"factor": 2, "bad": 4}, range(9), 2):
            seen.append(value)
    except ValueError as error:
        print(seen, error)
"""


def tripled(payload: list[int]) -> Callable[[int], int]:
    payload.append(0)  # counts how often it is prepared
    return lambda task: 3 * task


def picky(payload: int) -> Callable[[int], int]:
    def work(task: int) -> int:
        if task == payload:
            raise ValueError(f"task {task}")
        return task

    return work


def test_one_worker_prepares_once_and_keeps_the_order() -> None:
    payload: list[int] = []
    assert list(each(tripled, payload, [5, 1, 3])) == [15, 3, 9]
    assert payload == [0]


@pytest.mark.parametrize("workers", [0, 1, 2, 100])
def test_a_single_task_or_none_needs_no_process(workers: int) -> None:
    payload: list[int] = []
    assert list(each(tripled, payload, [7], workers)) == [21]
    assert list(each(tripled, payload, [], workers)) == []
    assert len(payload) == 2  # prepared here


def test_results_come_one_by_one() -> None:
    results = each(picky, 2, [0, 1, 2, 3])
    assert isinstance(results, types.GeneratorType)
    assert next(results) == 0
    assert next(results) == 1
    with pytest.raises(ValueError, match="task 2"):
        next(results)


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
