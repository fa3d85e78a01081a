"""Documents to render: one small and made by hand, one realistic, one as nasty as they come."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from abbotify.report.document import Document

Plain = dict[str, Any]


def effect_row(arm: str, metric: str, **values: Any) -> Plain:
    """A row of effects with everything undefined but what is given."""
    row: Plain = {
        "arm": arm,
        "metric": metric,
        "estimand": "mean",
        "n_control": 100,
        "n_treatment": 100,
        "control_mean": None,
        "treatment_mean": None,
        "effect": None,
        "lower": None,
        "upper": None,
        "relative_effect": None,
        "relative_lower": None,
        "relative_upper": None,
        "naive_lower": None,
        "naive_upper": None,
        "p_value": None,
        "p_adjusted": None,
        "significant": None,
        "note": "",
    }
    return row | values


def hand_made() -> Plain:
    """One treatment, one success metric, one exploratory metric; every number typed in."""
    return {
        "scenario": {
            "name": "tiny",
            "metrics": {"success": ["mean_time_per_session"], "guardrails": [], "report": "all"},
        },
        "run": {
            "seeds": {"world": 1, "dynamics": 31337},
            "digests": {"scenario": "sha256:aa", "world": "sha256:bb"},
            "formats": {"report": 1, "log": 1, "users": 1, "effects": 1},
            "abbotify": "0.1.0",
            "alpha": 0.05,
            "experiment": "TINY",
            "days": 7,
            "population": "exposed",
            "source": "simulation",
            "notes": ["the world was fitted to the lists it judges"],
        },
        "arms": [
            {"name": "sticky", "label": "C", "control": True, "users": 100},
            {"name": "neural", "label": "T1", "control": False, "users": 100},
        ],
        "effects": [
            effect_row(
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
            ),
            effect_row(
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
            ),
        ],
        "checks": [
            {
                "name": "sample_ratio",
                "status": "pass",
                "summary": "users per arm are as planned",
                "details": {"p_value": 0.5},
            }
        ],
    }


_METRICS = {
    # name: (control mean, sd over users, effect of a perfect treatment)
    "mean_time_per_session": (6.13, 3.4, 0.065),
    "time": (7.6, 6.1, 0.071),
    "sessions": (1.24, 0.55, 0.004),
    "tracks": (14.9, 9.2, 0.031),
    "mean_tracks_per_session": (12.0, 5.0, 0.029),
    "mean_request_latency": (11.2, 2.0, 0.42),
    "minutes": (22.8, 18.0, 0.071),
    "skip_rate": (0.412, 0.2, -0.052),
    "repeat_rate": (0.031, 0.05, -0.21),
    "artist_diversity": (0.36, 0.18, 0.33),
    "retained": (0.61, 0.49, 0.006),
    "timeouts": (0.0, 0.0, 0.0),
}


def _measured(arm: str, name: str, strength: float, n: int, draws: np.random.Generator) -> Plain:
    mean, sd, gain = _METRICS[name]
    error = sd * math.sqrt(2 / n)
    effect = strength * gain * mean + error * float(draws.normal()) * 0.5
    half = 1.96 * error
    p = math.erfc(abs(effect) / error / math.sqrt(2))
    success = name == "mean_time_per_session"
    return effect_row(
        arm,
        name,
        n_control=n,
        n_treatment=n,
        control_mean=mean,
        treatment_mean=mean + effect,
        effect=effect,
        lower=effect - half,
        upper=effect + half,
        relative_effect=100 * effect / mean,
        relative_lower=99 * (effect - half) / mean,
        relative_upper=101 * (effect + half) / mean,
        naive_lower=100 * (effect - half) / mean,
        naive_upper=100 * (effect + half) / mean,
        p_value=p,
        p_adjusted=p if success else None,
        significant=p < 0.05,
    )


def _rows(arm: str, strength: float, n: int, draws: np.random.Generator) -> list[Plain]:
    rows = []
    for name in _METRICS:
        if name == "timeouts":
            flat = dict.fromkeys(("control_mean", "treatment_mean", "effect"), 0.0)
            note = "no variance: nobody had a timeout"
            rows.append(effect_row(arm, name, n_control=n, n_treatment=n, note=note, **flat))
            continue
        rows.append(_measured(arm, name, strength, n, draws))
        if name in ("mean_time_per_session", "skip_rate"):
            ratio = _measured(arm, name, strength, n, draws)
            rows.append(ratio | {"estimand": "ratio", "p_adjusted": None})
    return rows


def _curves(strength: float, users: int, draws: np.random.Generator, control: bool) -> Plain:
    times = draws.gamma(3.2, 1.95 * (1 + 0.065 * strength), users)
    edges = np.linspace(0, 40, 41)
    tracks = np.arange(1, 61)
    days = [
        {
            "day": day,
            "users": 1400 + day,
            "mean": 6.1,
            "effect": None if control else 0.38 * strength + 0.1 * float(draws.normal()),
            "lower": None,
            "upper": None,
        }
        for day in range(3, 10)
    ]
    for day in days:
        if day["effect"] is not None:
            day |= {"lower": day["effect"] - 0.3, "upper": day["effect"] + 0.3}
    return {
        "distribution": {
            "metric": "mean_time_per_session",
            "edges": edges.tolist(),
            "counts": np.histogram(times, edges)[0].tolist(),
        },
        "survival": {
            "tracks": tracks.tolist(),
            "alive": np.exp(-((tracks / (12.5 + strength)) ** 1.6)).tolist(),
        },
        "daily": days,
    }


def positions(strength: float, steps: int = 40) -> list[Plain]:
    """Falling means, the more slowly the stronger the arm."""
    return [
        {
            "step": step,
            "n": int(6000 * 0.9**step) + 50,
            "mean": 0.18 + 0.42 * (1 + 0.1 * strength) * math.exp(-step / (9 + 4 * strength)),
        }
        for step in range(1, steps + 1)
    ]


def training(day: int, passes: int, scale: float = 1.0, held_out: bool = True) -> Plain:
    """A loss that falls, and one that rises again over what was held out."""
    curve = [
        {
            "number": number,
            "loss": scale * (0.06 + 0.08 * math.exp(-number / 6) - 0.0004 * number),
            "validation": scale * (0.085 + 0.05 * math.exp(-number / 5) + 2e-5 * number**2)
            if held_out
            else None,
            "learning_rate": 0.01,
        }
        for number in range(1, passes + 1)
    ]
    return {
        "day": day,
        "plays": 90_000 + 31_000 * day,
        "curve": curve,
        "digest": "sha256:" + "7c" * 32,
    }


_TITLES = (
    ("Bohemian Rhapsody", "Queen"),
    ("Águas de Março", "Elis Regina & Tom Jobim"),
    ("<script>alert('x')</script>", "Bobby <b>Tables</b>"),
    ("С чего начинается Родина", "Марк Бернес"),
    ('Cash $ex $5 & "Quotes" | Pipes', "A$AP Rocky"),
    ("夜に駆ける", "YOASOBI"),
    ("Supercalifragilistic" * 4, "A name that goes on for much longer than any column is wide"),
    ("Clair de lune 🌙", "Claude Debussy"),
)


def _arm(
    name: str, at: int, strength: float, users: int, draws: np.random.Generator, weight: float = 1.0
) -> Plain:
    titles = _TITLES[at % 3 :] + _TITLES[: at % 3]
    return {
        "name": name,
        "label": f"T{at}" if at else "C",
        "control": at == 0,
        "users": users,
        "recommender": ("sticky_artist", "neural", "i2i", "contextual")[at % 4],
        "weight": weight,
        "assigned": users + 17,
        "sessions": int(users * 1.24),
        "tracks": int(users * 14.9),
        "metrics": {
            metric: {"n": users, "mean": mean * (1 + strength * gain), "variance": sd**2}
            for metric, (mean, sd, gain) in _METRICS.items()
        },
        **_curves(strength, users, draws, at == 0),
        "top_tracks": [
            {
                "track": 7 + 31 * k,
                "title": title,
                "artist": artist,
                "plays": 412 // (k + 1),
                "share": 0.013 / (k + 1),
            }
            for k, (title, artist) in enumerate(titles)
        ],
        "counters": {
            "requests": int(users * 13.6),
            "fallbacks": 120 * at,
            "errors": 0,
            "misses": 120 * at,
            "timeouts": 0,
            "truncated_sessions": 3 if at == 2 else 0,
        },
    }


_SCENARIO: Plain = {
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

_CHECKS: list[Plain] = [
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
    data["scenario"] = _SCENARIO
    data["run"] |= {
        "experiment": "NEURAL",
        "notes": [],
        "digests": {"scenario": "sha256:" + "5f3a9c0e" * 8, "world": "sha256:" + "b1d40277" * 8},
    }
    data["arms"] = [
        _arm("sticky", 0, 0.0, 4987, draws),
        _arm("neural", 1, 1.0, 5003, draws),
    ]
    for arm, strength in zip(data["arms"], (0.0, 1.0), strict=True):
        arm["by_position"] = positions(strength)
    data["arms"][1]["trainings"] = [training(3, 27)]
    data["effects"] = _rows("neural", 1.0, 4995, draws)
    data["checks"] = [dict(check) for check in _CHECKS]
    return data


def nasty() -> Plain:
    """Four arms, hostile names, unbounded and undefined rows, a failed check, gaps everywhere."""
    draws = np.random.default_rng(6)
    data = realistic()
    names = (
        "sticky $x$",
        "neural <b>&amp;</b>",
        "i2i|`тест`\n夜",
        "contextual_with_a_very_long_name_indeed",
    )
    strengths = (0.0, 1.0, -0.6, 0.1)
    data["scenario"] = _SCENARIO | {
        "name": "four <arms> & $counting$",
        "note": "</pre><script>alert(1)</script>",
    }
    data["run"]["notes"] = ["the world was fitted to the lists it judges <i>really</i>"]
    data["arms"] = [
        _arm(name, at, strength, 1203 - 90 * (at == 2), draws, 1.0 if at < 3 else 0.5)
        for at, (name, strength) in enumerate(zip(names, strengths, strict=True))
    ]
    for arm, strength, steps in zip(data["arms"], strengths, (40, 23, 1, 0), strict=True):
        arm["by_position"] = positions(strength, steps) or None
    data["arms"][1]["trainings"] = [training(day, 22 + day, 1 - day / 40) for day in (3, 5, 7)]
    data["arms"][2]["trainings"] = [training(3, 15, 40.0, held_out=False)]
    data["arms"][3]["trainings"] = [training(3, 0) | {"digest": "</code><script>alert(2)"}]
    rows = [_rows(name, s, 1200, draws) for name, s in zip(names[1:], strengths[1:], strict=True)]
    unbounded = {"relative_lower": None, "relative_upper": None, "naive_lower": None,
                 "note": "unbounded: the control's mean is not told apart from 0"}  # fmt: skip
    rows[2][3] |= unbounded
    rows[1][9] |= {"relative_lower": -190.0, "relative_upper": 750.0, "relative_effect": 200.0}
    rows[0][0] |= {"p_value": None, "p_adjusted": None, "significant": None}
    data["effects"] = [row for arm in rows for row in arm if row["metric"] != "minutes"]
    data["arms"][3] |= {
        "distribution": None,
        "daily": None,
        "top_tracks": None,
        "counters": None,
        "metrics": None,
    }
    data["arms"][2]["top_tracks"] = []
    del data["arms"][2]["metrics"]["retained"]
    data["checks"][0] |= {
        "status": "fail",
        "summary": "Users per arm are not as planned (p = 2.5e-10): look at <assignment>.",
    }
    return data


@pytest.fixture
def small() -> Document:
    """The hand-made document."""
    return Document.from_dict(hand_made())


@pytest.fixture(scope="session")
def usual() -> Document:
    """The realistic document."""
    return Document.from_dict(realistic())


@pytest.fixture(scope="session")
def hostile() -> Document:
    """The nasty document."""
    return Document.from_dict(nasty())


@pytest.fixture
def hand() -> Plain:
    """The plain data of the hand-made document, free to be broken by a test."""
    return hand_made()
