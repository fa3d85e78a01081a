"""Guardrails of a run: every metric of every treatment, in the direction that is worse."""

from __future__ import annotations

import numpy as np

from abbotify.report.guardrails import guardrail_results, untested
from abbotify.stats import ArmMoments, GuardrailSpec, Moments
from abbotify.stats.non_inferiority import INFERIOR, METRIC, NON_INFERIOR

SPECS = (GuardrailSpec("time", 5.0), GuardrailSpec("skip_rate", 0.1, METRIC))


def arm(name: str, time: float, skips: float) -> ArmMoments:
    spread = np.linspace(-1, 1, 400)
    means = {"time": Moments.of(time + spread), "skip_rate": Moments.of(skips + spread / 10)}
    return ArmMoments(name, means)


def test_a_fall_of_time_and_a_rise_of_skips_are_losses() -> None:
    arms = [arm("C", 10, 0.5), arm("T1", 8, 0.3), arm("T2", 12, 0.7)]
    rows = {(row.arm, row.metric): row for row in guardrail_results(arms, SPECS, 0.05)}
    assert list(rows) == [(name, spec.metric) for name in ("T1", "T2") for spec in SPECS]
    assert rows["T1", "time"].verdict == INFERIOR
    assert rows["T1", "skip_rate"].verdict == NON_INFERIOR
    assert rows["T2", "time"].verdict == NON_INFERIOR
    assert rows["T2", "skip_rate"].verdict == INFERIOR
    assert rows["T1", "time"].loss is not None
    assert abs(rows["T1", "time"].loss - 20) < 1e-9
    assert (rows["T2", "skip_rate"].margin, rows["T2", "skip_rate"].unit) == (0.1, METRIC)


def test_a_failed_test_leaves_every_guardrail_without_a_verdict() -> None:
    rows = list(untested(["T1", "T2"], SPECS))
    assert [(row.arm, row.metric) for row in rows] == [
        *(("T1", "time"), ("T1", "skip_rate"), ("T2", "time"), ("T2", "skip_rate")),
    ]
    assert {(row.verdict, row.note) for row in rows} == {(None, "not determined")}
