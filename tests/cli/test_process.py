"""How the process ends: signals, threads of others, and what ran out."""

from __future__ import annotations

import errno
import os
import signal
import threading
from collections.abc import Iterator

import pytest

from abbotify.cli import process
from abbotify.cli.process import (
    end_cleanly_on_signals,
    fail,
    fail_for_resources,
    leave,
    shortage,
    too_few_addresses,
)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), "not enough memory"),
        (OSError(errno.ENOSPC, "full"), "no space left on the device"),
        (OSError(errno.EMFILE, "many"), "too many open files (ulimit -n)"),
        (OSError("Cannot allocate memory: mmap"), "not enough memory"),
        (RuntimeError("can't start new thread"), "no further thread may be started"),
        (ImportError("x.so: failed to map segment from shared object"), "not enough memory"),
    ],
)
def test_a_shortage_is_named(error: Exception, expected: str) -> None:
    assert shortage(error).startswith(expected)


@pytest.mark.parametrize("name", ["log/a.parquet", b"log/a.parquet"])
def test_a_shortage_names_its_file(name: str | bytes) -> None:
    line = shortage(OSError(errno.EDQUOT, "quota", name))
    assert line == "log/a.parquet: the disk quota is used up"


def test_a_shortage_behind_other_errors_is_found() -> None:
    because, while_handling = KeyError("because"), ValueError("while handling")
    because.__cause__ = OSError(errno.EROFS, "read-only")
    while_handling.__context__ = because
    assert shortage(while_handling) == "the file system is read-only"


@pytest.mark.parametrize(
    "error",
    [ValueError("out of memory"), OSError(errno.ENOENT, "none", "x"), OSError(7, "x", 3)],
)
def test_other_errors_are_no_shortage(error: Exception) -> None:
    assert shortage(error) == ""


@pytest.mark.parametrize(
    ("limit", "expected"),
    [(2**30, ""), (-1, ""), (2**30 - 1, "memory is limited to 1,023 MiB (ulimit -v), and 1,024")],
)
def test_a_limit_of_memory_too_low_for_any_work(
    limit: int, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(resource, "getrlimit", lambda _: (limit, limit))
    assert too_few_addresses().startswith(expected)
    assert bool(too_few_addresses()) is bool(expected)


def test_a_failure_is_a_line_and_a_code(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exited:
        fail("no such thing", 3)
    assert exited.value.code == 3
    assert capsys.readouterr() == ("", "abbotify: no such thing\n")


def test_only_shortages_end_the_process(capsys: pytest.CaptureFixture[str]) -> None:
    fail_for_resources(ValueError("a mistake of ours"))
    assert capsys.readouterr() == ("", "")
    with pytest.raises(SystemExit) as exited:
        fail_for_resources(OSError(errno.ENOSPC, "full", "out"))
    assert exited.value.code == 1
    assert capsys.readouterr().err == "abbotify: out: no space left on the device\n"


def test_a_closed_output_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    discarded: list[bool] = []
    monkeypatch.setattr(process, "_takes_output", lambda: False)
    monkeypatch.setattr(process, "discard_output", lambda: discarded.append(True))
    with pytest.raises(SystemExit):
        fail_for_resources(OSError(errno.EIO, "Input/output error"))
    assert discarded == [True]
    line = "standard output cannot be written (Input/output error); files are complete"
    assert capsys.readouterr().err == f"abbotify: {line}\n"


@pytest.fixture
def handlers() -> Iterator[list[int]]:
    """The signals that end the process; their handlers come back."""
    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    yield numbers
    for number, handler in before.items():
        signal.signal(number, handler)


def test_signals_interrupt(handlers: list[int]) -> None:
    end_cleanly_on_signals()
    for number in handlers:
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)


def test_signals_that_are_ignored_stay_so(handlers: list[int]) -> None:
    for number in handlers:
        signal.signal(number, signal.SIG_IGN)
    end_cleanly_on_signals()
    assert {signal.getsignal(number) for number in handlers} == {signal.SIG_IGN}


@pytest.mark.parametrize(
    ("daemon", "code", "expected"), [(False, 4, [4]), (True, 4, []), (False, None, [])]
)
def test_threads_that_are_left_are_not_waited_for(
    daemon: bool, code: int | None, expected: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[int] = []
    monkeypatch.setattr(os, "_exit", ended.append)
    done = threading.Event()
    thread = threading.Thread(target=done.wait, daemon=daemon)
    # Other tests of this process may have left threads of their own.
    monkeypatch.setattr(threading, "enumerate", lambda: [threading.current_thread(), thread])
    thread.start()
    try:
        leave(code)
    finally:
        done.set()
        thread.join()
    assert ended == expected
