"""What the rule decides on sound experiments, and on experiments that are not what they say."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from abbotify.errors import DataError
from abbotify.report.decision import Verdict
from abbotify.studies.validation.characteristics import Characteristic, rate
from benchmarks.estimators.effort import ALPHA, Effort
from benchmarks.estimators.sabotage import (
    MIXED,
    RANDOM,
    STICKY,
    Crashing,
    Experiment,
    Flaky,
    Silent,
    crossover,
    doubled,
    lost_users,
    novelty,
    plugin,
    run,
    spoilt,
    unlike_users,
)

REFUSED: Final = "refused"
"""A log that is not analysed at all."""


@dataclass(frozen=True)
class Case:
    """A kind of experiment.

    Attributes:
        name: what is the matter with it.
        experiment: replication and folder -> its report.
        sound: nothing is.
        ships: the share of experiments that may be shipped without reservations at most.
        replications: of the full table; those that the reference engine plays have fewer.
    """

    name: str
    experiment: Experiment
    sound: bool = False
    ships: float | None = 0.0
    replications: int = 500


_FEWER: Final = 200
_QUEUE: Final = {"replicas": 1, "timeout_ms": 10_000}
# Errors and queues show among fewer users too, and the reference engine takes its time.
_SMALLER: Final = {
    "world": {"catalogue": {"tracks": 500, "artists": 60}, "users": {"count": 400}},
    "arrivals": {"sessions": 400},
}
_FEW: Final = {"catalogue": {"tracks": 500, "artists": 60}, "users": {"count": 24}}

CASES: Final = (
    Case("no effect", run(RANDOM, RANDOM), True, ALPHA / 2),
    Case("better treatment", run(RANDOM, STICKY), True, None),
    Case("harmful treatment", run(STICKY, RANDOM), True, 0.0),
    Case("treatment crashes", run(RANDOM, plugin(Crashing), **_SMALLER), replications=_FEWER),
    Case("treatment answers nothing", run(RANDOM, plugin(Silent), **_SMALLER), replications=_FEWER),
    Case(
        "treatment fails on 4 % of requests",
        run(RANDOM, plugin(Flaky), **_SMALLER),
        replications=_FEWER,
    ),
    Case("control crashes", run(plugin(Crashing), MIXED, **_SMALLER), replications=_FEWER),
    Case("log given twice", doubled, replications=_FEWER),
    Case("users change arm", spoilt(RANDOM, STICKY, crossover)),
    Case("treated users lost", spoilt(RANDOM, STICKY, lost_users)),
    Case("heavy users in the treatment", unlike_users, ships=ALPHA / 2),
    Case("novelty", novelty, ships=ALPHA),
    Case("two dozen users", run(RANDOM, STICKY, world=_FEW, arrivals={"sessions": 24})),
    Case("shared queue", run(RANDOM, STICKY, service=_QUEUE, **_SMALLER), replications=_FEWER),
)


def decisions(effort: Effort) -> Iterator[Characteristic]:
    """The verdicts on each kind of experiment."""
    # A whole experiment takes half a second: a small calibration has few of each kind.
    share = 1.0 if effort.findings else 0.2
    for case in CASES:
        yield from verdicts(case, max(3, round(share * effort.of(case.replications))))


def verdicts(case: Case, replications: int) -> Iterator[Characteristic]:
    """How often each verdict is given; those that never are have no row, but for shipping."""
    counts = Counter(verdict(case, number) for number in range(replications))
    for name in (*Verdict, REFUSED):
        share, gated = None, False
        if name is Verdict.SHIP:
            share, gated = case.ships, case.ships is not None
        elif name is Verdict.INVALID and case.sound:
            share, gated = ALPHA, True
        if counts[name] or gated:
            yield rate(
                "decision", case.name, str(name), counts[name], replications, share, gated, True
            )


def verdict(case: Case, number: int) -> str:
    """The verdict on one experiment."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            result = case.experiment(number, Path(folder))
        except DataError:
            return REFUSED
    (row,) = result.decisions
    return Verdict(row.verdict)
