"""How the numbers were computed, in words, for the end of a report."""

from __future__ import annotations

from abbotify.report.decision import decisive, is_adjusted
from abbotify.report.result import Result
from abbotify.report.text.labels import ADJUSTED, clean, metric
from abbotify.report.text.numbers import level
from abbotify.stats.effects import CUPED


def method(result: Result) -> tuple[str, ...]:
    """What was estimated and how, a sentence each."""
    alpha, kinds = result.run.alpha, {row.estimand for row in result.effects}
    lines = [
        f"The unit of analysis is the user, as randomised. Population: {_population(result)}.",
        f"Intervals have level {level(alpha)}; p-values are two-sided. Differences of means are "
        "Welch's (unequal variances); an interval excludes zero exactly when p is below "
        "\N{GREEK SMALL LETTER ALPHA}.",
        "Relative intervals are Fieller's: they count the uncertainty of the control's mean too, "
        "and are left out where that mean cannot be distinguished from zero (unbounded).",
    ]
    if "ratio" in kinds:
        lines.append("Ratios of sums use the delta method, with users as clusters.")
    if kinds & {"cuped", "ratio_cuped"}:
        lines.append(
            "CUPED adjusts for the same users' days before the experiment, each arm with its own "
            "slope (Lin); what is measured after a user's first exposure is no covariate."
        )
    if is_adjusted(result):
        lines.append(
            f"What decides is {_adjusted(result)} {ADJUSTED}: it estimates the same effect as "
            "the difference of means, with a smaller error; that stands beside it. Guardrails are "
            "of plain means."
        )
    if any(kind.startswith("quantile_") for kind in kinds):
        lines.append(
            "Percentiles are of users' values; their intervals draw the ranks of each arm "
            "(Schultzberg and Ankargren) and have no p-value."
        )
    if "bootstrap" in kinds:
        lines.append("The bootstrap resamples users and has no p-value.")
    if sum(row.p_adjusted is not None for row in decisive(result)) > 1:
        lines.append("Success metrics and treatments share one error rate by Holm's method.")
    lines += _findings(result)
    lines.append(
        "Everything that is not a success metric is exploratory: its p-values are not adjusted. "
        "Treatments are compared with the control, not with each other."
    )
    return tuple(lines)


def _findings(result: Result) -> list[str]:
    """How the guardrails, looks, segments, curves and truth were computed."""
    arms, lines = result.arms, []
    if any(row.p_simultaneous is not None for row in result.effects):
        lines.append(
            "What holds for all treatments at once is by max-z: the largest of the treatments' "
            "statistics, which share the control."
        )
    if result.guardrails:
        lines.append(
            "A guardrail is non-inferior when the one-sided upper bound of its loss, of level "
            f"{level(result.run.alpha)}, is below its margin; inferior when the lower bound is "
            "above it."
        )
    if any(arm.looks for arm in arms):
        lines.append(
            "Looks count a user once the window since the first session is complete, by the "
            "estimate that decides. Their "
            "boundaries spend the error by information, not by days (Lan and DeMets); always-valid "
            "intervals are asymptotic confidence sequences and hold at whatever look one stops."
        )
    if result.segments is not None:
        lines.append(
            "Whether segments differ is Cochran's Q over their effects; their p-values are "
            "adjusted by Benjamini and Hochberg's method."
        )
    if any(arm.survival is not None or arm.retention is not None for arm in arms):
        lines.append(
            "Survival of sessions and return of users are Kaplan and Meier's: what was cut short "
            "is censored."
        )
    if result.truth:
        lines.append(
            "The truth is the mean difference between everybody under the treatment and everybody "
            "under the control, from the same state, over the run's users."
        )
    return lines


def subtitle(result: Result) -> str:
    """Experiment, length and size on one line."""
    run = result.run
    users = sum(arm.users for arm in result.arms)
    length = [f"{run.days} day{'s' if run.days != 1 else ''}"] if run.days is not None else []
    sizes = f"{users:,} users"
    if run.population == "assigned":
        sizes = f"{sum(arm.assigned or 0 for arm in result.arms):,} users, {users:,} with sessions"
    source = "simulated" if run.source == "simulation" else "from a log"
    parts = [f"Experiment {clean(run.experiment)}", *length, sizes, source]
    return " \N{MIDDLE DOT} ".join(parts)


def title(result: Result) -> str:
    """The scenario's name, or the experiment's for a foreign log."""
    return clean(str(result.scenario.get("name") or result.run.experiment))


def _adjusted(result: Result) -> str:
    """The estimates that decide and are adjusted; all of them are, or some are named."""
    rows = decisive(result)
    names = dict.fromkeys(metric(row.metric).label.lower() for row in rows if row.estimand == CUPED)
    every = all(row.estimand == CUPED for row in rows)
    return "the estimate" if every else f"the estimate of {', '.join(names)}"


def _population(result: Result) -> str:
    return {
        "exposed": "users with a session in the experiment",
        "assigned": "all assigned users; the absent count as 0 in sums and are left out of means",
    }[result.run.population]
