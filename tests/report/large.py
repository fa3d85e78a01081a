"""A result as large as they come: ten arms, sixty days, everything filled in."""

from __future__ import annotations

import numpy as np

from tests.report import found
from tests.report.arms import arm_of, daily, positions, rows_of, training
from tests.report.by_hand import Plain
from tests.report.realistic import MONITORED, realistic

ARMS = 10
DAYS = 60
METRIC = "mean_time_per_session"


def large() -> Plain:
    """Ten arms over sixty days, retrained every day."""
    draws = np.random.default_rng(7)
    data = realistic()
    data["run"] |= {"days": DAYS}
    data["arms"] = [_arm(at, draws) for at in range(ARMS)]
    treated = {arm["name"]: at / ARMS - 0.3 for at, arm in enumerate(data["arms"]) if at}
    rows = [
        [found.at_once(row) for row in _measured(name, s, draws)] for name, s in treated.items()
    ]
    further = [row for arm in rows for base in arm[:3] for row in found.further_rows(base)]
    data["effects"] = [row for arm in rows for row in arm] + further
    return data | {
        "guardrails": [
            found.guardrail(name, metric, -3 * strength, 2.0)
            for metric in ("skip_rate", "sessions", "retained")
            for name, strength in treated.items()
        ],
        "segments": found.segments(treated, (METRIC, "time", "skip_rate"), draws),
        "monitored": MONITORED,
        "truth": [
            row
            for metric in (METRIC, "time", "sessions", "tracks")
            for name, strength in treated.items()
            for row in found.truths(name, metric, 0.4 * strength, draws)
        ],
    }


def _measured(name: str, strength: float, draws: np.random.Generator) -> list[Plain]:
    return [row for row in rows_of(name, strength, 4995, draws) if row["p_value"] is not None]


def _arm(at: int, draws: np.random.Generator) -> Plain:
    """An arm with all of its pictures."""
    strength = at / ARMS - 0.3 if at else 0.0
    arm = arm_of(f"arm number {at}", at, strength, 5000, draws)
    days = daily(strength, draws, at == 0)
    arm["daily"] = [days[day % len(days)] | {"day": day} for day in range(DAYS)]
    arm["by_position"] = positions(strength, 200)
    arm["retention"] = found.retention(strength, DAYS)
    if at:
        arm["trainings"] = [training(day, 20, 1 - day / 90) for day in range(DAYS)]
        arm["looks"] = found.looks(strength, range(DAYS), 9_000, 10_000)
        arm["trend"] = found.trend(strength, DAYS)
    return arm
