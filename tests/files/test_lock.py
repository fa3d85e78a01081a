"""Folders of processes that live and of those that have died."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from abbotify.files import lock


def folder_of(above: Path, process: int) -> Path:
    folder = above / f".run~{platform.node()}-{process}-0123abcd.tmp"
    folder.mkdir()
    return folder


def test_a_lock_lasts_as_long_as_it_is_held(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, os.getpid())
    descriptor = lock.hold(folder)
    assert not lock.is_left(folder)
    os.close(descriptor)
    assert lock.is_left(folder)
    seized = lock.seize(folder)
    assert seized is not None
    assert lock.seize(folder) is None
    os.close(seized)


def test_a_lock_ends_with_its_process(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, os.getpid())  # whose number another process has since
    code = "import os, sys, pathlib; from abbotify.files import lock\n"
    code += "lock.hold(pathlib.Path(sys.argv[1])); os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", code, str(folder)], check=False)
    assert lock.is_left(folder)


@pytest.mark.parametrize("locks", [True, False])
def test_without_a_lock_the_number_tells(
    locks: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not locks:
        monkeypatch.setitem(sys.modules, "fcntl", None)
    dead = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True
    )
    assert lock.is_left(folder_of(tmp_path, int(dead.stdout)))
    alive = folder_of(tmp_path, os.getpid())
    assert not lock.is_left(alive)
    os.close(lock.hold(alive))
    assert lock.is_left(alive) == locks
    other = tmp_path / ".run~elsewhere-1-0123abcd.tmp"
    other.mkdir()
    assert not lock.is_left(other)
