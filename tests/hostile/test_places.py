"""What is wrong with a file is told with the key that names it, in the file or by `--set`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.conftest import Command
from tests.hostile.files import base, changed, everything, write_files, write_scenario

FILES = (
    "world.catalogue.tracks",
    "world.catalogue.embeddings",
    "world.users.file",
    "arms.indexed.file",
    "arms.context.file",
    "arms.i2i.file",
    "arms.top.file",
)
PLUGINS = (
    "data/gone.py:Own",
    "data:Own",
    "data/own.py:Gone",
    "gone.module:Own",
    "data/params.py:Own",
)
BAD_PARAMS = "class Own:\n    class Params: pass\n    def recommend(self, request): return 0\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("places")
    write_files(folder)
    (folder / "data" / "params.py").write_text(BAD_PARAMS)
    os.mkfifo(folder / "data" / "pipe")
    return folder


def assert_placed(abbotify: Command, folder: Path, key: str, value: str, by_set: bool) -> None:
    write_scenario(folder, base() if by_set else changed(base(), key, value))
    before = everything(folder)
    options = ("--set", f"{key}={value}") if by_set else ()
    finished = abbotify("run", folder / "s.yaml", "--out", folder / "out", *options)
    assert (finished.code, finished.out) == (2, ""), finished
    assert finished.err.count("\n") == 1
    place = f"{folder / 's.yaml'}{' (--set)' if by_set else ''}:"
    assert finished.err.startswith(f"abbotify: {place}"), finished.err
    numbered = finished.err.removeprefix(f"abbotify: {place}").split(":")[0]
    assert by_set or int(numbered) > 0, finished.err
    assert f" {key}: " in finished.err
    assert everything(folder) == before


@pytest.mark.parametrize("by_set", [False, True], ids=["in the file", "by --set"])
@pytest.mark.parametrize("value", ["${HOME}", "data", "data/pipe", "data/gone", "${GONE_AWAY}"])
@pytest.mark.parametrize("key", FILES)
def test_what_is_no_file_is_told_with_its_key(
    abbotify: Command, folder: Path, key: str, value: str, by_set: bool
) -> None:
    assert_placed(abbotify, folder, key, value, by_set)


@pytest.mark.parametrize("by_set", [False, True], ids=["in the file", "by --set"])
@pytest.mark.parametrize("value", PLUGINS)
def test_a_plugin_that_is_not_there_is_told_with_its_key(
    abbotify: Command, folder: Path, value: str, by_set: bool
) -> None:
    assert_placed(abbotify, folder, "arms.own.recommender", value, by_set)
