"""report.md: the report for a pull request."""

from __future__ import annotations

from collections.abc import Sequence

from abbotify.report import failures, markdown_findings
from abbotify.report.result import Document
from abbotify.report.tables import arms, effects, guardrails, training
from abbotify.report.text import labels, methods
from abbotify.report.text.headline import rule
from abbotify.report.text.markdown import escaped, table
from abbotify.report.text.numbers import MISSING, count, level
from abbotify.stats.effects import MEAN


def render_markdown(document: Document, errors: Sequence[failures.FirstError] = ()) -> str:
    """The text of report.md, readable as it is and in any renderer of GitHub's Markdown.

    Args:
        document: what the report says.
        errors: the first of each kind.
    """
    parts = [
        f"# {escaped(methods.title(document))}",
        escaped(methods.subtitle(document)),
        _decisions(document),
        f"**Rule:** {escaped(rule(document))}.",
        _guardrails(document),
        _checks(document),
        _effects("Success metrics", effects.deciding_groups(document), document.run.alpha),
        _effects(
            "Other estimates of the same effects",
            effects.further_groups(document, deciding=True),
            document.run.alpha,
        ),
        _effects("Exploratory", effects.exploratory_groups(document), document.run.alpha),
        *markdown_findings.sections(document),
        _positions(document),
        _trainings(document),
        _arms(document),
        failures.markdown(errors),
        _seeds(document),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _decisions(document: Document) -> str:
    lines: list[str] = []
    cards = arms.decision_cards(document)
    for card in cards:
        start, inner = ("", "- ") if len(cards) == 1 else ("- ", "  - ")
        lines.append(f"{start}**{card.verdict}** \N{EM DASH} {escaped(card.sentence)}")
        lines += [""] if card.cautions and not start else []
        lines += [f"{inner}{escaped(caution)}" for caution in card.cautions]
    return "\n".join(lines)


def _guardrails(document: Document) -> str:
    lines = guardrails.guardrails(document)
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
    result = f"**{line.word}**" if line.tone else line.word
    return (escaped(line.arm), escaped(line.note), *numbers, result)


def _named(group: effects.EffectGroup) -> str:
    plain = group.estimand == labels.estimand(MEAN)
    return group.metric if plain else f"{group.metric} ({group.estimand})"


def _without_note(row: tuple[str, ...]) -> tuple[str, ...]:
    return (*row[:2], *row[3:])


def _arms(document: Document) -> str:
    rows = [
        (
            escaped(arm.name) + (" (control)" if arm.control else ""),
            escaped(arm.recommender or MISSING),
            count(arm.users),
            arms.share(arm, document.arms),
            arms.planned(arm, document.arms),
        )
        for arm in document.arms
    ]
    header = ("Arm", "Recommender", "Users", "Share", "Planned")
    return f"## Arms\n\n{table(header, rows, numbers=3)}"


def _positions(document: Document) -> str:
    grid = training.positions(document)
    if not grid.rows:
        return ""
    header = ("Position", *(escaped(name) for _, name in grid.arms))
    rows = [(label, *cells) for label, cells, _ in grid.rows]
    return f"## Listened fraction by position\n\n{table(header, rows, numbers=len(grid.arms))}"


def _trainings(document: Document) -> str:
    lines = training.trainings(document)
    if not lines:
        return ""
    header = ("Arm", "Trainings", "Passes", "First loss", "Last loss", "Least held-out loss")
    rows = [
        (escaped(line.arm), line.trainings, line.passes, line.first, line.last, line.best)
        for line in lines
    ]
    return f"## Training\n\n{table(header, rows, numbers=5)}"


def _checks(document: Document) -> str:
    lines = [
        f"- **{check.status}** {escaped(labels.check(check.name))}: {escaped(check.summary)}"
        for check in document.checks
    ]
    lines += [f"- **note** {escaped(note)}" for note in document.run.notes]
    return "## Health\n\n" + ("\n".join(lines) or "Nothing was checked.")


def _seeds(document: Document) -> str:
    run = document.run
    facts = [f"abbotify {run.abbotify}"]
    facts += [f"{name} seed {seed}" for name, seed in run.seeds.items()]
    facts += [f"{name} {digest}" for name, digest in run.digests.items()]
    return "## How to run it again\n\n" + "\n".join(f"- {escaped(fact)}" for fact in facts)
