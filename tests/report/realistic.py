"""A result that looks like that of a run: two arms, a clear win, everything filled in."""

from __future__ import annotations

import numpy as np

from tests.report import found
from tests.report.arms import arm_of, positions, rows_of, training
from tests.report.by_hand import Plain, hand_made

SCENARIO: Plain = {
    "name": "neural-vs-sticky",
    "seeds": {"world": 1, "dynamics": 31337},
    "world": {
        "catalogue": {
            "source": "synthetic",
            "tracks": 50000,
            "artists": 8000,
            "genres": 30,
            "dims": 64,
        },
        "users": {"source": "synthetic", "count": 10000, "interests": 3},
    },
    "arrivals": {"sessions": 10000, "profile": "evening"},
    "listener": {
        "session_budget": 5,
        "artist_discount_gamma": 0.8,
        "max_tracks": 1000,
        "skip_below": 0.3,
    },
    "timeline": [
        {"phase": "collect", "days": 3, "traffic": {"random": 0.5, "sticky": 0.5}},
        {"phase": "train"},
        {"phase": "experiment", "days": 7, "retrain": "never"},
    ],
    "arms": {
        "sticky": {"recommender": "sticky_artist", "fallback": "random"},
        "neural": {"recommender": "neural", "embedding_size": 64, "learning_rate": 0.05},
    },
    "experiment": {"name": "NEURAL", "control": "sticky", "traffic": 1.0, "alpha": 0.05},
    "metrics": {
        "success": ["mean_time_per_session"],
        "guardrails": [
            {"metric": "skip_rate", "margin": 5.0},
            {"metric": "sessions", "margin": 2.5},
        ],
        "report": "all",
    },
    "log": {"level": "events", "botify": False},
    "shards": "auto",
}
SAMPLE_RATIO: Plain = {
    "name": "sample_ratio",
    "status": "pass",
    "summary": "4,987 and 5,003 users are as planned (p = 0.87).",
    "details": {"observed": [4987, 5003], "expected": [4995.0, 4995.0], "p_value": 0.87},
}
MONITORED: Plain = {
    "metric": "mean_time_per_session",
    "window_days": 3,
    "planned_users": 10_000,
    "spending": "obrien_fleming",
    "alpha": 0.05,
}


def realistic() -> Plain:
    """Two arms, a clear win, everything filled in."""
    draws = np.random.default_rng(5)
    data = hand_made()
    data["scenario"] = SCENARIO
    data["run"] |= {
        "experiment": "NEURAL",
        "notes": [],
        "digests": {"scenario": "sha256:" + "5f3a9c0e" * 8, "world": "sha256:" + "b1d40277" * 8},
    }
    data["arms"] = [
        arm_of("sticky", 0, 0.0, 4987, draws),
        arm_of("neural", 1, 1.0, 5003, draws),
    ]
    for arm, strength in zip(data["arms"], (0.0, 1.0), strict=True):
        arm["by_position"] = positions(strength)
        arm["retention"] = found.retention(strength)
    data["arms"][1]["trainings"] = [training(3, 27)]
    data["effects"] = rows_of("neural", 1.0, 4995, draws)
    data["effects"] += found.further_rows(data["effects"][0])
    data["checks"] = [SAMPLE_RATIO, *found.health()]
    return data | findings(data, draws)


def findings(data: Plain, draws: np.random.Generator) -> Plain:
    """What is told beside the effects; the treatment's looks and trend go to its arm."""
    data["arms"][1] |= {
        "looks": found.looks(1.0, range(3, 10), 8_000, 10_000),
        "trend": found.trend(1.0),
    }
    metric = "mean_time_per_session"
    return {
        "guardrails": [
            found.guardrail("neural", "skip_rate", -5.1, 2.0),
            found.guardrail("neural", "sessions", 0.4, 1.6, 2.5),
        ],
        "segments": found.segments({"neural": 1.0}, (metric,), draws),
        "monitored": MONITORED,
        "truth": found.truths("neural", metric, 0.42, draws),
    }
