"""A file that holds something else, or that cannot be read, is told in one line."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import Command
from tests.hostile.conftest import assert_refused
from tests.hostile.files import HUGE, TRACKS

JSON_LINES = ("tracks.jsonl", "users.jsonl", "lists.jsonl", "similar.jsonl")
JUNK: dict[str, bytes] = {
    "empty": b"",
    "blank lines": b"\n\n  \n",
    "zeros": bytes(64),
    "noise": bytes(range(256)),
    "latin 1": '{"é": 1}'.encode("latin-1"),
    "a broken line": b'{"track": 0, "user": 0',
    "a list": b"[1, [2]]\n",
    "a number": b"7\n",
    "a text": b'"x"\n',
    "null": b"null\n",
    "an object without keys": b"{}\n",
    "NaN": b'{"track": NaN, "user": NaN}\n',
    "deep": b"[" * 100_000,
    "a huge number": b'{"track": 1' + b"0" * 5000 + b', "user": 1' + b"0" * 5000 + b"}\n",
    "twice the key": b'{"track": 0, "track": 0, "user": 0, "user": 0}\n',
    "a number for an object": b'{"track": true, "user": true}\n',
}
FILES = (*JSON_LINES, "top.json", "vectors.npy")
WRONG_FILES = [(name, kind) for name in FILES for kind in JUNK]


@pytest.mark.parametrize(("name", "kind"), WRONG_FILES, ids=["-".join(c) for c in WRONG_FILES])
def test_a_file_of_junk_is_told(abbotify: Command, fresh: Path, name: str, kind: str) -> None:
    (fresh / "data" / name).write_bytes(JUNK[kind])
    assert_refused(abbotify, fresh, (name,))


@pytest.mark.parametrize("name", [*FILES, "own.py"])
@pytest.mark.parametrize("how", ["missing", "a folder", "unreadable", "a loop"])
def test_a_file_that_cannot_be_read_is_told(
    abbotify: Command, fresh: Path, name: str, how: str
) -> None:
    path = fresh / "data" / name
    if how == "unreadable":
        if os.geteuid() == 0:
            pytest.skip("root reads everything")
        path.chmod(0)
    else:
        path.unlink()
    if how == "a folder":
        path.mkdir()
    if how == "a loop":
        path.symlink_to(path)
    finished = abbotify("run", fresh / "s.yaml", "--out", fresh / "out")
    assert (finished.code, finished.out) == (2, "")
    assert finished.err.count("\n") == 1
    assert name in finished.err
    assert not (fresh / "out").exists()


ARRAYS: dict[str, Any] = {
    "one dimension": np.zeros(TRACKS, np.float32),
    "three dimensions": np.zeros((TRACKS, 2, 2), np.float32),
    "no dimension": np.float32(1),
    "too few rows": np.zeros((TRACKS - 1, 4), np.float32),
    "too many rows": np.zeros((TRACKS + 1, 4), np.float32),
    "no columns": np.zeros((TRACKS, 0), np.float32),
    "float64": np.zeros((TRACKS, 4)),
    "integers": np.zeros((TRACKS, 4), np.int32),
    "NaN": np.full((TRACKS, 4), np.nan, np.float32),
    "infinity": np.full((TRACKS, 4), np.inf, np.float32),
    "too large to square": np.full((TRACKS, 4), 1e30, np.float32),
    "texts": np.full((TRACKS, 4), "a"),
    "objects": np.full((TRACKS, 4), None, object),
    "complex": np.zeros((TRACKS, 4), np.complex64),
}


@pytest.mark.parametrize("array", ARRAYS.values(), ids=ARRAYS)
def test_wrong_embeddings_are_told(abbotify: Command, fresh: Path, array: Any) -> None:
    np.save(fresh / "data" / "vectors.npy", array)
    assert_refused(abbotify, fresh, ("vectors.npy",))


def test_cut_embeddings_are_told(abbotify: Command, fresh: Path) -> None:
    path = fresh / "data" / "vectors.npy"
    for length in (1, 6, 100, 500):
        content = path.read_bytes()
        path.write_bytes(content[:length])
        assert_refused(abbotify, fresh, ("vectors.npy",))
        path.write_bytes(content)


TOP: tuple[Any, ...] = (
    [0, 0],
    [TRACKS],
    [-1],
    [1.5],
    [True],
    ["1"],
    [None],
    [[0]],
    [],
    {"a": 1},
    7,
    "x",
    [HUGE],
)


@pytest.mark.parametrize("value", TOP, ids=map(repr, TOP))
def test_a_wrong_list_of_top_tracks_is_told(abbotify: Command, fresh: Path, value: Any) -> None:
    (fresh / "data" / "top.json").write_text(json.dumps(value))
    assert_refused(abbotify, fresh, ("top.json",))
