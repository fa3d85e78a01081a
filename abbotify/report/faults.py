"""Parts of a report that cannot be worked out: the others stay, and a traceback says why."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from typing import TypeVar

from abbotify.errors import OutputError, of_an_interrupt
from abbotify.report.decision import UNDETERMINED
from abbotify.report.result import Check

Part = TypeVar("Part")
Other = TypeVar("Other")


class Faults:
    """The parts that failed, by name: a fault of this program, which ends no experiment.

    Args:
        strict: raise what a part raises.
    """

    def __init__(self, strict: bool = False) -> None:
        self.strict = strict
        self.tracebacks: dict[str, str] = {}
        self.reasons: dict[str, str] = {}

    def attempt(self, part: str, make: Callable[[], Part], otherwise: Other) -> Part | Other:
        """What a function makes of a part, or what stands for it where it fails.

        Raises:
            OSError: a file cannot be read or written, which is no fault of the part.
        """
        try:
            return make()
        except (OSError, OutputError):
            raise
        except Exception as error:
            if self.strict:
                raise
            self.reasons[part] = self.add(part, error)
            return otherwise

    def add(self, part: str, error: Exception) -> str:
        """Keeps the traceback of a part that failed; the reason in one line.

        Raises:
            Exception: the error itself, where an interrupt has caused it.
        """
        if of_an_interrupt(error):
            raise error
        self.tracebacks[part] = "".join(traceback.format_exception(error))
        return f"{type(error).__name__}: {error}"

    @property
    def entry(self) -> dict[str, dict[str, str]]:
        """The entry of the manifest; none where nothing failed."""
        return {"faults": self.tracebacks} if self.tracebacks else {}

    def checks(self) -> Iterator[Check]:
        """A warning about the parts attempted that failed."""
        if self.reasons:
            parts = "; ".join(f"{part} ({why})" for part, why in self.reasons.items())
            summary = f"Not determined: {parts}."
            yield Check("not_determined", "warn", summary, {UNDETERMINED: dict(self.reasons)})
