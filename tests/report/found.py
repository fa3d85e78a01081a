"""What a report says beside the effects, as it would be of a run; every shape it can have."""

from __future__ import annotations

import math

import numpy as np

from tests.report.by_hand import Plain, effect_row

NOTHING_SEEN = dict.fromkeys(
    ("information", "effect", "lower", "upper", "critical", "significant", "valid_lower")
) | dict.fromkeys(("valid_upper", "valid_p", "sample_ratio_p"))


def guardrail(arm: str, metric: str, loss: float, half: float, margin: float = 5.0) -> Plain:
    """A guardrail in per cent of the control, judged by its upper bound."""
    upper, lower = loss + half, loss - half
    verdict = "non-inferior" if upper < margin else "inferior" if lower > margin else "undecided"
    return {
        "arm": arm,
        "metric": metric,
        "margin": margin,
        "unit": "percent",
        "loss": loss,
        "lower": lower,
        "upper": upper,
        "p_value": 0.5 * math.erfc((margin - loss) / half * 1.645 / math.sqrt(2)),
        "verdict": verdict,
    }


def untested(arm: str, metric: str) -> Plain:
    """A guardrail in the metric's units that could not be tested."""
    undefined = dict.fromkeys(("loss", "lower", "upper", "p_value", "verdict"))
    note = "no variance: nobody had a <timeout>"
    return {
        "arm": arm,
        "metric": metric,
        "margin": 0.5,
        "unit": "metric",
        **undefined,
        "note": note,
    }


def looks(strength: float, days: range, users: int, planned: int) -> list[Plain]:
    """A window that opens after three days; the boundary falls as O'Brien and Fleming's does."""
    found: list[Plain] = []
    for done, day in enumerate(days, 1):
        if done < 3:
            note = "no window is complete yet"
            found.append({"day": day, "users": 0, **NOTHING_SEEN, "note": note})
            continue
        so_far = users * (done - 2) // (len(days) - 2)
        information = so_far / planned
        error = 5.2 / math.sqrt(so_far)
        effect = 0.42 * strength + 0.9 * error * math.sin(1.7 * day)
        critical = 2.0 / math.sqrt(max(information, 0.05))
        wide = error * (2.9 + 1.2 / done)
        found.append(
            {
                "day": day,
                "users": so_far,
                "information": information,
                "effect": effect,
                "lower": effect - critical * error,
                "upper": effect + critical * error,
                "critical": critical,
                "significant": abs(effect) > critical * error,
                "valid_lower": effect - wide,
                "valid_upper": effect + wide,
                "valid_p": min(1.0, math.exp(-0.5 * (effect / error) ** 2 + 1.5)),
                "sample_ratio_p": 0.9 - 0.5 * information,
                "note": "",
            }
        )
    return found


def trend(strength: float, days: int = 7) -> Plain:
    """A lift that fades."""
    effects = [9.0 * strength * math.exp(-day / 5) + 0.4 * math.cos(3 * day) for day in range(days)]
    return {
        "metric": "time",
        "days": [{"effect": each, "lower": each - 2.6, "upper": each + 2.6} for each in effects],
        "users": 2412,
        "slope": -1.05 * strength,
        "lower": -1.05 * strength - 0.5,
        "upper": -1.05 * strength + 0.5,
        "p_value": 0.0004 if strength > 0.5 else 0.31,
        "fading": strength > 0.5,
        "note": "",
    }


def retention(strength: float, days: int = 7) -> Plain:
    """Who comes back by a day, and on it."""
    numbers = range(1, days + 1)
    return {
        "days": list(numbers),
        "active": [0.19 + 0.012 * strength + 0.01 * math.sin(day) for day in numbers],
        "returned": [1 - math.exp(-(0.21 + 0.02 * strength) * day) for day in numbers],
    }


def segments(arms: dict[str, float], metrics: tuple[str, ...], draws: np.random.Generator) -> Plain:
    """Three kinds of users by what they listened to before; the effect falls from kind to kind."""
    rows, tests = [], []
    for arm, strength in arms.items():
        for metric in metrics:
            for at, name in enumerate(("pre_time < 3.2", "3.2 to 7.8", "7.8 and more")):
                lift = strength * (10 - 3.5 * at) + 0.6 * float(draws.normal())
                p = math.erfc(abs(lift) / 2.1 / math.sqrt(2))
                rows.append(_segment(arm, metric, name, lift, p))
            q = 4.0 + 6 * abs(strength)
            tests.append(
                {
                    "arm": arm,
                    "metric": metric,
                    "statistic": q,
                    "df": 2,
                    "p_value": math.exp(-q / 2),
                    "note": "",
                }
            )
    return {"by": "pre_time", "bounds": [3.2, 7.8], "without": 412, "rows": rows, "tests": tests}


