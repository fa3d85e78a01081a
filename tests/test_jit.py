"""Kernels compile wherever the package is installed, and never from a stale cache."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from abbotify import jit

PACKAGE = Path(jit.__file__).parent
PROBE = """
import os
from abbotify import rng
rng.uniform(1, 0, 0, 0, 0, 0)
print(os.environ["NUMBA_CACHE_DIR"])
"""


def cache_folder(**environment: str) -> Path:
    unset = ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "HOME")
    inherited = {key: value for key, value in os.environ.items() if key not in unset}
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROBE],
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return Path(run.stdout.strip())


def test_the_cache_lies_in_the_users_cache_folder(tmp_path: Path) -> None:
    folder = cache_folder(HOME=str(tmp_path))
    assert folder.parent == tmp_path / ".cache" / "abbotify" / "kernels"
    assert any(folder.rglob("*.nbi"))
    assert cache_folder(HOME=str(tmp_path), XDG_CACHE_HOME=str(tmp_path / "x")).is_relative_to(
        tmp_path / "x"
    )


def test_an_unusable_home_is_no_error(tmp_path: Path) -> None:
    occupied = tmp_path / "file"
    occupied.write_text("")  # a file where a folder should be: not even root can write below it
    for environment in (
        {"HOME": str(occupied / "home")},
        {"HOME": "/proc/none", "XDG_CACHE_HOME": "/proc/none"},
        {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(occupied)},
    ):
        folder = cache_folder(TMPDIR=str(tmp_path), **environment)
        assert folder.name.startswith("abbotify-kernels-")
        assert folder.parent == tmp_path


def test_a_named_cache_folder_is_kept(tmp_path: Path) -> None:
    assert (
        cache_folder(HOME=str(tmp_path), NUMBA_CACHE_DIR=str(tmp_path / "own")) == tmp_path / "own"
    )


def test_the_digest_follows_the_kernels_sources(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "abbotify"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(jit, "__file__", str(copy / "jit.py"))
    before = jit._source_digest()
    assert before == jit._source_digest()
    (copy / "errors.py").write_text("# holds no kernel\n")
    assert jit._source_digest() == before
    for name in ("rng.py", "vectors.py", "listener/session.py"):
        with (copy / name).open("a") as file:
            file.write("\n# changed\n")
        changed = jit._source_digest()
        assert changed != before
        before = changed


def test_vectorised_exp_is_off() -> None:
    # Intel's SVML differs from the scalar exp in the last bit.
    assert os.environ["NUMBA_DISABLE_INTEL_SVML"] == "1"
