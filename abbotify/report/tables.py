"""Tables as CSV: every value at full precision, the same bytes under every locale."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from abbotify.stats import EFFECT_COLUMNS, Effect

Value: TypeAlias = str | float | bool | None


def effects_csv(effects: Iterable[Effect]) -> str:
    """The text of effects.csv."""
    rows = ([getattr(effect, column) for column in EFFECT_COLUMNS] for effect in effects)
    return csv_text(EFFECT_COLUMNS, rows)


def csv_text(header: Sequence[str], rows: Iterable[Iterable[Value]]) -> str:
    r"""A table.

    RFC 4180 quoting with "\n" line ends; floats as the shortest text that reads back to the same
    double; booleans as `true` and `false`; undefined values as empty cells.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(map(cell, row) for row in rows)
    return text.getvalue()


def cell(value: Value) -> str:
    """A value as a cell of a CSV file, at full precision."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(float(value)) if isinstance(value, float) else str(value)
