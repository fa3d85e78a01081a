"""Labels of estimands, methods, counters and checks, and texts made safe to show."""

from __future__ import annotations

import re
import unicodedata

from abbotify.metrics.definitions import METRICS, Metric
from abbotify.stats.effects import CUPED, MEAN

ADJUSTED = "CUPED-adjusted"
"""The note on an estimate adjusted for the days before the experiment."""

_ESTIMANDS: dict[str, str] = {
    MEAN: "mean of users",
    "ratio": "ratio of sums",
    CUPED: "mean, CUPED",
    "ratio_cuped": "ratio of sums, CUPED",
    "bootstrap": "mean, bootstrap",
}
_METHODS: dict[str, str] = {
    "welch": "mean of users, Welch",
    "fieller": "mean of users, Fieller",
    "delta": "ratio of sums, delta method",
    "bootstrap_relative": "mean, bootstrap, relative",
    "delta_fieller": "ratio of sums, Fieller",
    "naive_relative": "naive relative interval",
    "sessions_as_independent": "sessions taken as independent",
}
_SPECIAL = re.compile(
    r"([\\`*<|~$]|&(?=[#\w])|\](?=[(\[:])|(?<![^\W_])_|_(?![^\W_]))",
)
"""What Markdown, a table, HTML or GitHub's mathematics would act on, where they would."""
_QUANTILE = re.compile(r"quantile_(0?\.\d{1,6})")

_ATTRIBUTES: dict[str, str] = {
    "file": "a file of segments",
    "bias": "listening bias",
    "sharpness": "taste sharpness",
    "budget": "session budget",
    "neighbours": "number of neighbours",
    "gamma": "artist discount",
}

_COUNTERS: dict[str, str] = {
    "fallbacks": "Requests answered by the fallback",
    "misses": "Misses (the recommender had nothing)",
    "truncated_sessions": "Sessions truncated at the track limit",
}

TROUBLE = frozenset({"errors", "timeouts", "truncated_sessions"})
"""Counters that are zero in a healthy run."""

_CHECKS: dict[str, str] = {
    "sample_ratio_watched": "Sample ratio by day",
    "pre_balance": "Baseline balance",
    "cuped_sign": "CUPED sign",
    "rows_given_twice": "Duplicate rows",
    "guardrails_untested": "Untested guardrails",
}


def metric(name: str) -> Metric:
    """The metric; an unknown one goes by its name, and neither direction is better."""
    return METRICS.get(name) or Metric(name, _spaced(name), "", "", None, "mean")


def estimand(name: str) -> str:
    """The label of an estimand: a mean of users, a ratio of sums, a percentile."""
    quantile = _QUANTILE.fullmatch(name)
    if quantile is not None:
        return _percentile(f"{100 * float(quantile[1]):g}")
    return _ESTIMANDS.get(name, _spaced(name).lower())


def method(name: str) -> str:
    """How an effect was estimated, and its interval."""
    if name in _METHODS:
        return _METHODS[name]
    plain = name.removesuffix("_fieller")
    return estimand(plain) + ("" if plain == name else ", Fieller")


def unit(name: str) -> str:
    """The metric's unit as it stands behind a number, with its space; empty for a share."""
    symbol = metric(name).unit
    return f"\N{NO-BREAK SPACE}{symbol}" if symbol else ""


def with_unit(text: str, name: str) -> str:
    """What is measured, a comma and the metric's unit; the text alone for a share."""
    symbol = metric(name).unit
    return f"{text}, {symbol}" if symbol else text


def attribute(name: str) -> str:
    """The attribute that users are segmented by: a metric before the experiment, or a trait."""
    before = name.removeprefix("pre_")
    if before != name:
        return f"{metric(before).label.lower()} before the experiment"
    return _ATTRIBUTES.get(name, clean(_spaced(name).lower()))


def counter(name: str) -> str:
    """The name of a counter."""
    return _COUNTERS.get(name) or _spaced(name)


def check(name: str) -> str:
    """The name of a check."""
    return _CHECKS.get(name) or _spaced(name)


def clean(text: str) -> str:
    """The text on one line, without control and direction-changing characters."""
    return " ".join("".join(_visible(character) for character in text).split())


def escaped(text: str) -> str:
    """The clean text for Markdown, shown as it is; plain text stays readable in the source."""
    return _SPECIAL.sub(r"\\\1", clean(text))


def shortened(text: str, limit: int) -> str:
    """The clean text cut to `limit` characters, with an ellipsis where something is missing."""
    text = clean(text)
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "\N{HORIZONTAL ELLIPSIS}"


def _percentile(number: str) -> str:
    """The number's ordinal: 10th, 91st, 99.5th percentile."""
    if number == "50":
        return "median"
    teens = number[-2:] in ("11", "12", "13")
    ending = "th" if "." in number or teens else {"1": "st", "2": "nd", "3": "rd"}.get(number[-1])
    return f"{number}{ending or 'th'} percentile"


def _visible(character: str) -> str:
    category = unicodedata.category(character)
    if category in ("Cc", "Zl", "Zp"):
        return " "
    return "" if category == "Cf" and character not in "\u200c\u200d" else character


def _spaced(name: str) -> str:
    text = name.replace("_", " ").strip()
    return text[:1].upper() + text[1:]
