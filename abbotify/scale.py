"""Work spread over processes: the same tasks, the same results, in the same order."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any, TypeVar

Payload = TypeVar("Payload")
Task = TypeVar("Task")
Result = TypeVar("Result")

_worker: Callable[[Any], Any] | None = None


def each(
    prepare: Callable[[Payload], Callable[[Task], Result]],
    payload: Payload,
    tasks: Sequence[Task],
    workers: int = 1,
) -> Iterator[Result]:
    """The results of all tasks, in the order of the tasks.

    Args:
        prepare: makes the function that does a task; called once in each process. A name at a
            module's top level.
        payload: what `prepare` needs; pickled when there is more than one worker.
        tasks: what is to be done; each a pure function of payload and task.
        workers: processes; 1 works in this one.

    Raises:
        Exception: whatever a task raises.
    """
    if workers <= 1 or len(tasks) <= 1:
        yield from map(prepare(payload), tasks)
        return
    # spawn: a forked child inherits locks and thread pools (numba's, BLAS's) in unknown states.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        min(workers, len(tasks)), context, initializer=_start, initargs=(prepare, payload)
    ) as pool:
        futures = [pool.submit(_do, task) for task in tasks]
        try:
            for future in futures:
                yield future.result()
        finally:
            for future in futures:
                future.cancel()


def _start(prepare: Callable[[Any], Callable[[Any], Any]], payload: Any) -> None:
    global _worker  # a process of the pool does one thing in its life
    _worker = prepare(payload)


def _do(task: Any) -> Any:
    if _worker is None:
        raise RuntimeError("the process was not prepared")
    return _worker(task)
