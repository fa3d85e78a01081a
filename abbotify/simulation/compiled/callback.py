"""A function of Python's that a compiled kernel calls: an integer in, an integer out.

By its address, as C would: to leave a kernel for each call and enter it again would take 40 us,
for all the arrays that are handed over.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

from abbotify.jit import INTERPRETED

Address = Any  # an integer; of an interpreted kernel, the function itself
call: Callable[[Address, int], int]


class Callback:
    """A function for a kernel, which must not outlive it.

    What the function raises ends the kernel's call: it has to return at a number other than 0.

    Attributes:
        address: what the kernel is given.
    """

    def __init__(self, function: Callable[[int], None]) -> None:
        self._function = function
        self._error: BaseException | None = None
        self._pointer = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(self._called)
        self.address: Address = (
            self._called if INTERPRETED else ctypes.cast(self._pointer, ctypes.c_void_p).value
        )

    def _called(self, number: int) -> int:
        try:
            self._function(number)
        except BaseException as error:  # nothing may be raised through a kernel
            self._error = error
            return 1
        return 0

    def raise_error(self) -> None:
        """Raises what the function has raised."""
        if self._error is not None:
            error, self._error = self._error, None
            raise error


if INTERPRETED:

    def call(function: Address, number: int) -> int:
        """Calls a function of Python's."""
        result: int = function(number)
        return result
else:
    from llvmlite import ir
    from numba import types
    from numba.extending import intrinsic

    from abbotify.jit import inlined_unmanaged

    @intrinsic
    def _call(typing_context: Any, address: Any, number: Any) -> Any:
        def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            word = ir.IntType(64)
            pointer = ir.FunctionType(word, [word]).as_pointer()
            return builder.call(builder.inttoptr(args[0], pointer), [args[1]])

        return types.int64(types.int64, types.int64), build

    @inlined_unmanaged
    def call(function: Address, number: int) -> int:
        """Calls a function of Python's."""
        return _call(function, number)
