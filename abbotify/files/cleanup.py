"""Folders that go at the end, whatever ends the work; and steps that no signal interrupts."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

_SPARE: Final = 8  # open files that removing a folder may need; ours have five levels
_ENDING: Final = ("SIGINT", "SIGTERM", "SIGHUP")


@contextmanager
def removed(
    folder: Path, keeps: Callable[[BaseException], bool] = lambda error: False
) -> Iterator[None]:
    """Removes a folder at the end, also where no further file can be opened or signals come.

    Args:
        folder: to be removed.
        keeps: whether it stays in spite of an error.

    Raises:
        OSError: too few files can be opened even now.
    """
    spare: list[int] = []
    kept = False
    try:
        for _ in range(_SPARE):
            spare.append(os.open(os.devnull, os.O_RDONLY))
        yield
    except BaseException as error:
        kept = keeps(error)
        raise
    finally:
        with uninterrupted():
            for descriptor in spare:
                os.close(descriptor)
            if not kept:
                shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def scratch(prefix: str = "abbotify-") -> Iterator[Path]:
    """An empty folder for temporary files, removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    with removed(folder):
        yield folder


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Holds signals that end the program back until the block is over: half of it is nothing."""
    came: list[int] = []
    handlers: dict[int, Callable[[int, Any], Any]] = {}
    if threading.current_thread() is threading.main_thread():  # no other one may set handlers
        for name in _ENDING:
            number = getattr(signal, name, None)  # Windows has no SIGHUP
            handler = None if number is None else signal.getsignal(number)
            if number is not None and callable(handler):
                handlers[number] = handler
    for number in handlers:
        signal.signal(number, lambda number, frame: came.append(number))
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    if came:
        handlers[came[0]](came[0], None)
