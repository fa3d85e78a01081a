"""Folders go at the end, whatever ends the work; steps are not interrupted."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from abbotify.files.cleanup import scratch, uninterrupted
from tests.conftest import ROOT

HANDLED = (signal.SIGINT, signal.SIGTERM)

CROWDED = """
import os, resource, sys
from abbotify.files.cleanup import scratch
resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
try:
    with scratch() as folder:
        (folder / "a" / "b" / "c").mkdir(parents=True)
        (folder / "a" / "b" / "c" / "d").write_text("x")
        print(folder)
        while True:
            os.open(os.devnull, os.O_RDONLY)
except OSError as error:
    print(error.errno, folder.exists())
"""


@pytest.fixture
def handlers() -> Iterator[None]:
    """Signals as a program has them that is not in the background, put back afterwards."""
    before = {number: signal.getsignal(number) for number in HANDLED}
    for number in HANDLED:
        signal.signal(number, signal.default_int_handler)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_folder_goes_when_no_file_can_be_opened() -> None:
    finished = subprocess.run(
        [sys.executable, "-c", CROWDED],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    folder, rest = finished.stdout.splitlines()
    assert rest.split()[1] == "False", "the folder is left"
    assert not Path(folder).exists()


@pytest.mark.parametrize("number", HANDLED)
@pytest.mark.usefixtures("handlers")
def test_a_signal_waits_for_the_end_of_a_step(number: signal.Signals) -> None:
    steps: list[str] = []

    def work() -> None:
        with uninterrupted():
            os.kill(os.getpid(), number)
            steps.append("whole")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert steps == ["whole"]
    assert signal.getsignal(number) is signal.default_int_handler


@pytest.mark.usefixtures("handlers")
def test_a_second_signal_does_not_stop_the_cleaning() -> None:
    seen: list[Path] = []

    def work() -> None:
        with scratch() as folder:
            seen.append(folder)
            (folder / "file").write_text("x")
            raise KeyboardInterrupt

    remove = shutil.rmtree

    def removing(folder: Path, ignore_errors: bool) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        remove(folder, ignore_errors)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("abbotify.files.cleanup.shutil.rmtree", removing)
        with pytest.raises(KeyboardInterrupt):
            work()
    assert not seen[0].exists()


def test_a_thread_may_clean_up() -> None:
    seen: list[bool] = []

    def work() -> None:
        with scratch() as folder:
            (folder / "file").write_text("x")
        seen.append(folder.exists())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [False]
