"""A process that a test leaves fails that test, and no other one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.processes import left_behind, started, wait_until

TESTS = """
import gc, subprocess, sys

def hide(process):
    cycle = [process]  # alive until the next collection
    cycle.append(cycle)

def test_leaves_one_that_runs():
    hide(subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE))

def test_leaves_one_that_is_dead_but_not_waited_for():
    process = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    process.stdout.read()
    hide(process)

def test_leaves_one_and_fails():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert process is None

def test_has_done_nothing():
    gc.collect()

def test_waits_for_its_own():
    subprocess.run([sys.executable, "-c", ""], check=True)
    gc.collect()
"""
SHOWN = """
import signal
print([signal.getsignal(number).name for number in (signal.SIGTERM, signal.SIGHUP)])
print(signal.getsignal(signal.SIGINT) == signal.default_int_handler)
print(signal.pthread_sigmask(signal.SIG_BLOCK, ()))
"""


def test_the_test_that_leaves_a_process_fails(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    (tmp_path / "conftest.py").write_text("from tests.conftest import pytest_runtest_teardown\n")
    (tmp_path / "test_them.py").write_text(TESTS)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider", str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    summary = [line.split(" - ")[0] for line in done.stdout.splitlines() if "::" in line]
    assert sorted(summary) == [
        "ERROR test_them.py::test_leaves_one_and_fails",
        "ERROR test_them.py::test_leaves_one_that_is_dead_but_not_waited_for",
        "ERROR test_them.py::test_leaves_one_that_runs",
        "FAILED test_them.py::test_leaves_one_and_fails",
        "PASSED test_them.py::test_has_done_nothing",
        "PASSED test_them.py::test_leaves_one_that_is_dead_but_not_waited_for",
        "PASSED test_them.py::test_leaves_one_that_runs",
        "PASSED test_them.py::test_waits_for_its_own",
    ], done.stdout


@pytest.mark.parametrize("inherited", [signal.SIG_IGN, signal.SIG_DFL])
def test_what_is_started_minds_the_signals_of_a_terminal(inherited: signal.Handlers) -> None:
    before = signal.signal(signal.SIGTERM, inherited)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        with started(["-c", SHOWN]) as usual:
            assert usual.communicate() == ("['SIG_DFL', 'SIG_DFL']\nTrue\nset()\n", "")
        with started(["-c", SHOWN], ignored=[signal.SIGINT, signal.SIGHUP]) as other:
            assert other.communicate() == ("['SIG_DFL', 'SIG_IGN']\nFalse\nset()\n", "")
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGTERM, before)


def test_what_is_started_ends_with_its_block() -> None:
    with pytest.raises(ValueError, match="of the block"), started(["-c", "input()"]) as process:
        raise ValueError("of the block")
    assert process.returncode == -signal.SIGKILL
    assert left_behind() == []


def test_waiting_ends_when_it_comes() -> None:
    states = iter([False, False, True])
    wait_until(lambda: next(states))
    assert list(states) == []
