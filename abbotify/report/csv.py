"""Tables as CSV: every value at full precision, the same bytes under every locale.

A spreadsheet takes a cell that begins with `=`, `+`, `-` or `@` for a formula. Texts that begin so
get an apostrophe in front, which spreadsheets read as "this is text"; numbers never do.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

from abbotify.stats import EFFECT_COLUMNS, Effect

Value: TypeAlias = str | float | bool | None


# Also their full-width forms, behind spaces and apostrophes, and a tab or an end of line, behind
# which a spreadsheet finds a cell's formula as well.
_FORMULA: Final = re.compile(r"[\s\u200b\ufeff']*[=+\-@\uff1d\uff0b\uff0d\uff20]|'*[\t\r\n]")
_NUMBER: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")


def effects_csv(effects: Iterable[Effect]) -> str:
    """The text of effects.csv."""
    rows = ([getattr(effect, column) for column in EFFECT_COLUMNS] for effect in effects)
    return csv_text(EFFECT_COLUMNS, rows)


def csv_text(header: Sequence[str], rows: Iterable[Iterable[Value]]) -> str:
    r"""A table.

    RFC 4180 quoting with "\n" line ends; floats as the shortest text that reads back to the same
    double; booleans as `true` and `false`; undefined values as empty cells; texts that a
    spreadsheet would take for formulas with an apostrophe in front (`read_csv` takes it off).
    """
    # The csv module leaves a lone "\r" unquoted, where readers see the end of a row.
    return "".join(
        ",".join(_quoted(cell(value)) for value in row) + "\n" for row in (header, *rows)
    )


def _quoted(text: str) -> str:
    special = any(character in text for character in ',"\r\n')
    return '"{}"'.format(text.replace('"', '""')) if special else text


def read_csv(text: str) -> tuple[tuple[str, ...], list[dict[str, str]]]:
    """The header and the rows of `csv_text`, every cell the text it was made of."""
    lines = csv.reader(io.StringIO(text, newline=""))
    header, *rows = [tuple(map(_original, line)) for line in lines] or [()]
    return header, [dict(zip(header, row, strict=True)) for row in rows]


def _original(text: str) -> str:
    return text[1:] if text.startswith("'") and _acts(text[1:]) else text


def _acts(text: str) -> bool:
    """Whether a spreadsheet would take the text for a formula."""
    return bool(_FORMULA.match(text)) and not _NUMBER.fullmatch(text)


def cell(value: Value) -> str:
    """A value as a cell of a CSV file, at full precision and no formula."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"'{value}" if _acts(value) else value
    return repr(float(value)) if isinstance(value, float) else str(value)
