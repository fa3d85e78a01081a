"""A function of Python's that a kernel calls: in its order, and what it raises."""

from __future__ import annotations

import pytest

from abbotify.jit import kernel
from abbotify.simulation.compiled.callback import Address, Callback, call


@kernel
def _count_up(function: Address, end: int) -> int:
    for number in range(end):
        if call(function, number) != 0:
            return number
    return end


def test_a_kernel_calls_python() -> None:
    numbers: list[int] = []
    assert _count_up(Callback(numbers.append).address, 2000) == 2000
    assert numbers == list(range(2000))


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt, SystemExit])
def test_what_is_raised_ends_the_call_and_is_raised_after_it(kind: type[BaseException]) -> None:
    def fail(number: int) -> None:
        if number == 3:
            raise kind("at three")

    callback = Callback(fail)
    assert _count_up(callback.address, 9) == 3
    with pytest.raises(kind, match="at three"):
        callback.raise_error()
    callback.raise_error()  # once


def test_a_function_may_use_kernels() -> None:
    inner: list[int] = []

    def outer(number: int) -> None:
        assert _count_up(Callback(inner.append).address, number) == number

    assert _count_up(Callback(outer).address, 4) == 4
    assert inner == [0, 0, 1, 0, 1, 2]
