"""Markdown as texts: what it would act on escaped, and tables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from abbotify.report.text import labels

_SPECIAL = re.compile(
    r"([\\`*<|~$]|&(?=[#\w])|\](?=[(\[:])|(?<![^\W_])_|_(?![^\W_]))",
)
"""What Markdown, a table, HTML or GitHub's mathematics would act on, where they would."""


def escaped(text: str) -> str:
    """The text on one line, to be shown as it is; plain text stays readable in the source."""
    return _SPECIAL.sub(r"\\\1", labels.clean(text))


def table(
    header: Sequence[str], rows: Iterable[Sequence[str]], numbers: int | Sequence[bool] = 0
) -> str:
    """A table; the last `numbers` columns, or those that are marked, are aligned right.

    Cells must be escaped.
    """
    if isinstance(numbers, int):
        numbers = [at >= len(header) - numbers for at in range(len(header))]
    rules = ["--:" if number else "---" for number in numbers]
    return "\n".join("| " + " | ".join(row) + " |" for row in (header, rules, *rows))
