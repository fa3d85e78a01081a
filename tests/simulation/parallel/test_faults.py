"""Processes that die, raise, are interrupted: nothing is lost, nothing left behind."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from abbotify.errors import DataError, UserError
from abbotify.simulation.parallel.processes import Processes
from tests.conftest import ROOT
from tests.processes import started, wait_until

TASKS = '''
import os, pathlib, signal, sys, time

from abbotify.errors import DataError
from tests.processes import wait_until

BEFORE = sorted(sys.modules)

class Odd(Exception):
    def __init__(self, one, two):
        super().__init__(one)

def killed(shared, task):
    """Kills itself at task 3 as often as is said; marks each start."""
    folder, times = shared
    starts = len(list(folder.glob(f"{task}-*")))
    (folder / f"{task}-{starts}").touch()
    if task == 3 and starts < times:
        os.kill(os.getpid(), signal.SIGKILL)
    return task * task

def held(shared, task):
    """Marks each start; task 0 is done when so many have been begun."""
    folder, begun = shared
    (folder / f"{task}-0").touch()
    if task == 0:
        wait_until(lambda: len(list(folder.iterdir())) >= begun)
    return task

def raising(shared, task):
    if task == 1:
        raise shared
    return task

def odd(shared, task):
    raise Odd(1, 2)

def lambdas(shared, task):
    return lambda: task

def surroundings(shared, task):
    import pyarrow
    from threadpoolctl import threadpool_info
    import numpy
    threads = [pyarrow.cpu_count(), *(pool["num_threads"] for pool in threadpool_info())]
    return BEFORE, threads

def endless(shared, task):
    (shared / f"{os.getpid()}").touch()
    time.sleep(1000)
'''
INTERRUPTED = """
import pathlib, sys
sys.path.insert(0, sys.argv[1])
import spread_tasks
from abbotify.simulation.parallel.processes import Processes
if __name__ == "__main__":
    with Processes(pathlib.Path(sys.argv[1]), 2) as executor:
        list(executor.each(spread_tasks.endless, range(4)))
"""


@pytest.fixture
def tasks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A module that spawned processes can import."""
    (tmp_path / "spread_tasks.py").write_text(TASKS, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield importlib.import_module("spread_tasks")
    sys.modules.pop("spread_tasks")


def run(function: Any, shared: Any, units: Sequence[int]) -> list[Any]:
    with Processes(shared, 2) as executor:
        return list(executor.each(function, units))


@pytest.fixture
def marks(tmp_path: Path) -> Path:
    folder = tmp_path / "marks"
    folder.mkdir()
    return folder


def count(marks: Path) -> dict[int, int]:
    starts = [int(path.name.split("-")[0]) for path in marks.iterdir()]
    return {task: starts.count(task) for task in starts}


@pytest.mark.parametrize("times", [1, 2])
def test_the_task_of_a_killed_process_begins_again(tasks: Any, marks: Path, times: int) -> None:
    results = run(tasks.killed, (marks, times), range(8))
    assert results == [task * task for task in range(8)]
    assert count(marks)[3] == times + 1
    assert max(count(marks).values()) == times + 1  # those that ran beside it, and no other


def test_tasks_beside_one_that_kills_its_process_are_no_suspects(tasks: Any, marks: Path) -> None:
    """Task 2 is lost with task 3 as often as that kills, and is given up for none of it."""
    results = run(tasks.killed, (marks, 2), range(5))
    assert results == [0, 1, 4, 9, 16]


def test_a_task_that_kills_three_processes_is_given_up(tasks: Any, marks: Path) -> None:
    with pytest.raises(UserError, match=r"^task 4 of 8 .* 3 processes .* SIGKILL.*fewer workers$"):
        run(tasks.killed, (marks, 3), range(8))
    assert count(marks)[3] == 3


def test_work_stays_close_to_the_consumer(tasks: Any, marks: Path) -> None:
    with Processes((marks, 8), 2) as executor:
        results = executor.each(tasks.held, range(100))
        assert next(results) == 0
        assert count(marks) == dict.fromkeys(range(8), 1)
        assert [*results] == [*range(1, 100)]


def test_an_error_keeps_its_type_and_what_it_tells(tasks: Any) -> None:
    error = DataError("bad", file="a.csv", line=3, key="k")
    with Processes(error, 2) as executor:
        results = executor.each(tasks.raising, range(5))
        assert next(results) == 0
        with pytest.raises(DataError) as caught:
            next(results)
    assert str(caught.value) == "a.csv:3: k: bad"
    assert "spread_tasks.py" in caught.value.__notes__[0]


def test_what_cannot_be_pickled_is_told(tasks: Any) -> None:
    with pytest.raises(RuntimeError, match="Odd: 1"):
        run(tasks.odd, None, range(2))
    with pytest.raises(Exception, match=r"(?i)pickle"):
        run(tasks.lambdas, None, range(2))


def test_a_worker_has_one_thread_and_imports_little(
    tasks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)  # that of the tests themselves
    before = dict(os.environ)
    modules, threads = run(tasks.surroundings, None, range(2))[0]
    assert set(threads) == {1}
    heavy = {"numpy", "numba", "pyarrow", "typer", "matplotlib", "jinja2", "abbotify.cli.commands"}
    assert not heavy & set(modules)
    assert dict(os.environ) == before


@pytest.mark.parametrize("blocked", [set(), {signal.SIGINT}], ids=["no", "yes"])
def test_whoever_has_blocked_interrupts_finds_them_blocked(
    tasks: Any, blocked: set[signal.Signals]
) -> None:
    before = signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    try:
        assert run(tasks.raising, None, [0, 2]) == [0, 2]
        assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == blocked
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def gone(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    state = Path(f"/proc/{process}/stat")
    return state.exists() and state.read_text().rsplit(")", 1)[1].split()[0] == "Z"


ENDS = {
    "interrupted": ([signal.SIGINT], []),
    "killed": ([signal.SIGKILL], []),
    "killed where else nothing ends it": (
        [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL],
        [signal.SIGINT, signal.SIGTERM, signal.SIGHUP],
    ),
}


@pytest.mark.parametrize(("sent", "ignored"), ENDS.values(), ids=ENDS)
def test_nothing_is_left_when_the_run_is_ended(
    tasks: Any, tmp_path: Path, sent: list[signal.Signals], ignored: list[signal.Signals]
) -> None:
    (tmp_path / "program.py").write_text(INTERRUPTED, encoding="utf-8")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    where = {"PYTHONPATH": str(ROOT), "TMPDIR": str(temporary)}
    with started([tmp_path / "program.py", tmp_path], ignored, **where) as program:
        wait_until(lambda: len(workers(tmp_path)) == 2)
        assert any(temporary.iterdir())
        for number in sent:
            if number == signal.SIGKILL:
                program.kill()
            else:
                os.killpg(program.pid, number)  # as a terminal does
        stderr = program.communicate()[1]
    assert program.returncode == -sent[-1]
    assert stderr.count("Traceback") == (sent == [signal.SIGINT])  # of the parent alone
    wait_until(lambda: all(gone(process) for process in workers(tmp_path)))
    wait_until(lambda: not any(temporary.glob("abbotify-*")))


def workers(folder: Path) -> list[int]:
    return [int(path.name) for path in folder.iterdir() if path.name.isdigit()]
