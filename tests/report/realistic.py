"""A document that looks like that of a run: two arms, a clear win, everything filled in."""

from __future__ import annotations

import numpy as np

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
    "metrics": {"success": ["mean_time_per_session"], "guardrails": [], "report": "all"},
    "log": {"level": "events", "botify": False},
    "shards": "auto",
}
CHECKS: list[Plain] = [
    {
        "name": "sample_ratio",
        "status": "pass",
        "summary": "4,987 and 5,003 users are as planned (p = 0.87).",
        "details": {"observed": [4987, 5003], "expected": [4995.0, 4995.0], "p_value": 0.87},
    },
    {
        "name": "fallbacks",
        "status": "pass",
        "summary": "No arm leans on its fallback: at most 0.2% of requests.",
        "details": None,
    },
    {
        "name": "skewness",
        "status": "warn",
        "summary": "Listened time is skewed; its interval may be a little narrow.",
        "details": {"time": 2.9},
    },
    {
        "name": "truncated_sessions",
        "status": "info",
        "summary": "No session was cut at 1,000 tracks.",
        "details": None,
    },
]


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
    data["arms"][1]["trainings"] = [training(3, 27)]
    data["effects"] = rows_of("neural", 1.0, 4995, draws)
    data["checks"] = [dict(check) for check in CHECKS]
    return data
