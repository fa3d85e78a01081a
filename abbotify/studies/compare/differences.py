"""What was run, as texts under key paths, and where two runs differ in it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from abbotify.report import Result


@dataclass(frozen=True)
class Difference:
    """A key and what it is in each run; None where it is not there."""

    key: str
    a: str | None
    b: str | None


def differing(a: Result, b: Result) -> tuple[Difference, ...]:
    """The keys that differ: those of the scenario, then seeds, digests and version."""
    one, two = _facts(a), _facts(b)
    return tuple(
        Difference(key, one.get(key), two.get(key))
        for key in dict.fromkeys([*one, *two])
        if one.get(key) != two.get(key)
    )


def _facts(result: Result) -> dict[str, str]:
    run = result.run
    facts = {
        **dict(_flat(result.scenario)),
        **{f"seeds.{name}": str(seed) for name, seed in run.seeds.items()},
        **{f"{name} digest": digest for name, digest in run.digests.items()},
        "abbotify": run.abbotify,
        "source": run.source,
    }
    if run.source == "simulation":  # whose scenario says the rest
        return facts
    days = {} if run.days is None else {"days": str(run.days)}
    return {**facts, **days, "alpha": str(run.alpha), "population": run.population}


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """(key path, text) of every leaf; lists of plain values are leaves."""
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _flat(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and any(isinstance(inner, Mapping) for inner in value):
        for at, inner in enumerate(value):
            yield from _flat(inner, f"{path}.{at}")
    elif path:
        yield path, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
