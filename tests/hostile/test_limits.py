"""What the machine runs out of: one line that says so, and nothing left behind."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from abbotify import pipeline
from abbotify.eventlog import parquet
from abbotify.report import files as render
from abbotify.report.pages import render_html
from abbotify.report.result import Result
from abbotify.scenario import load
from abbotify.simulation import shard
from tests.conftest import Command
from tests.hostile.files import everything, write_files

Failure = Callable[..., Any]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a scenario and its run, for tests to copy."""
    folder = tmp_path_factory.mktemp("ran")
    write_files(folder)
    pipeline.run(load(folder / "s.yaml"), folder / "out")
    return folder


def raising(error: BaseException) -> Failure:
    def fail(*_: Any, **__: Any) -> Any:
        raise error

    return fail


SHORTAGES = {
    "disk": (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), "No space left"),
    "quota": (OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)), "quota"),
    "file size": (OSError(errno.EFBIG, os.strerror(errno.EFBIG)), "ulimit -f"),
    "files": (OSError(errno.EMFILE, os.strerror(errno.EMFILE)), "ulimit -n"),
    "memory": (MemoryError(), "not enough memory"),
    "threads": (RuntimeError("can't start new thread"), "no further thread"),
    "libraries": (ImportError("x.so: failed to map segment from shared object"), "memory"),
}
PLACES = [
    (shard, "write_events"),
    (pipeline, "aggregate_users"),
    (pipeline, "user_level_effects"),
    (render, "effects_csv"),
    (pipeline, "dump"),
]


CASES = [(name, PLACES[0]) for name in SHORTAGES] + [("disk", place) for place in PLACES[1:]]


