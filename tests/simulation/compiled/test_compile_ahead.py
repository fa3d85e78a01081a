"""The loop is compiled for the types of every run, beside the making of the world."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from abbotify import pipeline
from abbotify.files.yaml import Source
from abbotify.jit import INTERPRETED
from abbotify.scenario.load import from_source
from abbotify.simulation.compiled import compile_ahead, shared_queue
from abbotify.simulation.compiled.compile_ahead import compile_loop, compiled_ahead, meets
from abbotify.simulation.compiled.users import play
from tests.conftest import small_scenario


@pytest.mark.skipif(INTERPRETED, reason="nothing is compiled")
@pytest.mark.parametrize("together", [False, True])
def test_a_run_finds_the_loop_compiled_for_its_types(tmp_path: Path, together: bool) -> None:
    loop: Any = shared_queue.play if together else play
    compile_loop(together)
    signatures = list(loop.signatures)
    data = small_scenario() | ({"service": {"replicas": 2}} if together else {})
    scenario = from_source(Source("small.yaml", data, {}), tmp_path)
    assert meets(scenario) is together
    pipeline.run(scenario, tmp_path / "out")
    assert loop.signatures == signatures


class Stopped(Exception):
    pass


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """The processes started instead of one that compiles; each would go on for a minute."""
    begun: list[subprocess.Popen[bytes]] = []
    popen = subprocess.Popen

    def start(command: list[str], **keys: Any) -> subprocess.Popen[bytes]:
        assert command[1:] == ["-m", compile_ahead.__name__]
        begun.append(popen([sys.executable, "-c", "import time; time.sleep(60)"], **keys))
        return begun[-1]

    monkeypatch.setattr("subprocess.Popen", start)
    monkeypatch.setattr(compile_ahead, "is_compiled", lambda kernel: False)
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    return begun


def test_nothing_is_left_of_a_process_when_the_run_is_refused(
    processes: list[subprocess.Popen[bytes]],
) -> None:
    with pytest.raises(Stopped), compiled_ahead():
        raise Stopped
    assert [process.returncode for process in processes] == [-9]


@pytest.mark.parametrize("change", ["compiled", "one processor"])
def test_no_process_where_it_would_not_help(
    change: str, processes: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    if change == "compiled":
        monkeypatch.setattr(compile_ahead, "is_compiled", lambda kernel: True)
    else:
        monkeypatch.setattr("os.cpu_count", lambda: 1)
    with compiled_ahead():
        pass
    assert processes == []
