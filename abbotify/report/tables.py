"""effects.csv: every effect at full precision, the same bytes under every locale."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from abbotify.stats import EFFECT_COLUMNS, Effect


def effects_csv(effects: Iterable[Effect]) -> str:
    r"""The text of effects.csv.

    RFC 4180 quoting with "\n" line ends; floats as the shortest text that reads back to the same
    double; booleans as `true` and `false`; undefined values as empty cells.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(EFFECT_COLUMNS)
    for effect in effects:
        writer.writerow([cell(getattr(effect, column)) for column in EFFECT_COLUMNS])
    return text.getvalue()


def cell(value: str | float | bool | None) -> str:
    """A value as a cell of a CSV file, at full precision."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, float) else str(value)
