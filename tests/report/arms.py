"""Arms of a result, and rows of their effects, that look like those of a run."""

from __future__ import annotations

import math

import numpy as np

from tests.report.by_hand import Plain, effect_row

METRICS = {
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
TITLES = (
    ("Bohemian Rhapsody", "Queen"),
    ("Águas de Março", "Elis Regina & Tom Jobim"),
    ("<script>alert('x')</script>", "Bobby <b>Tables</b>"),
    ("С чего начинается Родина", "Марк Бернес"),
    ('Cash $ex $5 & "Quotes" | Pipes', "A$AP Rocky"),
    ("夜に駆ける", "YOASOBI"),
    ("Supercalifragilistic" * 4, "A name that goes on for much longer than any column is wide"),
    ("Clair de lune 🌙", "Claude Debussy"),
)


def measured(arm: str, name: str, strength: float, n: int, draws: np.random.Generator) -> Plain:
    mean, sd, gain = METRICS[name]
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


def rows_of(arm: str, strength: float, n: int, draws: np.random.Generator) -> list[Plain]:
    rows = []
    for name in METRICS:
        if name == "timeouts":
            flat = dict.fromkeys(("control_mean", "treatment_mean", "effect"), 0.0)
            note = "no variance: nobody had a timeout"
            rows.append(effect_row(arm, name, n_control=n, n_treatment=n, note=note, **flat))
            continue
        rows.append(measured(arm, name, strength, n, draws))
        if name in ("mean_time_per_session", "skip_rate"):
            ratio = measured(arm, name, strength, n, draws)
            rows.append(ratio | {"estimand": "ratio", "p_adjusted": None})
    return rows


def arm_of(
    name: str, at: int, strength: float, users: int, draws: np.random.Generator, weight: float = 1.0
) -> Plain:
    """The arm at a place; the control is at 0."""
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
            for metric, (mean, sd, gain) in METRICS.items()
        },
        **curves(strength, users, draws, at == 0),
        "top_tracks": top_tracks(at),
        "counters": counters(at, users),
    }


def top_tracks(at: int) -> list[Plain]:
    titles = TITLES[at % 3 :] + TITLES[: at % 3]
    return [
        {
            "track": 7 + 31 * k,
            "title": title,
            "artist": artist,
            "plays": 412 // (k + 1),
            "share": 0.013 / (k + 1),
        }
        for k, (title, artist) in enumerate(titles)
    ]


def counters(at: int, users: int) -> Plain:
    return {
        "requests": int(users * 13.6),
        "fallbacks": 120 * at,
        "errors": 0,
        "misses": 120 * at,
        "timeouts": 0,
        "truncated_sessions": 3 if at == 2 else 0,
    }


def curves(strength: float, users: int, draws: np.random.Generator, control: bool) -> Plain:
    """The pictures of an arm: who listens how long, who is still there, its effect by day."""
    times = draws.gamma(3.2, 1.95 * (1 + 0.065 * strength), users)
    edges = np.linspace(0, 40, 41)
    tracks = np.arange(1, 61)
    alive = np.exp(-((tracks / (12.5 + strength)) ** 1.6))
    return {
        "distribution": {
            "metric": "mean_time_per_session",
            "edges": edges.tolist(),
            "counts": np.histogram(times, edges)[0].tolist(),
        },
        "survival": {"tracks": tracks.tolist(), "alive": alive.tolist()},
        "daily": daily(strength, draws, control),
    }


def daily(strength: float, draws: np.random.Generator, control: bool) -> list[Plain]:
    days: list[Plain] = []
    for day in range(3, 10):
        effect = None if control else 0.38 * strength + 0.1 * float(draws.normal())
        lower, upper = (None, None) if effect is None else (effect - 0.3, effect + 0.3)
        picture = {"day": day, "users": 1400 + day, "mean": 6.1}
        days.append({**picture, "effect": effect, "lower": lower, "upper": upper})
    return days


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
