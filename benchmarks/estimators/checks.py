"""The checks beside the effects: arms' sizes, guardrails, trends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from abbotify import rng
from abbotify.stats import Moments, mean, sample_ratio
from abbotify.stats.heterogeneity import novelty
from abbotify.stats.non_inferiority import METRIC, NON_INFERIOR, GuardrailSpec, guardrail
from abbotify.stats.normal import one_sided_error
from abbotify.stats.sample_ratio import ALPHA as SRM_ALPHA
from abbotify.stats.sample_ratio import watch_sample_ratio
from abbotify.studies.validation.characteristics import Characteristic, rate
from abbotify.studies.validation.methods import at_any_look
from benchmarks.estimators.effort import ALPHA, Effort, hits
from benchmarks.estimators.generated_users import (
    SEED,
    STREAM,
    Floats,
    Law,
    Table,
    cell,
    difference_skewness,
    draw,
    scaled,
    shifted,
)

Counts = NDArray[np.int64]
_MARGIN: Final = 5.0  # per cent


def sizes(effort: Effort) -> Iterator[Characteristic]:
    """Alarms about arms that are split as promised."""
    for weights in ((1.0, 1.0), (9.0, 1.0), (0.5, 0.3, 0.2)):
        named = "/".join(f"{100 * weight / sum(weights):.0f}" for weight in weights)
        counts = _split(f"srm {named}", weights, 20, 500, effort.of(20_000))
        last = counts[:, -1].tolist()
        setting = f"10 000 users split {named}"
        for level in (ALPHA, SRM_ALPHA):
            alarms = sum(sample_ratio(users, weights, level).mismatch is True for users in last)
            name = f"srm at {level}"
            yield rate(name, setting, "false_alarms", alarms, len(last), level, True)
        yield from _watched(counts[: effort.of(5000)], weights, setting)


def _watched(counts: Counts, weights: tuple[float, ...], setting: str) -> Iterator[Characteristic]:
    setting += ", 20 looks"
    again = valid = 0
    for users in counts.tolist():
        again += any(sample_ratio(look, weights, ALPHA).mismatch for look in users)
        valid += watch_sample_ratio(users, weights, ALPHA)[-1].mismatch
    expected = at_any_look(20, ALPHA) if len(weights) == 2 else None
    name = f"srm at {ALPHA}, looking again"
    yield rate(name, setting, "false_alarms", again, len(counts), expected)
    name = f"srm sequential at {ALPHA}"
    yield rate(name, setting, "false_alarms", valid, len(counts), ALPHA, True, at_most=True)


def _split(
    name: str, weights: tuple[float, ...], looks: int, batch: int, replications: int
) -> Counts:
    """Users per arm by each look, shape (replications, looks, arms)."""
    edges = np.cumsum(weights)[:-1] / sum(weights)
    counts = np.empty((replications, looks, len(weights)), dtype=np.int64)
    for number in range(replications):
        drawn = rng.uniforms(SEED, STREAM, cell(name), 1, looks * batch, first=number)
        arms = np.searchsorted(edges, drawn.reshape(looks, batch), side="right")
        for arm in range(len(weights)):
            counts[number, :, arm] = (arms == arm).sum(axis=1).cumsum()
    return counts


def guardrails(effort: Effort) -> Iterator[Characteristic]:
    """The verdict "non-inferior" on treatments that are worse by the margin."""
    for s, users, gate in (
        (0.5, (500, 500), True),
        (1.0, (5000, 5000), True),
        (0.5, (9000, 1000), False),
        (1.0, (9000, 1000), False),
    ):
        if gate or effort.findings:
            law = Law(s)
            table = draw(f"guardrails {s} {users}", law, users, effort.of(4000))
            for higher in (True, False):
                yield from _passed(table, law, users, higher, gate)


def _passed(
    table: Table, law: Law, users: tuple[int, int], higher: bool, gate: bool
) -> Iterator[Characteristic]:
    factor = 1 - _MARGIN / 100 if higher else 1 + _MARGIN / 100
    fall = (factor - 1) * law.mean
    verdicts: Counter[tuple[str, str | None]] = Counter()
    for number in range(len(table)):
        control, treatment = table.pair(number)
        plain = mean(control), mean(shifted(treatment, fall))
        found = guardrail(GuardrailSpec("", abs(fall), METRIC), *plain, ALPHA, higher)
        verdicts["guardrail", found.verdict] += 1
        lifted = mean(control), mean(scaled(treatment, factor))
        found = guardrail(GuardrailSpec("", _MARGIN), *lifted, ALPHA, higher)
        verdicts["relative_guardrail", found.verdict] += 1
    setting = f"lognormal s = {law.s}, {users[0]}/{users[1]} users, "
    setting += "a fall is the loss" if higher else "a rise is the loss"
    # Where a fall is the loss, what passes lies in the upper tail of the difference.
    skewness = difference_skewness(law.skewness, *users)
    expected = one_sided_error(-skewness if higher else skewness, ALPHA)
    for method in ("guardrail", "relative_guardrail"):
        count, quantity = verdicts[method, NON_INFERIOR], "false_positive_rate"
        yield rate(method, setting, quantity, count, len(table), expected, gate)


def trends(effort: Effort) -> Iterator[Characteristic]:
    """Trends where the lift has none."""
    users, replications = 500, effort.of(4000)
    falling = 2 ** (-np.arange(7) / 6)
    found: Counter[str] = Counter()
    for number in range(replications):
        arms = [_week(number * 2 + arm, users) for arm in (0, 1)]
        plain = novelty(Moments.of(arms[0]), Moments.of(arms[1]), ALPHA)
        found["trend"] += hits([plain.trend.p_value])
        found["relative trend"] += hits([plain.relative_trend.p_value])
        found["fading"] += plain.fading is True
        lifted = novelty(Moments.of(arms[0] * falling), Moments.of(1.2 * arms[1] * falling), ALPHA)
        found["relative trend, lift 20 %"] += hits([lifted.relative_trend.p_value])
        found["trend, lift 20 %"] += hits([lifted.trend.p_value])
    setting = f"7 days of {users} users an arm, correlation .5"
    for name, expected in (
        ("trend", ALPHA),
        ("relative trend", ALPHA),
        ("fading", ALPHA / 2),
        ("relative trend, lift 20 %", ALPHA),
        ("trend, lift 20 %", None),
    ):
        of, gate = replications, expected is not None
        quantity = "false_positive_rate" if gate else "power"
        yield rate(name, setting, quantity, found[name], of, expected, gate)


def _week(number: int, users: int) -> Floats:
    """Values of users on seven days, shape (users, 7): lognormal, s = .5."""
    drawn = rng.normals(SEED, STREAM, cell("week"), users, 8, first=number * users)
    return np.exp(0.5 * np.sqrt(0.5) * (drawn[:, :1] + drawn[:, 1:]))
