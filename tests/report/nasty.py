"""A result as nasty as they come."""

from __future__ import annotations

import numpy as np

from tests.report import found
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
EXTREMES = (1e-12, 1e12, 1e300)
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
    data["checks"][0] = data["checks"][0] | {
        "status": "fail",
        "summary": "Users per arm are not as planned (p = 2.5e-10): look at <assignment>.",
    }
    data["checks"].append({"name": "layer <b>", "status": "info", "summary": "An <i>other</i>."})
    return data | nasty_findings(data["arms"], draws)


def nasty_findings(arms: list[Plain], draws: np.random.Generator) -> Plain:
    """Some of everything: what is undefined, without a note, out of all proportion."""
    metric = "mean_time_per_session"
    treated = dict(zip(NAMES[1:], STRENGTHS[1:], strict=True))
    for arm, strength in zip(arms, STRENGTHS, strict=True):
        arm["retention"] = found.retention(strength, 1 if strength > 0.5 else 12)
    for arm, strength in zip(arms[1:], STRENGTHS[1:], strict=True):
        arm["looks"] = found.looks(strength, range(3, 15), 900, 5_000)
        arm["trend"] = found.trend(strength)
    arms[3]["looks"] = found.looks(0.0, range(3, 5), 900, 5_000)
    arms[3]["trend"] |= dict.fromkeys(("slope", "lower", "upper", "p_value", "fading"))
    arms[3]["trend"]["days"][2:] = [dict.fromkeys(("effect", "lower", "upper"))] * 5
    parts = found.segments(treated, (metric, "skip_rate"), draws)
    for row in parts["rows"][::3]:
        row["segment"] = "<b>ages</b> `18|24` $x$ 夜"
    parts["rows"][1] |= dict.fromkeys(
        ("relative_effect", "relative_lower", "relative_upper", "p_value", "p_adjusted")
    )
    parts["tests"][0] |= dict.fromkeys(("statistic", "df", "p_value"), None) | {"note": "<none>"}
    true = [row for arm, s in treated.items() for row in found.truths(arm, metric, 0.4 * s, draws)]
    true[0] |= dict.fromkeys(("estimate", "lower", "upper", "bias", "covered"))
    true[1] |= {"truth": None, "bias": None, "covered": None, "note": "not <trained>"}
    for row, value in zip(true[4:], EXTREMES, strict=False):
        row |= {"estimate": value, "lower": -value, "upper": 2 * value, "bias": value}
    rails = [found.guardrail(arm, "skip_rate", 6 * s + 4, 2.1) for arm, s in treated.items()]
    rails += [found.untested(arm, "timeouts") for arm in treated]
    return {"guardrails": rails, "segments": parts, "truth": true}


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
    rows[0] += found.further_rows(rows[0][0])
    rows[1][:3] = [found.at_once(row) for row in rows[1][:3]]
    rows[0][0] |= {"p_value": None, "p_adjusted": None, "significant": None}
    return [row for arm in rows for row in arm if row["metric"] != "minutes"]
