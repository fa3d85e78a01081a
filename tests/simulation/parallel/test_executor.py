"""Units run in this process or elsewhere: results in order, lost units again."""

from __future__ import annotations

import types
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest

from abbotify.errors import UserError
from abbotify.simulation.parallel.executor import Executor, InProcess, open_executor


def tripled(shared: list[int], unit: int) -> int:
    shared.append(unit)
    return 3 * unit


def picky(shared: int, unit: int) -> int:
    if unit == shared:
        raise ValueError(f"unit {unit}")
    return unit


def test_one_process_keeps_the_order_and_what_is_shared() -> None:
    shared: list[int] = []
    assert list(InProcess(shared).each(tripled, [5, 1, 3])) == [15, 3, 9]
    assert shared == [5, 1, 3]


@pytest.mark.parametrize(("workers", "units"), [(1, 9), (2, 1), (100, 0), (0, 2)])
def test_a_single_unit_or_worker_needs_no_process(workers: int, units: int) -> None:
    with open_executor([], workers, units) as executor:
        assert not executor.remote
        assert list(executor.each(tripled, [7])) == [21]


def test_results_come_one_by_one() -> None:
    results = InProcess(2).each(picky, [0, 1, 2, 3])
    assert isinstance(results, types.GeneratorType)
    assert next(results) == 0
    assert next(results) == 1
    with pytest.raises(ValueError, match="unit 2"):
        next(results)


class WorkerDied(Exception):
    pass


class Mortal(Executor):
    """Runs units when they are waited for; all under way are lost with one that kills."""

    losses = (WorkerDied,)

    def __init__(self, shared: Any, size: int, kills: Callable[[int, int], bool]) -> None:
        super().__init__(shared, size)
        self.kills, self.attempts, self.most = kills, dict[int, int](), 0
        self.under_way: list[tuple[int, Future[Any]]] = []

    def submit(self, function: Callable[[Any, Any], Any], unit: Any) -> Future[Any]:
        self.under_way.append((unit, Future()))
        self.attempts[unit] = self.attempts.get(unit, 0) + 1
        self.most = max(self.most, len(self.under_way))
        if len(self.under_way) == self.size or any(n == 3 for n in self.attempts.values()):
            self.go_on(function)
        return self.under_way[-1][1] if self.under_way else self.latest

    def go_on(self, function: Callable[[Any, Any], Any]) -> None:
        units, self.under_way = self.under_way, []
        self.latest = units[-1][1]
        for unit, future in units:
            if any(self.kills(each, self.attempts[each]) for each, _ in units):
                future.set_exception(WorkerDied())
            else:
                future.set_result(function(self.shared, unit))

    def renew(self) -> str:
        return "somehow"

    def end(self, at_once: bool) -> None:
        pass


def test_a_unit_that_is_lost_three_times_is_given_up() -> None:
    with (
        Mortal([], 2, lambda unit, attempt: unit == 3) as executor,
        pytest.raises(UserError, match=r"^task 4 of 8 was given up: 3 processes .* died, somehow$"),
    ):
        list(executor.each(tripled, range(8)))


def test_a_unit_that_was_lost_with_another_one_is_not_given_up() -> None:
    with Mortal([], 2, lambda unit, attempt: unit == 3 and attempt < 3) as executor:
        assert list(executor.each(tripled, range(8))) == [3 * unit for unit in range(8)]
    assert executor.attempts == dict.fromkeys(range(8), 1) | {2: 3, 3: 3}
