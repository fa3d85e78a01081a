"""A document as nasty as they come."""

from __future__ import annotations

import numpy as np

from tests.report.arms import arm_of, positions, rows_of, training
from tests.report.by_hand import Plain
from tests.report.realistic import SCENARIO, realistic

NAMES = (
    "sticky $x$",
    "neural <b>&amp;</b>",
    "i2i|`тест`\n夜",
    "contextual_with_a_very_long_name_indeed",
)
STRENGTHS = (0.0, 1.0, -0.6, 0.1)
UNBOUNDED = {
    "relative_lower": None,
    "relative_upper": None,
    "naive_lower": None,
    "note": "unbounded: the control's mean is not told apart from 0",
}
MISSING = dict.fromkeys(("distribution", "daily", "top_tracks", "counters", "metrics"))


def nasty() -> Plain:
    """Four arms, hostile names, unbounded and undefined rows, a failed check, gaps everywhere."""
    draws = np.random.default_rng(6)
    data = realistic()
    data["scenario"] = SCENARIO | {
        "name": "four <arms> & $counting$",
        "note": "</pre><script>alert(1)</script>",
    }
    data["run"]["notes"] = ["the world was fitted to the lists it judges <i>really</i>"]
    data["arms"] = nasty_arms(draws)
    data["effects"] = nasty_rows(draws)
    data["checks"][0] |= {
        "status": "fail",
        "summary": "Users per arm are not as planned (p = 2.5e-10): look at <assignment>.",
    }
    return data


def nasty_arms(draws: np.random.Generator) -> list[Plain]:
    """One without a picture, one without a top track, trainings of all kinds."""
    arms = [
        arm_of(name, at, strength, 1203 - 90 * (at == 2), draws, 1.0 if at < 3 else 0.5)
        for at, (name, strength) in enumerate(zip(NAMES, STRENGTHS, strict=True))
    ]
    for arm, strength, steps in zip(arms, STRENGTHS, (40, 23, 1, 0), strict=True):
        arm["by_position"] = positions(strength, steps) or None
    arms[1]["trainings"] = [training(day, 22 + day, 1 - day / 40) for day in (3, 5, 7)]
    arms[2]["trainings"] = [training(3, 15, 40.0, held_out=False)]
    arms[3]["trainings"] = [training(3, 0) | {"digest": "</code><script>alert(2)"}]
    arms[3] |= MISSING
    arms[2]["top_tracks"] = []
    del arms[2]["metrics"]["retained"]
    return arms


def nasty_rows(draws: np.random.Generator) -> list[Plain]:
    """One unbounded, one far off the axis, one undefined, and a metric that is left out."""
    rows = [rows_of(name, s, 1200, draws) for name, s in zip(NAMES[1:], STRENGTHS[1:], strict=True)]
    rows[2][3] |= UNBOUNDED
    rows[1][9] |= {"relative_lower": -190.0, "relative_upper": 750.0, "relative_effect": 200.0}
    rows[0][0] |= {"p_value": None, "p_adjusted": None, "significant": None}
    return [row for arm in rows for row in arm if row["metric"] != "minutes"]
