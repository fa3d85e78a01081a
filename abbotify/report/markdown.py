"""report.md: the report for a pull request."""

from __future__ import annotations

from collections.abc import Sequence

from abbotify.report import markdown_findings
from abbotify.report.faults import FirstError, errors_markdown
from abbotify.report.result import Result
from abbotify.report.tables import arms, effects, guardrails, training
from abbotify.report.text import labels, methods
from abbotify.report.text.headline import rule
from abbotify.report.text.markdown import escaped, table
from abbotify.report.text.numbers import MISSING, count, level
from abbotify.stats.effects import MEAN


def render_markdown(result: Result, errors: Sequence[FirstError] = ()) -> str:
    """The text of report.md, readable as it is and in any renderer of GitHub's Markdown.

    Args:
        result: what the report says.
        errors: the first of each kind.
    """
    parts = [
        f"# {escaped(methods.title(result))}",
        escaped(methods.subtitle(result)),
        _decisions(result),
        f"**Rule:** {escaped(rule(result))}.",
        _guardrails(result),
        _checks(result),
        _effects("Success metrics", effects.deciding_groups(result), result.run.alpha),
        _effects(
            "Other estimates of the same effects",
            effects.further_groups(result, deciding=True),
            result.run.alpha,
        ),
        _effects("Exploratory", effects.exploratory_groups(result), result.run.alpha),
        *markdown_findings.sections(result),
        _positions(result),
        _trainings(result),
        _arms(result),
        errors_markdown(errors),
        _seeds(result),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _decisions(result: Result) -> str:
    lines: list[str] = []
    cards = arms.decision_cards(result)
    for card in cards:
        start, inner = ("", "- ") if len(cards) == 1 else ("- ", "  - ")
        lines.append(f"{start}**{card.verdict}** \N{EM DASH} {escaped(card.sentence)}")
        lines += [""] if card.cautions and not start else []
        lines += [f"{inner}{escaped(caution)}" for caution in card.cautions]
    return "\n".join(lines)


def _guardrails(result: Result) -> str:
    lines = guardrails.guardrails(result)
    if not lines:
        return ""
    header = ("Guardrail", "Arm", "Verdict", "Loss", "Upper bound", "Margin", "p")
    rows = [
        (
            escaped(line.metric),
            escaped(line.arm),
            f"**{line.verdict}**" + (f" ({escaped(line.note)})" if line.note else ""),
            *(line.loss, line.bound, line.margin, line.p),
        )
        for line in lines
    ]
    return f"## Guardrails\n\n{table(header, rows, numbers=4)}"


def _effects(title: str, groups: Sequence[effects.EffectGroup], alpha: float) -> str:
    if not groups:
        return ""
    interval = f"{level(alpha)} interval"
    rows = [(escaped(_named(group)), *_effect(line)) for group in groups for line in group.lines]
    header: tuple[str, ...] = (
        *("Metric", "Arm", "Note", "Relative", interval),
        *("Difference", interval, "p", "Result"),
    )
    if not any(row[2] for row in rows):
        header, rows = _without_note(header), [_without_note(row) for row in rows]
    return f"## {title}\n\n{table(header, rows, numbers=6)}"


def _effect(line: effects.EffectLine) -> tuple[str, ...]:
    numbers = (
        line.relative,
        line.relative_interval,
        line.difference,
        line.difference_interval,
        line.p if line.p_adjusted == MISSING else line.p_adjusted,
    )
    verdict = f"**{line.word}**" if line.tone else line.word
    return (escaped(line.arm), escaped(line.note), *numbers, verdict)


def _named(group: effects.EffectGroup) -> str:
    plain = group.estimand == labels.estimand(MEAN)
    return group.metric if plain else f"{group.metric} ({group.estimand})"


def _without_note(row: tuple[str, ...]) -> tuple[str, ...]:
    return (*row[:2], *row[3:])


def _arms(result: Result) -> str:
    rows = [
        (
            escaped(arm.name) + (" (control)" if arm.control else ""),
            escaped(arm.recommender or MISSING),
            count(arm.users),
            arms.share(arm, result.arms),
            arms.planned(arm, result.arms),
        )
        for arm in result.arms
    ]
    header = ("Arm", "Recommender", "Users", "Share", "Planned")
    return f"## Arms\n\n{table(header, rows, numbers=3)}"


def _positions(result: Result) -> str:
    grid = training.positions(result)
    if not grid.rows:
        return ""
    header = ("Position", *(escaped(name) for _, name in grid.arms))
    rows = [(label, *cells) for label, cells, _ in grid.rows]
    return f"## Listened fraction by position\n\n{table(header, rows, numbers=len(grid.arms))}"


def _trainings(result: Result) -> str:
    lines = training.trainings(result)
    if not lines:
        return ""
    header = ("Arm", "Trainings", "Passes", "First loss", "Last loss", "Least held-out loss")
    rows = [
        (escaped(line.arm), line.trainings, line.passes, line.first, line.last, line.best)
        for line in lines
    ]
    return f"## Training\n\n{table(header, rows, numbers=5)}"


def _checks(result: Result) -> str:
    lines = [
        f"- **{check.status}** {escaped(labels.check(check.name))}: {escaped(check.summary)}"
        for check in result.checks
    ]
    lines += [f"- **note** {escaped(note)}" for note in result.run.notes]
    return "## Health\n\n" + ("\n".join(lines) or "Nothing was checked.")


def _seeds(result: Result) -> str:
    run = result.run
    facts = [f"abbotify {run.abbotify}"]
    facts += [f"{name} seed {seed}" for name, seed in run.seeds.items()]
    facts += [f"{name} {digest}" for name, digest in run.digests.items()]
    return "## How to run it again\n\n" + "\n".join(f"- {escaped(fact)}" for fact in facts)
