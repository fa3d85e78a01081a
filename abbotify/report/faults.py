"""Faults and errors beside the result: parts of a report that fail, a run's first errors of a kind.

They are no part of the result: which exception was raised where depends on the machine.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from abbotify.errors import OutputError, of_an_interrupt
from abbotify.report.decision import UNDETERMINED
from abbotify.report.result import Check
from abbotify.report.text import numbers
from abbotify.report.text.labels import clean

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


@dataclass(frozen=True)
class FirstError:
    """A kind of error.

    Attributes:
        what: the arm, the recommender and the kind.
        count: how many there were.
        message: of the first one.
        where: when it was, and for whom.
        traceback: its lines; empty for an answer that was wrong.
    """

    what: str
    count: str
    message: str
    where: str
    traceback: tuple[str, ...]


def first_errors(manifest: object) -> tuple[FirstError, ...]:
    """The errors in a run's manifest; anything else in their place is passed over."""
    errors = manifest.get("errors") if isinstance(manifest, dict) else None
    entries = errors if isinstance(errors, list) else []
    return tuple(_error(entry) for entry in entries if isinstance(entry, dict))


def _error(entry: dict[str, Any]) -> FirstError:
    names = (entry.get(key) for key in ("arm", "recommender", "kind"))
    where = [
        f"{key} {entry[key]}" for key in ("phase", "day", "user", "session", "step") if key in entry
    ]
    count, lines = entry.get("count"), entry.get("traceback")
    return FirstError(
        what=" · ".join(clean(str(name)) for name in names if name),
        count=numbers.count(count) if isinstance(count, int) else numbers.MISSING,
        message=clean(str(entry.get("message", ""))),
        where=clean(", ".join(where)),
        traceback=tuple(map(str, lines)) if isinstance(lines, list) else (),
    )
