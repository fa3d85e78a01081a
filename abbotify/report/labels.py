"""What estimands, counters and checks are called in front of people, and texts made safe."""

from __future__ import annotations

import unicodedata

from abbotify.metrics.definitions import METRICS, Metric

_ESTIMANDS: dict[str, str] = {
    "mean": "mean of users",
    "ratio": "ratio of sums",
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
    """The metric; an unknown one goes by its name, and neither direction is better."""
    return METRICS.get(name) or Metric(name, _spaced(name), "", "", None, "mean")


def estimand(name: str) -> str:
    """What is estimated: the mean of users, or a ratio of sums."""
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
