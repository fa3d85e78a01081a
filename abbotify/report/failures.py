"""The first error of each kind, as a run's manifest keeps them: an appendix of its pages.

They are no part of the result: which exception was raised where depends on the machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from abbotify.report.text import numbers
from abbotify.report.text.labels import clean
from abbotify.report.text.markdown import escaped


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
    """What a manifest says of errors; anything else in their place is passed over."""
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


def markdown(errors: Sequence[FirstError]) -> str:
    """The section of report.md; empty without errors."""
    if not errors:
        return ""
    lines = []
    for error in errors:
        lines.append(f"- {escaped(error.what)}, {error.count} in all: {escaped(error.message)}")
        lines += [f"  - {escaped(text)}" for text in (error.where, *error.traceback)]
    return "## First error of each kind\n\n" + "\n".join(lines)
