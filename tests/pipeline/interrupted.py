"""Runs that are killed when they have touched files so often, and that others go on with.

A program of its own, which loads the package once and plays each further run in a fork.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
_WRITING: Final = os.O_WRONLY | os.O_RDWR
_TOUCHING: Final = frozenset({"os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree"})


@dataclass(frozen=True)
class Attempt:
    """A run to be.

    Attributes:
        out: the run folder.
        at: where it is killed, as a part of the touches of files of the first attempt; 0 nowhere.
        resume: as of `pipeline.run`.
    """

    out: Path
    at: float = 0.0
    resume: bool = True


def play(scenario: Path, attempts: Sequence[Attempt]) -> None:
    """Plays runs of a scenario, one after the other.

    Args:
        scenario: its file.
        attempts: the first one is not killed.
    """
    work = json.dumps([str(scenario), [[str(a.out), a.at, a.resume] for a in attempts]])
    done = subprocess.run(
        [sys.executable, __file__, work],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def _main(scenario: str, attempts: list[tuple[str, float, bool]]) -> None:
    from abbotify import pipeline
    from abbotify.scenario import load

    described = load(Path(scenario))
    (first, _, _), *further = attempts
    sys.addaudithook(_count)
    pipeline.run(described, Path(first))  # here: those who are forked have loaded all they need
    touches = _touches[0]
    for out, at, resume in further:
        child = os.fork()
        if child == 0:
            _touches[:] = [0, max(1, int(at * touches)) if at else 0]
            pipeline.run(described, Path(out), resume=resume)
            os._exit(0)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert code in (0, -signal.SIGKILL), code
        assert at or code == 0, "not killed, and yet not at its end"


_touches = [0, 0]  # of files so far; how many kill the process


def _count(event: str, args: tuple[Any, ...]) -> None:
    writes = event == "open" and isinstance(args[2], int) and args[2] & _WRITING
    if event in _TOUCHING or writes:
        _touches[0] += 1
        if _touches[0] == _touches[1]:
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    _main(*json.loads(sys.argv[1]))
