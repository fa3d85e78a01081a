"""The health of a run on one screen: its checks and their results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from abbotify.report.result import Check, Result
from abbotify.report.text.labels import check, clean
from abbotify.report.text.numbers import plural

ITEMS: Final = {
    "sample_ratio": "Sample ratio",
    "sample_ratio_watched": "Ratio by day",
    "pre_balance": "Balance before",
    "cuped_sign": "CUPED sign",
    "skew": "Skew",
    "novelty": "Novelty",
    "interference": "Interference",
    "truncated_sessions": "Cut sessions",
    "fallbacks": "Fallbacks",
}
"""The usual checks of an experiment, and their short names."""

TONES: Final = {"pass": "good", "warn": "warn", "fail": "bad", "info": "calm"}

MEANINGS: Final = {
    "bad": "failed",
    "warn": "warning",
    "good": "passed",
    "calm": "noted, not tested",
}
"""What the mark of each tone says."""


@dataclass(frozen=True)
class Item:
    """One check: its short name, the sentence, and its place among all checks, from 1."""

    name: str
    status: str
    tone: str
    summary: str
    number: int


@dataclass(frozen=True)
class Health:
    """The state in words, the usual checks, those that warn or failed, and those not made."""

    summary: str
    tone: str
    items: tuple[Item, ...]
    troubles: tuple[Item, ...]
    unchecked: tuple[str, ...]

    @property
    def legend(self) -> tuple[tuple[str, str], ...]:
        """The tones of the checks shown and what each says, worst first."""
        shown = {item.tone for item in self.items}
        return tuple((tone, text) for tone, text in MEANINGS.items() if tone in shown)


def health(result: Result) -> Health:
    """The summary of all checks for the first screen."""
    checks = result.checks
    every = [_item(each, at) for at, each in enumerate(checks, 1)]
    named = {each.name: item for each, item in zip(checks, every, strict=True)}
    summary, tone = state(checks)
    return Health(
        summary=summary,
        tone=tone,
        items=tuple(named[name] for name in ITEMS if name in named),
        troubles=tuple(item for item in every if item.status in ("fail", "warn")),
        unchecked=tuple(short for name, short in ITEMS.items() if name not in named),
    )


def state(checks: tuple[Check, ...]) -> tuple[str, str]:
    """The state of all checks in a few words, and its tone."""
    failed = sum(each.status == "fail" for each in checks)
    warned = sum(each.status == "warn" for each in checks)
    if failed:
        return f"{plural(failed, 'check')} failed", "bad"
    if warned:
        return f"{plural(warned, 'warning')}, no check failed", "warn"
    return ("All checks passed", "good") if checks else ("No checks were made", "warn")


def _item(each: Check, number: int) -> Item:
    return Item(
        name=ITEMS.get(each.name) or clean(check(each.name)),
        status=each.status,
        tone=TONES[each.status],
        summary=clean(each.summary),
        number=number,
    )
