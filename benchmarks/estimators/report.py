"""The calibration's table as CSV, in full precision, and as a page made from that CSV alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from abbotify.report.csv import csv_text, read_csv
from abbotify.stats.normal import TWO_SIDED
from abbotify.studies.validation.characteristics import (
    COLUMNS,
    FALSE_ALARM,
    Characteristic,
    gate_level,
)
from benchmarks.estimators.generated_users import SEED
from benchmarks.estimators.replications import Row
from benchmarks.estimators.suite import ABOUT
from benchmarks.estimators.summary import summary

HEADER: Final = ("theme", *COLUMNS, "gated", "replications")
_TRUTH: Final = {"": None, "true": True, "false": False}
_NUMBERS: Final = ("measured", "lower", "upper", "expected")
_HEADING: Final = "# Calibration on known truth\n"
_HEAD: Final = (
    "| method | setting | quantity | measured | band | expected | within | gated | replications |\n"
    "|---|---|---|---|---|---|---|---|---|\n"
)


def to_csv(rows: Sequence[Row]) -> str:
    """One line per row; an undefined cell is empty."""
    cells = (
        (
            row.theme,
            *(getattr(row.found, column) for column in COLUMNS),
            *(row.found.gated, row.replications),
        )
        for row in rows
    )
    return csv_text(HEADER, cells)


def from_csv(text: str) -> list[Row]:
    """The rows of `to_csv`.

    Raises:
        ValueError: On other columns.
    """
    header, lines = read_csv(text)
    if header != HEADER:
        raise ValueError(f"expected the columns {', '.join(HEADER)}, got {', '.join(header)}")
    return [_row(line) for line in lines]


def to_markdown(rows: Sequence[Row], seconds: float) -> str:
    """The page: what was done, then each theme with what it shows and its rows.

    Args:
        rows: Of the whole table, in the order of the themes.
        seconds: What the calibration took.
    """
    parts = [_HEADING, summary(rows), _introduction(rows, seconds)]
    for theme, about in ABOUT.items():
        lines = "".join(_line(row) for row in rows if row.theme == theme)
        parts.append(f"## {theme}\n\n{about}\n{_HEAD}{lines}")
    return "\n".join(parts)


def _introduction(rows: Sequence[Row], seconds: float) -> str:
    gated = sum(row.found.gated for row in rows)
    left = [row for row in rows if row.found.within is False]
    faults = sum(row.found.gated for row in left)
    return f"""\
## What was done

What the estimators of `abbotify.stats` do on generated users, where the truth is known. Made by
`make calibrate`, which fails when a gated rate leaves its band; `make test` does the same with a
twentieth of the replications. The figures are those of [calibration.csv](calibration.csv).

* Every replication draws new users, by Philox keyed with the seed {SEED}, the cell, the
  replication and the user, and calls the functions that a report calls.
* The truth is that of the distribution the users are drawn from.
* **Band**: where a value is expected, what a right method stays in with chance 1 -
  {gate_level(gated):.1e} (binomial, or normal for a mean), so that a right program fails one of
  the {gated} gated rows with chance {FALSE_ALARM}; elsewhere the 95 % interval of what was
  measured.
* **Gated** rows are promises: equal arms from 1 000 users, 90/10 from 10 000, lognormal s up to 1
  and a skewness of the difference up to {TWO_SIDED}; always-valid, Holm and the sequential check of
  the arms' sizes as bounds from above. The others are findings about the methods.
* {len(rows)} rows, {len(left)} of which left their band, {faults} of them gated.
* {seconds:.0f} s of one processor.
"""


def _line(row: Row) -> str:
    found = row.found
    within = {None: "", True: "yes", False: "**no**"}[found.within]
    band = f"{_number(found.lower)} to {_number(found.upper)}" if found.lower is not None else ""
    cells = (
        found.method,
        found.metric,
        found.quantity.replace("_", " "),
        _number(found.measured),
        band,
        _number(found.expected),
        within,
        "yes" if found.gated else "",
        str(row.replications),
    )
    return f"| {' | '.join(cells)} |\n"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _row(line: Mapping[str, str]) -> Row:
    numbers: dict[str, Any] = {name: float(line[name]) if line[name] else None for name in _NUMBERS}
    found = Characteristic(
        line["method"],
        line["metric"],
        line["quantity"],
        **numbers,
        within=_TRUTH[line["within"]],
        gated=line["gated"] == "true",
    )
    return Row(line["theme"], found, int(line["replications"]))
