"""What metrics, estimands, counters and checks are called in front of people."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """How a metric is told: its name, what it is, and which direction is good."""

    label: str
    meaning: str
    higher_is_better: bool = True


_METRICS: dict[str, Metric] = {
    "mean_time_per_session": Metric(
        "Time per session", "listened fractions of a session's tracks, added"
    ),
    "mean_tracks_per_session": Metric("Tracks per session", "tracks played in a session"),
    "time": Metric("Listened time", "listened fractions of all of a user's tracks, added"),
    "sessions": Metric("Sessions", "sessions of a user"),
    "tracks": Metric("Tracks", "tracks played by a user"),
    "minutes": Metric("Minutes", "minutes listened by a user"),
    "artist_diversity": Metric("Artist diversity", "distinct artists per track of a session"),
    "retained": Metric("Retained", "share of users with a session at the end of the experiment"),
    "mean_request_latency": Metric(
        "Request latency", "milliseconds a recommendation takes, mean over requests", False
    ),
    "skip_rate": Metric("Skip rate", "share of recommended tracks that were skipped", False),
    "repeat_rate": Metric(
        "Repeat rate", "share of recommended tracks already played in the session", False
    ),
    "timeouts": Metric("Timeouts", "requests of a user that timed out", False),
}

_ESTIMANDS: dict[str, str] = {
    "mean": "mean of users",
    "ratio": "ratio of sums",
    "cuped": "mean of users, adjusted by the pre-period",
    "ratio_cuped": "ratio of sums, adjusted by the pre-period",
}

_COUNTERS: dict[str, str] = {
    "requests": "Requests",
    "fallbacks": "Answered by the fallback",
    "misses": "Misses (the recommender had nothing)",
    "errors": "Errors",
    "timeouts": "Timeouts",
    "truncated_sessions": "Sessions cut at the limit",
}

TROUBLE = frozenset({"errors", "timeouts", "truncated_sessions"})
"""Counters that are zero in a healthy run."""

_CHECKS: dict[str, str] = {"sample_ratio": "Sample ratio"}


def metric(name: str) -> Metric:
    """How the metric is told; a metric of the user's own goes by its name, higher is better."""
    return _METRICS.get(name) or Metric(_spaced(name), "")


def estimand(name: str) -> str:
    """What is estimated: the mean of users, a ratio of sums, ..."""
    return _ESTIMANDS.get(name, _spaced(name).lower())


def counter(name: str) -> str:
    """The name of a counter."""
    return _COUNTERS.get(name) or _spaced(name)


def check(name: str) -> str:
    """The name of a check."""
    return _CHECKS.get(name) or _spaced(name)


def clean(text: str) -> str:
    """The text on one line, without control and direction-changing characters."""
    return " ".join("".join(_visible(character) for character in text).split())


def shortened(text: str, limit: int) -> str:
    """The clean text cut to `limit` characters, with an ellipsis where something is missing."""
    text = clean(text)
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "\N{HORIZONTAL ELLIPSIS}"


def _visible(character: str) -> str:
    category = unicodedata.category(character)
    if category in ("Cc", "Zl", "Zp"):
        return " "
    return "" if category == "Cf" and character not in "\u200c\u200d" else character


def _spaced(name: str) -> str:
    text = name.replace("_", " ").strip()
    return text[:1].upper() + text[1:]
