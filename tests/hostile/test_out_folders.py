"""An output folder that cannot be used is told and left alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Command
from tests.hostile.files import everything


def out_file(folder: Path) -> Path:
    (folder / "out").write_text("mine")
    return folder / "out"


def out_below_a_file(folder: Path) -> Path:
    return out_file(folder) / "deeper"


def out_with_things(folder: Path) -> Path:
    (folder / "out").mkdir()
    (folder / "out" / "mine").write_text("mine")
    return folder / "out"


def out_that_loops(folder: Path) -> Path:
    (folder / "out").symlink_to(folder / "out")
    return folder / "out"


def out_too_long(folder: Path) -> Path:
    return folder / ("x" * 300)


def out_long_with_its_temporary_name(folder: Path) -> Path:
    return folder / ("x" * 250)


def out_below_a_long_one(folder: Path) -> Path:
    return folder / ("x" * 300) / "out"


@pytest.mark.parametrize(
    "make",
    [
        out_file,
        out_below_a_file,
        out_with_things,
        out_that_loops,
        out_too_long,
        out_long_with_its_temporary_name,
        out_below_a_long_one,
    ],
)
def test_an_output_that_cannot_be_used_is_told(
    abbotify: Command, fresh: Path, make: Callable[[Path], Path]
) -> None:
    out = make(fresh)
    before = everything(fresh)
    finished = abbotify("run", fresh / "s.yaml", "--out", out)
    assert (finished.code, finished.err.count("\n")) == (2, 1)
    assert out.name in finished.err
    assert everything(fresh) == before
    assert abbotify("check", fresh / "s.yaml", "--out", out) == finished
    assert everything(fresh) == before
