"""How long a user waits: for the help, and for a second run of the quickstart.

Each is a process of its own, so imports and the loading of compiled kernels are counted.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import pytest

pytestmark = pytest.mark.bench

ROOT: Final = Path(__file__).parent.parent
HELP, SECOND_RUN = 0.3, 3.0  # seconds
REPEATS: Final = 3


def seconds(*arguments: object, cache: Path) -> float:
    # Named by whatever test has imported the kernels before: the first run would find them there.
    kept = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    begun = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "abbotify", *map(str, arguments)],
        cwd=ROOT,
        env={**kept, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(cache)},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return time.perf_counter() - begun


def sessions(run: Path) -> int:
    """Sessions that the report counts."""
    result = json.loads((run / "report.json").read_text(encoding="utf-8"))
    return int(sum(arm["sessions"] for arm in result["arms"]))


def told(capsys: pytest.CaptureFixture[str], line: str) -> None:
    with capsys.disabled():
        sys.stdout.write(f"\n{line}\n")


def test_help_comes_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    least = min(seconds("--help", cache=tmp_path) for _ in range(REPEATS))
    told(capsys, f"abbotify --help: {least:.2f} s")
    assert least < HELP


@pytest.mark.timeout(0)
def test_a_second_run_takes_seconds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, cache = tmp_path / "out", tmp_path / "cache"
    command = ("run", "scenarios/quickstart.yaml", "--out", out, "--quiet")
    first = seconds(*command, cache=cache)
    later = [seconds(*command, cache=cache) for _ in range(REPEATS)]
    count = sessions(out)
    told(capsys, f"quickstart, {count:,} sessions: first {first:.1f} s, later {min(later):.2f} s")
    # 3,000 a day are expected on each of 7 days; five standard deviations of a Poisson sum.
    assert abs(count - 21_000) < 5 * 21_000**0.5
    assert min(later) < SECOND_RUN
