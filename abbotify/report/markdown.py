"""report.md: the report for a pull request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from abbotify.report.faults import FirstError, errors_markdown
from abbotify.report.result import Result
from abbotify.report.table import Table
from abbotify.report.tables import (
    arms,
    effects,
    guardrails,
    monitoring,
    segments,
    sessions,
    truth,
)
from abbotify.report.text import labels, methods
from abbotify.report.text.headline import rule
from abbotify.report.text.markdown import escaped


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
        *_section("Guardrails", (), *guardrails.guardrails(result)),
        _checks(result),
        *_section("Success metrics", (), effects.success(result)),
        *_section(
            "Other estimates of the same effects", (), effects.further(result, deciding=True)
        ),
        *_section("Exploratory", (), effects.exploratory(result)),
        *_truth(result),
        *_over_time(result),
        *_segments(result),
        *_section("Listened fraction by position", (), sessions.positions(result)),
        *_section("Training", (), sessions.trainings(result)),
        *_section("Arms", (), arms.arms(result)),
        errors_markdown(errors),
        _seeds(result),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _section(title: str, sentences: Iterable[str], *tables: Table | None) -> Iterator[str]:
    """A section of sentences and tables; nothing when there is neither."""
    lines = [f"- {escaped(sentence)}" for sentence in sentences if sentence]
    shown = [table.markdown() for table in tables if table is not None]
    if lines or shown:
        yield f"## {title}"
        yield "\n".join(lines)
        yield from shown


def _truth(result: Result) -> Iterator[str]:
    known = truth.truths(result)
    if known is None:
        return iter(())
    notes = (f"Note: {note}." for note in known.notes)
    sentences = (*known.leads, known.coverage, *notes)
    return _section("Estimate and true effect", sentences, known.success or known.others)


def _over_time(result: Result) -> Iterator[str]:
    """When it would have stopped, whether the effect fades, and the looks that matter."""
    sentences = (
        *monitoring.stop_sentences(result),
        *sessions.trend_sentences(result),
        monitoring.setting(result),
    )
    looks = [monitoring.looks(result, at, brief=True) for at in range(len(result.arms))]
    yield from _section("Effect over time", sentences)
    for table in looks:
        if table is not None:
            yield f"{escaped(table.caption)}:"
            yield table.markdown()


def _segments(result: Result) -> Iterator[str]:
    sentences = (segments.segmented_by(result), *segments.segment_tests(result))
    return _section("Effect by segment", sentences, segments.segments(result))


def _decisions(result: Result) -> str:
    lines: list[str] = []
    cards = arms.decision_cards(result)
    for card in cards:
        start, inner = ("", "- ") if len(cards) == 1 else ("- ", "  - ")
        lines.append(f"{start}**{card.verdict}** \N{EM DASH} {escaped(card.sentence)}")
        lines += [""] if card.cautions and not start else []
        lines += [f"{inner}{escaped(caution)}" for caution in card.cautions]
    return "\n".join(lines)


def _checks(result: Result) -> str:
    lines = [
        f"- **{check.status}** {escaped(labels.check(check.name))}: {escaped(check.summary)}"
        for check in result.checks
    ]
    lines += [f"- **note** {escaped(note)}" for note in result.run.notes]
    return "## Health\n\n" + ("\n".join(lines) or "No checks were made.")


def _seeds(result: Result) -> str:
    run = result.run
    facts = [f"abbotify {run.abbotify}"]
    facts += [f"{name} seed {seed}" for name, seed in run.seeds.items()]
    facts += [f"{name} {digest}" for name, digest in run.digests.items()]
    return "## How to run it again\n\n" + "\n".join(f"- {escaped(fact)}" for fact in facts)