def _segment(arm: str, metric: str, name: str, lift: float, p: float) -> Plain:
    return {
        "arm": arm,
        "metric": metric,
        "segment": name,
        "n_control": 1530,
        "n_treatment": 1498,
        "effect": lift * 0.06,
        "lower": (lift - 4.1) * 0.06,
        "upper": (lift + 4.1) * 0.06,
        "relative_effect": lift,
        "relative_lower": lift - 4.1,
        "relative_upper": lift + 4.1,
        "p_value": p,
        "p_adjusted": min(1.0, 1.5 * p),
    }


def truths(arm: str, metric: str, truth: float, draws: np.random.Generator) -> list[Plain]:
    """Methods beside the truth, in both forms; sessions taken as independent are too sure."""
    found: list[Plain] = []
    methods = (
        ("welch", "metric", 0.07, 0.14),
        ("fieller", "percent", 1.1, 2.2),
        ("delta", "metric", 0.06, 0.13),
        ("cuped", "metric", 0.05, 0.1),
        ("naive_relative", "percent", 1.1, 2.0),
        ("sessions_as_independent", "metric", 0.06, 0.05),
    )
    for method, unit, error, half in methods:
        scale = 1.0 if unit == "metric" else 16.0
        estimate = scale * truth + error * float(draws.normal())
        for form, factor in (("total", 1.0), ("equal_data", 0.93)):
            true = scale * truth * factor
            found.append(
                {
                    "arm": arm,
                    "metric": metric,
                    "form": form,
                    "method": method,
                    "unit": unit,
                    "estimate": estimate,
                    "lower": estimate - half,
                    "upper": estimate + half,
                    "truth": true,
                    "bias": estimate - true,
                    "covered": abs(estimate - true) <= half,
                    "note": "",
                }
            )
    return found


def further_rows(base: Plain) -> list[Plain]:
    """Other estimates of the effect in a row: adjusted, resampled, quantiles."""
    arm, metric = base["arm"], base["metric"]
    none = {"p_adjusted": None}
    half = (base["upper"] - base["lower"]) / 2
    closer = {"lower": base["effect"] - 0.8 * half, "upper": base["effect"] + 0.8 * half}
    rows = [
        base | none | closer | {"estimand": "cuped", "variance_reduction": 0.361},
        base | none | closer | {"estimand": "ratio_cuped", "variance_reduction": 0.334},
        base | none | {"estimand": "bootstrap", "p_value": None, "significant": None},
    ]
    rows += [
        effect_row(
            arm,
            metric,
            estimand=f"quantile_{quantile}",
            control_mean=base["control_mean"] * scale,
            treatment_mean=base["treatment_mean"] * scale,
            effect=base["effect"] * scale,
            lower=(base["effect"] - half) * scale,
            upper=(base["effect"] + half) * scale,
        )
        for quantile, scale in (("0.1", 0.4), ("0.5", 0.9), ("0.9", 1.9))
    ]
    return rows


def at_once(row: Plain) -> Plain:
    """The row with what holds for all treatments at once."""
    half = 0.65 * (row["upper"] - row["lower"])
    return row | {
        "simultaneous_lower": row["effect"] - half,
        "simultaneous_upper": row["effect"] + half,
        "p_simultaneous": min(1.0, 2.2 * row["p_value"]),
    }


def health() -> list[Plain]:
    """The checks of a run that has all of them."""
    told = (
        ("sample_ratio_watched", "pass", "At no look do the arms' sizes fail (least p 0.41)."),
        ("pre_balance", "pass", "Before the experiment the arms did not differ (p = 0.43)."),
        ("cuped_sign", "pass", "The adjustment turns no effect around."),
        ("skew", "warn", "Time per session is skewed (2.9): its interval may be too narrow."),
        ("novelty", "warn", "The effect of neural fades with the days since exposure."),
        ("interference", "pass", "Arms share neither training data nor servers."),
        ("truncated_sessions", "pass", "No session reached the track limit."),
        ("fallbacks", "info", "Requests answered by the fallback: neural 120 (0.18%)."),
        ("errors", "pass", "No recommender failed."),
        ("timeouts", "pass", "No request timed out."),
        ("arm_sizes", "pass", "Every arm has users."),
    )
    return [{"name": name, "status": status, "summary": text} for name, status, text in told]
