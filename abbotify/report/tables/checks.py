"""The checks of a run on one screen: their results, and what was not checked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import MappingProxyType
from typing import Final

from abbotify.report.result import Check
from abbotify.report.text import labels
from abbotify.report.text.numbers import plural

USUAL: Final = (
    "sample_ratio",
    "sample_ratio_watched",
    "pre_balance",
    "cuped_sign",
    "skew",
    "novelty",
    "interference",
    "truncated_sessions",
    "fallbacks",
)
"""The usual checks of an experiment."""

TONES: Final = MappingProxyType({"fail": "bad", "warn": "warn", "pass": "good", "info": "calm"})
"""The tone of each result, worst first."""

_MEANINGS: Final = MappingProxyType(
    {"fail": "failed", "warn": "warning", "pass": "passed", "info": "noted, not tested"}
)


def usual(checks: Iterable[Check]) -> list[tuple[int, Check]]:
    """The usual checks that were made, with their place among all checks, from 1."""
    made = {check.name: (place, check) for place, check in enumerate(checks, 1)}
    return [made[name] for name in USUAL if name in made]


def missing(checks: Iterable[Check]) -> list[str]:
    """The labels of the usual checks that were not made."""
    made = {check.name for check in checks}
    return [labels.check(name) for name in USUAL if name not in made]


def legend(checks: Iterable[tuple[int, Check]]) -> list[tuple[str, str]]:
    """The tones of some checks and what each means, worst first."""
    shown = {check.status for _, check in checks}
    return [(tone, _MEANINGS[status]) for status, tone in TONES.items() if status in shown]


def state(checks: Sequence[Check]) -> tuple[str, str]:
    """The state of all checks in a few words, and its tone."""
    failed = sum(check.status == "fail" for check in checks)
    warned = sum(check.status == "warn" for check in checks)
    if failed:
        return f"{plural(failed, 'check')} failed", "bad"
    if warned:
        return f"{plural(warned, 'warning')}, no check failed", "warn"
    return ("All checks passed", "good") if checks else ("No checks were made", "warn")
