"""The run folder: swapped in whole, or not at all."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from abbotify.errors import OutputError
from abbotify.files import folders, replacement
from abbotify.files.folders import swapped
from abbotify.files.replacement import RUN


def fill(out: Path, text: str) -> None:
    with swapped(out) as folder:
        for name in RUN.marks:
            (folder / name).write_text(text)


def fail_halfway(out: Path, failure: type[BaseException]) -> None:
    with swapped(out) as folder:
        (folder / "half").write_text("")
        raise failure


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_run_is_replaced(tmp_path: Path) -> None:
    out = tmp_path / "reports" / "run"
    fill(out, "old")
    (out / "scenario.yaml").write_text("")
    fill(out, "new")
    assert names(out) == sorted(RUN.marks)
    assert (out / "report.json").read_text() == "new"
    assert names(tmp_path / "reports") == ["run"]


@pytest.fixture(params=["exchange", "two renames"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to take a folder's place: at once, and where the system cannot."""
    if request.param == "two renames":
        monkeypatch.setattr(replacement, "_exchanged", lambda one, other: False)
    return str(request.param)


def test_files_of_ones_own_move_along(way: str, tmp_path: Path) -> None:
    out = tmp_path / "run"
    fill(out, "old")
    for name in ("notes.txt", "log/thoughts.md", "log/day-0000-shard-00000.parquet", "a/b/c"):
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text(name)
    (out / "link").symlink_to(tmp_path)
    (out / "broken").symlink_to("nowhere")
    for text in ("new", "newer"):
        fill(out, text)
        assert (out / "report.json").read_text() == text
        own = {str(p.relative_to(out)) for p in out.rglob("*") if p.is_file() and p.parent.name}
        assert own >= {"notes.txt", "log/thoughts.md", "a/b/c"}
        assert (out / "a/b/c").read_text() == "a/b/c"
        assert not (out / "log/day-0000-shard-00000.parquet").exists()
        assert (out / "link").readlink() == tmp_path
        assert (out / "broken").is_symlink()
    assert names(tmp_path) == ["run"]


def test_a_run_killed_between_two_renames_is_given_back(tmp_path: Path) -> None:
    dead = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True
    )
    fill(tmp_path / "run", "old")
    left = tmp_path / f".run~{platform.node()}-{int(dead.stdout)}-0123abcd.old"
    (tmp_path / "run").rename(left)
    with pytest.raises(ValueError, match="halfway"), swapped(tmp_path / "run"):
        raise ValueError("halfway")
    assert names(tmp_path) == ["run"]
    assert (tmp_path / "run" / "report.json").read_text() == "old"


def test_many_runs_into_one_folder_leave_a_whole_one(way: str, tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from abbotify.files import folders, replacement\n"
        f"if {way != 'exchange'}: replacement._exchanged = lambda one, other: False\n"
        "for turn in range(60):\n"
        "    with folders.swapped(Path(sys.argv[1])) as folder:\n"
        "        marks = replacement.RUN.marks\n"
        "        for name in marks: (folder / name).write_text(sys.argv[2] + str(turn))\n"
    )
    out = tmp_path / "run"
    runs = [subprocess.Popen([sys.executable, "-c", program, str(out), who]) for who in "ab"]
    assert [run.wait() for run in runs] == [0, 0]
    assert names(tmp_path) == ["run"]
    assert len({(out / name).read_text() for name in RUN.marks}) == 1


