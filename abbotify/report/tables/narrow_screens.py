"""The name of its column on every cell of a page's tables, for screens too narrow for columns."""

from __future__ import annotations

import re
from typing import Final

_TABLE: Final = re.compile(r"<table\b.*?</table>", re.DOTALL)
_HEAD: Final = re.compile(r"<thead>.*?</thead>", re.DOTALL)
_HEADING: Final = re.compile(r"<th\b[^>]*>(.*?)</th>", re.DOTALL)
_ROW: Final = re.compile(r"<tr\b.*?</tr>", re.DOTALL)
_CELL: Final = re.compile(r"<(td|th)\b([^>]*)>")
_TAG: Final = re.compile(r"<[^>]*>")


def labelled(page: str) -> str:
    """The page with `data-label` on every cell that stands in one column.

    A cell keeps the name of its column where the style sheet stacks cells in place of columns.
    Texts of the page must be escaped, so that what looks like a tag is one.
    """
    return _TABLE.sub(lambda table: _table(table[0]), page)


def _table(table: str) -> str:
    head = _HEAD.search(table)
    if head is None:
        return table
    names = [_text(found) for found in _HEADING.findall(head[0])]
    below: dict[int, int] = {}  # column -> rows that a cell from above still covers
    body = _ROW.sub(lambda row: _row(row[0], names, below), table[head.end() :])
    return table[: head.end()] + body


def _text(html: str) -> str:
    """The text of a heading, still escaped."""
    return " ".join(_TAG.sub(" ", html).split()).replace('"', "&#34;")


def _row(row: str, names: list[str], below: dict[int, int]) -> str:
    place = 0

    def cell(found: re.Match[str]) -> str:
        nonlocal place
        while below.get(place):
            below[place] -= 1
            place += 1
        across, down = _span(found[2], "colspan"), _span(found[2], "rowspan")
        name = names[place] if across == 1 and place < len(names) else ""
        if down > 1:
            below[place] = down - 1
        place += across
        label = f' data-label="{name}"' if name else ""
        return f"<{found[1]}{found[2]}{label}>"

    done = _CELL.sub(cell, row)
    for column in [each for each in below if each >= place]:
        below[column] = max(below[column] - 1, 0)
    return done


def _span(attributes: str, which: str) -> int:
    found = re.search(rf'\b{which}="(\d+)"', attributes)
    return int(found[1]) if found else 1
