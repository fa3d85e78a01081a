"""Kernels compile wherever the package is installed, and never from a stale cache."""

from __future__ import annotations

import ast
import os
import re
import shutil
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
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


def cache_folder(probe: str = PROBE, **environment: str) -> Path:
    unset = ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "HOME")
    inherited = {key: value for key, value in os.environ.items() if key not in unset}
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", probe],
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return Path(run.stdout.strip())


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with kernels in its cache."""
    home = tmp_path_factory.mktemp("home")
    assert compiled_at(cache_folder(HOME=str(home)))
    return home


def test_the_cache_lies_in_the_users_cache_folder(tmp_path: Path, filled: Path) -> None:
    (folder,) = (filled / ".cache" / "abbotify" / "kernels").iterdir()
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
        assert folder.name.startswith(f"abbotify-{os.getuid()}-kernels-")
        assert folder.parent == tmp_path
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert any(folder.rglob("*.nbi"))


@pytest.mark.parametrize("taken", ["open to others", "a link", "a file"])
def test_a_temporary_folder_that_others_may_fill_is_not_used(
    tmp_path: Path, filled: Path, taken: str
) -> None:
    environment = {"HOME": "/proc/none", "TMPDIR": str(tmp_path)}
    (kept,) = (filled / ".cache" / "abbotify" / "kernels").iterdir()
    folder = tmp_path / f"abbotify-{os.getuid()}-kernels-{kept.name}"
    if taken == "open to others":
        folder.mkdir()
        folder.chmod(0o777)
    elif taken == "a link":
        (tmp_path / "elsewhere").mkdir(mode=0o700)
        folder.symlink_to(tmp_path / "elsewhere")
    else:
        folder.write_text("")
    used = cache_folder(**environment)
    assert used.name.startswith("abbotify-kernels-")
    assert used != folder


def compiled_at(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.rglob("*.nbc")}


def test_a_second_process_compiles_nothing(tmp_path: Path) -> None:
    for environment in ({"HOME": str(tmp_path)}, {"HOME": "/proc/none", "TMPDIR": str(tmp_path)}):
        before = compiled_at(cache_folder(**environment))
        assert before
        assert compiled_at(cache_folder(**environment)) == before


@pytest.mark.parametrize("kind", ["nbi", "nbc"])
@pytest.mark.parametrize("damage", [b"", b"damaged"])
def test_a_damaged_cache_is_written_anew(
    tmp_path: Path, filled: Path, kind: str, damage: bytes
) -> None:
    shutil.copytree(filled, tmp_path, dirs_exist_ok=True)
    (folder,) = (tmp_path / ".cache" / "abbotify" / "kernels").iterdir()
    for path in folder.rglob(f"*.{kind}"):
        path.write_bytes(damage)
    cache_folder(HOME=str(tmp_path))
    mended = compiled_at(folder)
    assert mended
    assert all(path.read_bytes() != damage for path in folder.rglob(f"*.{kind}"))
    cache_folder(HOME=str(tmp_path))
    assert compiled_at(folder) == mended


def test_processes_may_fill_the_cache_at_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(3) as pool:
        folders = list(pool.map(lambda _: cache_folder(HOME=str(tmp_path)), range(3)))
    assert len(set(folders)) == 1
    before = compiled_at(folders[0])
    assert compiled_at(cache_folder(HOME=str(tmp_path))) == before


def test_a_full_disk_is_no_error(tmp_path: Path) -> None:
    probe = (
        "import errno\nfrom numba.core import caching\n"
        "def full(*a, **k): raise OSError(errno.ENOSPC, 'no space')\n"
        "caching.IndexDataCacheFile.save = full\n" + PROBE
    )
    assert compiled_at(cache_folder(probe, HOME=str(tmp_path))) == {}


def test_folders_of_old_versions_go_when_unused(tmp_path: Path) -> None:
    kernels = tmp_path / ".cache" / "abbotify" / "kernels"
    now = time.time()
    for place, days in enumerate((1, 13, 20, 30, 40)):
        folder = kernels / f"{place:016x}"
        folder.mkdir(parents=True)
        os.utime(folder, (now - days * 86_400, now - days * 86_400))
    (kernels / "of another").mkdir()
    used = cache_folder(HOME=str(tmp_path))
    left = {path.name for path in kernels.iterdir()}
    # The three latest are this one and the first two.
    assert left == {used.name, "of another", f"{0:016x}", f"{1:016x}"}
    assert cache_folder(HOME=str(tmp_path)) == used


def test_a_named_cache_folder_is_kept(tmp_path: Path) -> None:
    assert (
        cache_folder(HOME=str(tmp_path), NUMBA_CACHE_DIR=str(tmp_path / "own")).parent
        == tmp_path / "own"
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
    for name in ("rng.py", "vectors.py", "simulation/listener/session.py"):
        with (copy / name).open("a") as file:
            file.write("\n# changed\n")
        changed = jit._source_digest()
        assert changed != before
        before = changed


def test_the_digest_covers_what_kernels_take_from_elsewhere() -> None:
    """Constants and functions of a file with kernels come from files that the digest reads."""
    sources = {path: path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")}
    covered = {
        path for path, source in sources.items() if any(m.decode() in source for m in jit._KERNELS)
    }
    kernels = [path for path in covered if "@inlined" in sources[path] or "@unm" in sources[path]]
    assert len(kernels) > 5
    for path in kernels:
        for node in ast.walk(ast.parse(sources[path])):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("abbotify."):
                for constant in (each.name for each in node.names if each.name.isupper()):
                    assert _defined_in(node.module or "", constant) in covered, (path, constant)


def _defined_in(module: str, constant: str) -> Path:
    """The file that gives a constant its value, whatever package hands it on."""
    file = PACKAGE.parent / Path(*module.split("."))
    if not file.is_dir():
        return file.with_suffix(".py")
    found = [
        path
        for path in file.glob("*.py")
        if re.search(rf"^(?:\w+, )*{constant}\b.*=", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert len(found) == 1, (module, constant)
    return found[0]


def test_vectorised_exp_is_off() -> None:
    # Intel's SVML differs from the scalar exp in the last bit.
    assert os.environ["NUMBA_DISABLE_INTEL_SVML"] == "1"