def test_a_run_that_comes_between_two_renames_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever the processor is taken from the one, the other finds no folder and puts its own."""
    out, rename = tmp_path / "run", Path.rename
    fill(out, "old")
    (out / "notes.txt").write_text("mine")
    others = iter(("one", "two", "three"))

    def renaming(path: Path, new: Path) -> Path:
        moved = rename(path, new)
        if path == out and (other := next(others, "")):
            out.mkdir()
            for name in RUN.marks:
                (out / name).write_text(other)
        return moved

    monkeypatch.setattr(replacement, "_exchanged", lambda one, other: False)
    monkeypatch.setattr(Path, "rename", renaming)
    fill(out, "new")
    assert next(others, "") == ""
    assert names(tmp_path) == ["run"]
    assert {(out / name).read_text() for name in RUN.marks} == {"new"}
    assert (out / "notes.txt").read_text() == "mine"


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    fill(tmp_path / "run", "new")
    assert names(tmp_path / "run") == sorted(RUN.marks)


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt])
def test_a_failure_leaves_the_old_run(failure: type[BaseException], tmp_path: Path) -> None:
    fill(tmp_path / "run", "old")
    with pytest.raises(failure):
        fail_halfway(tmp_path / "run", failure)
    assert names(tmp_path) == ["run"]
    assert (tmp_path / "run" / "report.json").read_text() == "old"


def test_a_report_alone_makes_no_run(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "report.json").write_text("{}")
    (tmp_path / "mine" / "thesis.tex").write_text("years of work")
    with pytest.raises(OutputError, match=r"no effects\.csv"):
        fill(tmp_path / "mine", "new")
    assert names(tmp_path / "mine") == ["report.json", "thesis.tex"]


def test_what_dead_processes_left_is_swept(tmp_path: Path) -> None:
    dead = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True
    )
    host = platform.node()
    for process in (int(dead.stdout), os.getpid()):
        (tmp_path / f".run~{host}-{process}-0123abcd.tmp").mkdir()
    fill(tmp_path / "run", "new")
    assert names(tmp_path) == [f".run~{host}-{os.getpid()}-0123abcd.tmp", "run"]


def test_other_folders_and_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.png").write_text("")
    (tmp_path / "file").write_text("")
    for out in ("photos", "file", "file/run"):
        with pytest.raises(OutputError), swapped(tmp_path / out):
            pytest.fail("nothing may be made")
    assert names(tmp_path) == ["file", "photos"]
    assert names(tmp_path / "photos") == ["cat.png"]


@pytest.mark.parametrize(
    "way", ["log", "models", "botify.jsonl/mine", "report.html/a/b", "log/day-0-shard-0.parquet/x"]
)
def test_what_is_in_the_way_of_a_run_is_refused_before_it_is_played(
    way: str, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    fill(out, "old")
    (out / way).parent.mkdir(parents=True, exist_ok=True)
    (out / way).write_text("mine")
    with pytest.raises(OutputError, match="in the place of what a run writes"):
        folders.check(out)
    with pytest.raises(OutputError), swapped(out):
        pytest.fail("nothing may be played")
    assert (out / way).read_text() == "mine"
    assert names(tmp_path) == ["run"]


def test_a_folder_of_ones_own_stays_whatever_its_name(way: str, tmp_path: Path) -> None:
    out = tmp_path / "run"
    fill(out, "old")
    own = ["state/notes.md", "log/day-trips/plan.parquet", "models/deep/00-a-day-0001.json"]
    for name in own:
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text(name)
    (out / "empty").mkdir()
    leftover = f".report.json~{platform.node()}-1-0123abcd.tmp"
    (out / leftover).write_text("of a killed process")
    fill(out, "new")
    assert {name: (out / name).read_text() for name in own} == {name: name for name in own}
    assert (out / "empty").is_dir()
    assert not (out / leftover).exists()
    assert names(tmp_path) == ["run"]


def test_a_mount_point_is_refused_before_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "run").mkdir()
    monkeypatch.setattr("os.path.ismount", lambda path: Path(path) == tmp_path / "run")
    with pytest.raises(OutputError, match="is a mount point; give a folder inside it"):
        folders.check(tmp_path / "run")


def test_folders_made_on_the_way_go_with_a_failure(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="halfway"), swapped(tmp_path / "a" / "b" / "run"):
        raise ValueError("halfway")
    assert names(tmp_path) == []


KILLED = """
import os, signal, sys
from pathlib import Path
from abbotify.files import folders, replacement
if sys.argv[2] != "exchange":
    replacement._exchanged = lambda one, other: False
rename, count = Path.rename, [0]
def renaming(one, other):
    if count[0] == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
    count[0] += 1
    return rename(one, other)
Path.rename = renaming
with folders.swapped(Path(sys.argv[1])) as folder:
    for name in replacement.RUN.marks:
        (folder / name).write_text("new")
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("moment", range(4))
def test_a_run_killed_at_any_rename_leaves_a_whole_one(
    way: str, moment: int, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    fill(out, "old")
    (out / "notes.txt").write_text("mine")
    ended = subprocess.run(
        [sys.executable, "-c", KILLED, str(out), way, str(moment)], check=False
    ).returncode
    assert ended == -9
    with pytest.raises(ValueError, match="halfway"), swapped(out):  # sweeps
        raise ValueError("halfway")
    assert names(tmp_path) == ["run"]
    assert {(out / name).read_text() for name in RUN.marks} in ({"old"}, {"new"})
    assert (out / "notes.txt").read_text() == "mine"


def test_a_folder_that_another_run_removes_meanwhile_is_no_other_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of the old run is seen while another run has taken its place."""
    out, listing = tmp_path / "run", Path.iterdir
    fill(out, "old")
    turns = iter(["replace"])

    def half(folder: Path) -> Iterator[Path]:
        if folder != out or next(turns, None) is None:
            return listing(folder)
        fill(out, "of another run")
        return iter([out / "report.json"])

    monkeypatch.setattr(Path, "iterdir", half)
    folders.check(out)
    assert names(tmp_path) == ["run"]


def test_a_place_that_another_run_takes_between_two_renames_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, rename = tmp_path / "run", Path.rename
    fill(out, "old")
    (out / "notes.txt").write_text("mine")
    monkeypatch.setattr(replacement, "_exchanged", lambda one, other: False)
    turns = iter([False, True])

    def renaming(one: Path, other: Path) -> Path:
        if next(turns, False):  # the place is free: another run comes
            out.mkdir()
            for name in RUN.marks:
                (out / name).write_text("of another run")
        return rename(one, other)

    monkeypatch.setattr(Path, "rename", renaming)
    fill(out, "new")
    assert names(tmp_path) == ["run"]
    assert (out / "report.json").read_text() == "new"
    assert (out / "notes.txt").read_text() == "mine"