@pytest.mark.parametrize(("shortage", "place"), CASES, ids=[f"{n}, {p[1]}" for n, p in CASES])
def test_a_shortage_is_one_line_and_leaves_the_old_run(
    shortage: str,
    place: tuple[Any, str],
    ran: Path,
    abbotify: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shutil.copytree(ran, tmp_path, dirs_exist_ok=True)
    before = everything(tmp_path)
    error, named = SHORTAGES[shortage]
    monkeypatch.setattr(*place, raising(error))
    finished = abbotify("run", tmp_path / "s.yaml", "--out", tmp_path / "out")
    assert finished.code in (1, 2)
    *kept, line = finished.err.splitlines()
    assert line.startswith("abbotify: ")
    assert named in line
    played = place[0] is not shard and place is not PLACES[0]
    assert len(kept) == played  # what is done, for --resume
    assert everything(tmp_path) == before or played
    assert everything(tmp_path / "out").items() <= before.items()
    monkeypatch.undo()
    assert abbotify("run", tmp_path / "s.yaml", "--out", tmp_path / "out", "--resume").code == 0
    assert {path.name for path in tmp_path.iterdir()} == {"data", "s.yaml", "out"}


def test_a_page_that_fails_loses_nothing(
    abbotify: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_files(tmp_path)
    out = tmp_path / "out"
    with monkeypatch.context() as patched:
        patched.setattr(render, "render_html", raising(TypeError("<unsupported> format")))
        finished = abbotify("run", tmp_path / "s.yaml", "--out", out)
    assert (finished.code, finished.err.count("\n")) == (1, 1)
    assert f"{out}: the page cannot be made (TypeError: <unsupported> format)" in finished.err
    assert "abbotify report renders it again" in finished.err
    files = {path.name for path in out.iterdir()}
    assert files >= {"report.json", "effects.csv", "users.parquet", "scenario.yaml", "log"}
    assert not files & {"report.html", "report.md", "state"}
    assert "Traceback" in (out / "manifest.json").read_text()
    assert abbotify("report", out).code == 0
    assert {path.name for path in out.iterdir()} >= {"report.html", "report.md"}


@pytest.mark.parametrize("chart", ["distribution", "survival", "daily"])
def test_a_chart_that_fails_is_named_in_its_place(
    chart: str, usual_page: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from abbotify.report.charts import days, sessions

    monkeypatch.setattr(
        days if chart == "daily" else sessions, chart, raising(ValueError("<b> no room"))
    )
    assert "Not drawn: ValueError: &lt;b&gt; no room." in usual_page()


@pytest.fixture
def usual_page() -> Callable[[], str]:
    from tests.report.realistic import realistic

    result = Result.from_dict(realistic())
    return lambda: render_html(result)


def test_a_check_that_fails_is_a_reservation(
    abbotify: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from abbotify.report import read
    from abbotify.report.checks import data

    write_files(tmp_path)
    monkeypatch.setattr(data, "sizes", raising(ZeroDivisionError("division by zero")))
    assert abbotify("run", tmp_path / "s.yaml", "--out", tmp_path / "out").code == 0
    found = {check.name: check for check in read(tmp_path / "out").checks}
    assert found["arm_sizes"].status == "warn"
    assert found["arm_sizes"].summary == "Not determined (ZeroDivisionError: division by zero)."


def launched(folder: Path, shell: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command with redirections and limits of a shell's, signals as a terminal leaves them."""
    command = f"{shell.replace('COMMAND', 'exec ' + chr(34) + '$@' + chr(34))}"
    return subprocess.run(
        ["sh", "-c", command, "sh", sys.executable, "-m", "abbotify", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("shell", ["COMMAND >/dev/full", "COMMAND >&-"], ids=["full", "closed"])
@pytest.mark.parametrize("command", ["run", "schema"])
def test_output_that_cannot_be_printed_is_one_line(
    shell: str, command: str, tmp_path: Path
) -> None:
    write_files(tmp_path)
    arguments = ("s.yaml", "--out", "out") if command == "run" else ()
    finished = launched(tmp_path, shell, command, *arguments)
    assert (finished.returncode, finished.stderr.count("\n")) == (1, 1), finished.stderr
    assert "standard output" in finished.stderr
    if command == "run":
        assert (tmp_path / "out" / "report.html").exists()


def test_a_limit_of_file_sizes_is_named(tmp_path: Path) -> None:
    write_files(tmp_path)
    before = everything(tmp_path)
    finished = launched(tmp_path, "ulimit -f 8; COMMAND", "run", "s.yaml", "--out", "out")
    assert (finished.returncode, finished.stderr.count("\n")) == (2, 1), finished.stderr
    assert "out: cannot be written (File too large; see ulimit -f)" in finished.stderr
    assert everything(tmp_path) == before


@pytest.mark.parametrize("name", ["SIGHUP", "SIGTERM", "SIGINT"])
def test_a_signal_ends_a_run_without_leftovers(name: str, tmp_path: Path) -> None:
    """The signal comes while days are played: the log's first file tells."""
    write_files(tmp_path)
    program = (
        "import os, signal, sys\n"
        "from abbotify.cli import commands\n"
        "from abbotify.simulation import shard\n"
        f"number = signal.{name}\n"
        # Not ignored, whatever was inherited; and what Python itself does is no merit of ours.
        "usual = {signal.SIGINT: signal.default_int_handler}.get(number, signal.SIG_DFL)\n"
        "signal.signal(number, usual)\n"
        "write = shard.write_events\n"
        "def writing(*args, **kwargs):\n"
        "    write(*args, **kwargs)\n"
        "    os.kill(os.getpid(), number)\n"
        "shard.write_events = writing\n"
        "sys.argv = ['abbotify', 'run', 's.yaml', '--out', 'out']\n"
        "commands.main()\n"
    )
    before = everything(tmp_path)
    finished = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (finished.returncode, finished.stderr) == (130, "abbotify: interrupted\n")
    assert everything(tmp_path) == before


def test_a_hangup_that_is_ignored_stays_ignored(tmp_path: Path) -> None:
    """As under nohup: the run goes on."""
    write_files(tmp_path)
    program = (
        "import os, signal, sys\n"
        "from abbotify.cli import commands\n"
        "from abbotify.simulation import shard\n"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "write = shard.write_events\n"
        "def writing(*args, **kwargs):\n"
        "    os.kill(os.getpid(), signal.SIGHUP)\n"
        "    write(*args, **kwargs)\n"
        "shard.write_events = writing\n"
        "sys.argv = ['abbotify', 'run', 's.yaml', '--out', 'out']\n"
        "commands.main()\n"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (finished.returncode, finished.stderr) == (0, "")
    assert (tmp_path / "out" / "report.html").exists()


def test_a_log_that_cannot_be_read_is_not_blamed_on_the_output(
    ran: Path, abbotify: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(ran, tmp_path, dirs_exist_ok=True)
    error = OSError(errno.EIO, os.strerror(errno.EIO), str(tmp_path / "log"))
    monkeypatch.setattr(parquet, "_batches", raising(error))
    finished = abbotify(
        *("analyze", tmp_path / "out", "--experiment", "E", "--out", tmp_path / "again")
    )
    assert finished.code in (1, 2)
    assert finished.err.count("\n") == 1


@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit of addresses")
@pytest.mark.parametrize("command", ["run", "check", "power", "analyze", "validate", "train"])
def test_a_limit_of_memory_is_named_before_a_library_ends_the_process(
    command: str, tmp_path: Path
) -> None:
    write_files(tmp_path)
    before = everything(tmp_path)
    finished = launched(tmp_path, "ulimit -v 700000; COMMAND", command, "s.yaml", "--out", "out")
    assert (finished.returncode, finished.stderr.count("\n")) == (1, 1), finished.stderr
    assert "memory is limited to 683 MiB (ulimit -v), and 1,024 MiB are needed" in finished.stderr
    assert everything(tmp_path) == before
    schema = launched(tmp_path, "ulimit -v 700000; COMMAND", "schema")
    assert (schema.returncode, schema.stderr) == (0, "")


COMMANDS = [
    ("run", "s.yaml", "--out", "out"),
    ("analyze", "base/log", "--experiment", "FILES", "--out", "out"),
    ("sweep", "s.yaml", "--vary", "seeds.dynamics=1,2", "--out", "out"),
    ("power", "s.yaml", "--mde", "5", "--out", "out"),
    ("validate", "s.yaml", "--replications", "200", "--out", "out"),
    ("compare", "base", "base", "--out", "out"),
    ("report", "base"),
]


@pytest.mark.parametrize("command", COMMANDS, ids=[each[0] for each in COMMANDS])
@pytest.mark.parametrize("workers", [1, 2])
def test_every_command_names_a_limit_of_file_sizes(
    command: tuple[str, ...], workers: int, ran: Path, tmp_path: Path
) -> None:
    takes_workers = command[0] in ("run", "sweep", "power", "validate")
    if workers > 1 and not takes_workers:
        pytest.skip("works in one process")
    shutil.copytree(ran, tmp_path, dirs_exist_ok=True)
    (tmp_path / "out").rename(tmp_path / "base")
    before = everything(tmp_path)
    extra = ("--workers", str(workers)) if takes_workers else ()
    finished = launched(tmp_path, "ulimit -f 2; COMMAND >/dev/null", *command, *extra)
    assert finished.returncode in (1, 2), finished
    assert finished.stderr.count("\n") == 1, finished.stderr
    assert "arge" in finished.stderr  # "File too large", "may not be larger"
    assert everything(tmp_path) == before
