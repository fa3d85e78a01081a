"""A validation as tables of ready texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from abbotify.report.text import labels, numbers
from abbotify.studies.validation import rates
from abbotify.studies.validation.characteristics import Characteristic
from abbotify.studies.validation.methods import METHODS
from abbotify.studies.validation.results import Validation

_METHODS: Final = {
    "welch": "Welch",
    "fieller": "Fieller, lift",
    "naive_relative": "Naive lift",
    "cuped": "CUPED",
    "cuped_fieller": "CUPED, lift",
    "delta": "Ratio of sums",
    "delta_fieller": "Ratio of sums, lift",
    "ratio_cuped": "Ratio, CUPED",
    "ratio_cuped_fieller": "Ratio, CUPED, lift",
    "tracks_as_independent": "Tracks as independent",
    "sessions_as_independent": "Sessions as independent",
    "holm": "Holm",
    "uncorrected": "Uncorrected",
    "max_z": "max-z",
    "srm": "Sample ratio",
    "guardrail": "Guardrail",
    "looks_fixed": "14 looks, fixed test",
    "looks_group_sequential": "14 looks, sequential",
    "looks_always_valid": "14 looks, always valid",
}

_QUANTITIES: Final = {
    rates.FALSE_POSITIVES: "false positives",
    rates.COVERAGE: "coverage",
    rates.POWER: "power",
    rates.WIDTH: "mean width",
    rates.SIGN_ERROR: "wrong sign if found",
    rates.EXAGGERATION: "exaggeration if found",
    rates.FAMILY_ERROR: "any false positive",
    rates.FAMILY_COVERAGE: "all intervals hold",
    rates.FALSE_ALARMS: "false alarms",
    rates.PASSES: "non-inferior",
    rates.FALSE_PASSES: "non-inferior, falsely",
}

_MEANS: Final = (rates.WIDTH, rates.EXAGGERATION)


@dataclass(frozen=True)
class Cell:
    """A text, what stands below it, and its tone: "bad" or none."""

    text: str
    under: str = ""
    tone: str = ""


@dataclass(frozen=True)
class Table:
    """Its head and rows of cells."""

    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def method(name: str) -> str:
    """What people call a method."""
    return _METHODS.get(name, name.replace("_", " "))


def about(metric: str) -> str:
    """What people call a metric, with its treatment where there are several."""
    name, colon, arm = metric.partition(":")
    label = labels.metric(name).label if name != "users" else "Users of the arms"
    return f"{label}, {labels.clean(arm)}" if colon else label


def methods(found: Validation, success: bool) -> Table:
    """One row for each method and metric: those that decide, or all others."""
    head = ("metric", "method", *(_QUANTITIES[name] for name in rates.QUANTITIES))
    rows, last = [], ""
    told = grouped(found)
    places = list(dict.fromkeys(metric for metric, _ in told))
    order = sorted(told, key=lambda key: (places.index(key[0]), not found.decides(*key)))
    for metric, name in order:
        if (metric.partition(":")[0] in found.success) == success:
            shown = "" if metric == last else about(metric)
            under = "decides" if found.decides(metric, name) else ""
            rows.append((Cell(shown), Cell(method(name), under), *_cells(told[metric, name])))
            last = metric
    return Table(head, tuple(rows))


def grouped(found: Validation) -> dict[tuple[str, str], dict[str, Characteristic]]:
    """(metric, method) -> quantity -> its row, metric by metric; without families."""
    out: dict[tuple[str, str], dict[str, Characteristic]] = {}
    several = [one for one in found.characteristics if one.quantity in rates.QUANTITIES]
    for metric in dict.fromkeys(one.metric for one in several):
        for one in several:
            if one.metric == metric:
                out.setdefault((metric, one.method), {})[one.quantity] = one
    return out


def families(found: Validation) -> Table:
    """One row for each promise about several comparisons at once."""
    several = [one for one in found.characteristics if one.quantity not in rates.QUANTITIES]
    return _listed(several)


def failures(found: Validation) -> Table:
    """The promised rates that left their bands."""
    return _listed(found.failures)


def _listed(characteristics: Iterable[Characteristic]) -> Table:
    rows = [
        (
            Cell(method(one.method)),
            Cell(about(one.metric)),
            Cell(_QUANTITIES[one.quantity]),
            _cell(one),
            Cell(_expected(one)),
        )
        for one in characteristics
    ]
    return Table(("method", "metric", "quantity", "measured", "expected"), tuple(rows))


def reasons(found: Validation) -> Table:
    """Why rates are findings and no promises, and of which metrics."""
    counts: Counter[str] = Counter()
    where: dict[str, dict[str, None]] = {}
    for row in found.rows:
        if row.why:
            counts[row.why] += 1
            name = row.characteristic.metric
            where.setdefault(row.why, {})[about(name)] = None
    rows = [
        (Cell(f"{why[0].upper()}{why[1:]}"), Cell("; ".join(where[why])), Cell(f"{count:,}"))
        for why, count in counts.items()
    ]
    return Table(("reason", "metrics", "rates"), tuple(rows))


def _cells(of: dict[str, Characteristic]) -> Iterator[Cell]:
    for quantity in rates.QUANTITIES:
        one = of.get(quantity)
        yield Cell(numbers.MISSING) if one is None else _cell(one)


def _cell(one: Characteristic) -> Cell:
    if one.measured is None:
        return Cell(numbers.MISSING)
    tone = "bad" if one.gated and one.within is False else ""
    if one.quantity == rates.WIDTH:
        relative = one.method in METHODS and METHODS[one.method].relative
        return Cell(_short(one.measured) + ("%" if relative else ""))
    wanted = f"expected {_expected(one)}" if one.expected is not None else ""
    text = _text(one, one.measured)
    if one.gated:
        wanted = f"[{_text(one, one.lower)}, {_text(one, one.upper)}]"
    elif one.within is False:
        wanted += " (outside)"
    return Cell(text, wanted, tone)


def _expected(one: Characteristic) -> str:
    return _text(one, one.expected)


def _text(one: Characteristic, value: float | None) -> str:
    if value is None:
        return numbers.MISSING
    if one.quantity in _MEANS:
        return numbers.number(value, 2 if value < 10 else 1) + "×"
    return numbers.percent(value)


def _short(value: float) -> str:
    """A width to three digits."""
    return numbers.number(value, max(numbers.decimals(abs(value)) + 1, 0))
