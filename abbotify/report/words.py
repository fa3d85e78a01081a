"""How the numbers came about, in words, for the end of a report."""

from __future__ import annotations

from abbotify.report.decision import decisive
from abbotify.report.document import Document
from abbotify.report.labels import clean
from abbotify.report.rounding import level


def method(document: Document) -> tuple[str, ...]:
    """What was estimated and how, a sentence each."""
    alpha, kinds = document.run.alpha, {row.estimand for row in document.effects}
    told = [
        f"The unit of analysis is the user, as randomised. Population: {_population(document)}.",
        f"Intervals have level {level(alpha)}; p-values are two-sided. Differences of means are "
        "Welch's (unequal variances); an interval excludes zero exactly when p is below "
        "\N{GREEK SMALL LETTER ALPHA}.",
        "Relative intervals are Fieller's: they count the uncertainty of the control's mean too, "
        "and are left out where that mean cannot be told apart from zero (unbounded).",
    ]
    if "ratio" in kinds:
        told.append("Ratios of sums use the delta method, with users as clusters.")
    if sum(row.p_adjusted is not None for row in decisive(document)) > 1:
        told.append("Success metrics and treatments share one error rate by Holm's method.")
    told.append(
        "Everything that is not a success metric is exploratory: its p-values are not adjusted. "
        "Treatments are compared with the control, not with each other."
    )
    return tuple(told)


def subtitle(document: Document) -> str:
    """Experiment, length and size on one line."""
    run = document.run
    users = sum(arm.users for arm in document.arms)
    length = [f"{run.days} day{'s' if run.days != 1 else ''}"] if run.days is not None else []
    source = "simulated" if run.source == "simulation" else "from a log"
    parts = [f"Experiment {clean(run.experiment)}", *length, f"{users:,} users", source]
    return " \N{MIDDLE DOT} ".join(parts)


def title(document: Document) -> str:
    """The scenario's name, or the experiment's for a foreign log."""
    return clean(str(document.scenario.get("name") or document.run.experiment))


def _population(document: Document) -> str:
    return {
        "exposed": "users with a session in the experiment",
        "assigned": "all assigned users; the absent count as 0 in sums and are left out of means",
    }[document.run.population]
