"""Looking again and again at a growing experiment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from abbotify.stats import cuped_means, difference, mean
from abbotify.stats.group_sequential import obrien_fleming, pocock
from abbotify.stats.monitoring import Pair, always_valid, monitor
from abbotify.studies.validation.characteristics import Characteristic, rate
from abbotify.studies.validation.methods import at_any_look
from benchmarks.estimators.effort import ALPHA, Effort, hits
from benchmarks.estimators.generated_users import BEFORE, VALUE, Law, Table, growing

_LAW: Final = Law(0.5)
_CELLS: Final = ((5, 200, 5000), (10, 200, 5000), (14, 100, 4000), (100, 100, 2000))
_SEQUENTIAL: Final = {5: 4000, 14: 1000}  # replications: 2.6 ms each at 5 looks
_ADJUSTED: Final = {5: 5000, 14: 2000}  # replications: 2 ms each at 14 looks


def peeking(effort: Effort) -> Iterator[Characteristic]:
    """Fixed tests, group-sequential ones and always-valid ones on the same looks."""
    for looks, batch, replications in _CELLS:
        table = growing(f"peeking {looks}", _LAW, [(batch, batch)] * looks, effort.of(replications))
        setting = f"lognormal s = {_LAW.s}, {looks} looks, {batch} new users an arm"
        yield from _looks(table, looks, setting, at_any_look(looks, ALPHA))
        if looks in _SEQUENTIAL:
            yield from _sequential(table, looks, setting, effort.of(_SEQUENTIAL[looks]))
            part = effort.of(_ADJUSTED[looks])
            yield from _looks(table, looks, setting, at_any_look(looks, ALPHA), part)
            part = effort.of(_SEQUENTIAL[looks])
            yield from _sequential(table, looks, setting, part, adjusted=True)
    table = growing("peeking skewed", Law(1.0), [(200, 200)] * 14, effort.of(2000))
    setting = "lognormal s = 1.0, 14 looks, 200 new users an arm"
    yield from _looks(table, 14, setting, at_any_look(14, ALPHA))


def _looks(
    table: Table, looks: int, setting: str, expected: float, adjusted: int = 0
) -> Iterator[Characteristic]:
    """Fixed and always-valid tests; of adjusted estimates in so many replications, if in any."""
    fixed = valid = 0
    users, of = sum(table.sizes[-2:]), adjusted or len(table)
    for number in range(of):
        pairs = _pairs(table, number, looks, adjusted > 0)
        fixed += hits([difference(*pair, ALPHA).p_value for pair in pairs]) > 0
        valid += bool(always_valid(pairs, users, ALPHA)[-1].significant)
    quantity, kind = "false_positive_rate", _kind(adjusted > 0)
    yield rate(f"{kind}fixed", setting, quantity, fixed, of, expected, True)
    yield rate(f"{kind}always_valid", setting, quantity, valid, of, ALPHA, True, at_most=True)


def _sequential(
    table: Table, looks: int, setting: str, replications: int, adjusted: bool = False
) -> Iterator[Characteristic]:
    control, treatment = table.sizes[-2:]
    left = 1 - _LAW.value_correlation**2 if adjusted else 1.0
    planned = 1 / (left * (_LAW.variance / control + _LAW.variance / treatment))
    stopped: Counter[str] = Counter()
    for number in range(replications):
        pairs = _pairs(table, number, looks, adjusted)
        for spending in (obrien_fleming, pocock):
            found = monitor(pairs, planned, ALPHA, spending, final=True)
            stopped[spending.__name__] += found.stopped is not None
    for name in (obrien_fleming.__name__, pocock.__name__):
        count, method = stopped[name], f"{_kind(adjusted)}{name}"
        yield rate(method, setting, "false_positive_rate", count, replications, ALPHA, True)


def _kind(adjusted: bool) -> str:
    return "cuped, " if adjusted else ""


def _pairs(table: Table, number: int, looks: int, adjusted: bool) -> list[Pair]:
    places = range(0, 2 * looks, 2)
    if adjusted:
        columns = (VALUE, BEFORE)
        arms = [[table.moments(number, at + arm, columns) for arm in (0, 1)] for at in places]
        return [cuped_means(pair).pair(1) for pair in arms]
    control = [mean(table.moments(number, at)) for at in places]
    treatment = [mean(table.moments(number, at + 1)) for at in places]
    return list(zip(control, treatment, strict=True))
