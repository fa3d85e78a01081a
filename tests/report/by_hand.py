"""A result made by hand: one treatment, one success metric, every number typed in."""

from __future__ import annotations

from typing import Any

Plain = dict[str, Any]

UNDEFINED = (
    *("control_mean", "treatment_mean", "effect", "lower", "upper"),
    *("relative_effect", "relative_lower", "relative_upper", "naive_lower", "naive_upper"),
    *("p_value", "p_adjusted", "significant"),
)


def effect_row(arm: str, metric: str, **values: Any) -> Plain:
    """A row of effects with everything undefined but what is given."""
    row: Plain = {"arm": arm, "metric": metric, "estimand": "mean"}
    row |= {"n_control": 100, "n_treatment": 100, **dict.fromkeys(UNDEFINED), "note": ""}
    return row | values


def success_row() -> Plain:
    return effect_row(
        "neural",
        "mean_time_per_session",
        control_mean=5.0,
        treatment_mean=5.5,
        effect=0.5,
        lower=0.2,
        upper=0.8,
        relative_effect=10.0,
        relative_lower=4.0,
        relative_upper=16.0,
        naive_lower=4.0,
        naive_upper=16.0,
        p_value=0.002,
        p_adjusted=0.002,
        significant=True,
    )


def exploratory_row() -> Plain:
    return effect_row(
        "neural",
        "skip_rate",
        n_control=99,
        control_mean=0.0,
        treatment_mean=0.1,
        effect=0.1,
        lower=-0.3,
        upper=0.5,
        p_value=0.62,
        significant=False,
        note="unbounded: the control's mean is not told apart from 0",
    )


def run_made() -> Plain:
    return {
        "seeds": {"world": 1, "dynamics": 31337},
        "digests": {"scenario": "sha256:aa", "world": "sha256:bb"},
        "formats": {"report": 2, "log": 1, "users": 1, "effects": 1},
        "abbotify": "0.1.0",
        "alpha": 0.05,
        "experiment": "TINY",
        "days": 7,
        "population": "exposed",
        "source": "simulation",
        "notes": ["the world was fitted to the lists it judges"],
    }


def hand_made() -> Plain:
    return {
        "scenario": {
            "name": "tiny",
            "metrics": {"success": ["mean_time_per_session"], "guardrails": [], "report": "all"},
        },
        "run": run_made(),
        "arms": [
            {"name": "sticky", "label": "C", "control": True, "users": 100},
            {"name": "neural", "label": "T1", "control": False, "users": 100},
        ],
        "effects": [success_row(), exploratory_row()],
        "checks": [
            {
                "name": "sample_ratio",
                "status": "pass",
                "summary": "users per arm are as planned",
                "details": {"p_value": 0.5},
            }
        ],
    }
