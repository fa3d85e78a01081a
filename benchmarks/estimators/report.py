"""The calibration's table as CSV, in full precision, and as a page made from that CSV alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from jinja2 import Environment, StrictUndefined

from abbotify.report.csv import csv_text, read_csv
from abbotify.report.text.numbers import plural
from abbotify.stats.normal import ONE_SIDED, TWO_SIDED
from abbotify.studies.validation.characteristics import (
    COLUMNS,
    FALSE_ALARM,
    Characteristic,
    gate_level,
    outside,
)
from benchmarks.estimators.generated_users import SEED
from benchmarks.estimators.suite import Row

HEADER: Final = ("theme", *COLUMNS, "gated", "replications")
_TRUTH: Final = {"": None, "true": True, "false": False}
_PAGE: Final = Path(__file__).with_name("calibration.md.j2")
_HEAD: Final = (
    "| method | setting | quantity | measured | band | expected | within | gated | replications |\n"
    "|---|---|---|---|---|---|---|---|---|\n"
)


def to_csv(rows: Sequence[Row]) -> str:
    """One line per row; an undefined cell is empty."""
    names = HEADER[1:]
    cells = ((theme, *(getattr(found, name) for name in names)) for theme, found in rows)
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


def _row(line: Mapping[str, str]) -> Row:
    def number(name: str) -> float | None:
        return float(line[name]) if line[name] else None

    found = Characteristic(
        line["method"],
        line["metric"],
        line["quantity"],
        number("measured"),
        int(line["replications"]),
        number("expected"),
        line["gated"] == "true",
        lower=number("lower"),
        upper=number("upper"),
        within=_TRUTH[line["within"]],
    )
    return Row(line["theme"], found)


def to_markdown(rows: Sequence[Row], seconds: float) -> str:
    """The page: what was done, then each theme with what it shows and its rows.

    Args:
        rows: Of the whole table, in the order of the themes.
        seconds: What the calibration took.
    """
    page = Environment(undefined=StrictUndefined, keep_trailing_newline=True)
    found = [row.found for row in rows]
    gated = sum(each.gated for each in found)
    return page.from_string(_PAGE.read_text(encoding="utf-8")).render(
        summary=summary(rows),
        table=lambda theme: _HEAD + "".join(_line(row.found) for row in rows if row.theme == theme),
        seed=SEED,
        level=f"{gate_level(gated):.1e}",
        gated=gated,
        false_alarm=FALSE_ALARM,
        one_sided=ONE_SIDED,
        two_sided=TWO_SIDED,
        rows=len(rows),
        left=sum(each.within is False for each in found),
        faults=len(outside(found)),
        seconds=f"{seconds:.0f}",
    )


def _line(found: Characteristic) -> str:
    within = {None: "", True: "yes", False: "**no**"}[found.within]
    band = f"{_number(found.lower)} to {_number(found.upper)}" if found.lower is not None else ""
    cells = (
        *(found.method, found.metric, found.quantity.replace("_", " ")),
        *(_number(found.measured), band, _number(found.expected)),
        *(within, "yes" if found.gated else "", str(found.replications)),
    )
    return f"| {' | '.join(cells)} |\n"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def summary(rows: Sequence[Row]) -> str:
    """A line for all promises, and one for each theme that makes any.

    Args:
        rows: of the whole table, in the order of the themes.
    """
    themes: dict[str, list[Characteristic]] = {}
    for row in rows:
        if row.found.gated:
            themes.setdefault(row.theme, []).append(row.found)
    gated = [found for each in themes.values() for found in each]
    lines = [_kept(gated)]
    lines += [f"**{theme}**: {'; '.join(_measured(found))}." for theme, found in themes.items()]
    return "\n".join(f"* {line}" for line in (*lines, *_shipped(gated)))


def _kept(gated: Sequence[Characteristic]) -> str:
    left = outside(gated)
    if not left:
        return f"All {len(gated)} promised rates lie in their bands."
    named = ", ".join(f"{found.method} ({found.metric})" for found in left)
    return f"**{len(left)} of {len(gated)} promised rates left their bands: {named}.**"


def _measured(found: Sequence[Characteristic]) -> Iterator[str]:
    """What was measured of each quantity, and what was to be."""
    for quantity in dict.fromkeys(each.quantity for each in found):
        own = [each for each in found if each.quantity == quantity]
        measured = [each.measured for each in own if each.measured is not None]
        expected = [each.expected for each in own if each.expected is not None]
        if measured and expected:
            yield (
                f"{quantity.replace('_', ' ')} {_range(measured)} where {_range(expected)} "
                f"{'is' if len(set(expected)) == 1 else 'are'} expected "
                f"({plural(len(own), 'row')})"
            )


def _shipped(gated: Sequence[Characteristic]) -> Iterator[str]:
    """Of the experiments that should not be shipped, the kind that is shipped most often."""
    decided = [row for row in gated if row.method == "decision"]
    sound = {row.metric for row in decided if row.quantity == "invalid"}
    never = [row for row in decided if row.quantity == "ship" and row.metric not in sound]
    if never:
        worst = max(never, key=lambda found: found.measured or 0.0)
        often = worst.measured or 0.0
        most = f"{worst.metric}, {often:.1%}" if often else "none of them ever"
        yield f"Of {len(never)} kinds of sabotage the one shipped most often: {most}."


def _range(values: Sequence[float]) -> str:
    low, high = min(values), max(values)
    return f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}"
