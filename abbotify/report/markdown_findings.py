"""The parts of report.md beside the effects: truth, looks, trends, segments."""

from __future__ import annotations

from collections.abc import Iterator

from abbotify.report.result import Result
from abbotify.report.tables import monitoring, retention, segments
from abbotify.report.tables import truth as truth_view
from abbotify.report.text.markdown import escaped, table
from abbotify.report.text.numbers import MISSING, level


def sections(result: Result) -> tuple[str, ...]:
    """A section for each part there is."""
    return (_truth(result), _looks(result), _segments(result))


def _truth(result: Result) -> str:
    found = truth_view.truths(result)
    if found is None:
        return ""
    several = len(result.treatments) > 1
    rows = [
        (
            escaped(group.metric),
            *((escaped(group.arm),) if several else ()),
            escaped(line.method) + (f" ({escaped(line.note)})" if line.note else ""),
            line.estimate,
            line.interval,
            *(cell for truth in line.truths for cell in _cells(truth)),
        )
        for group in found.groups
        if group.decides or not any(each.decides for each in found.groups)
        for line in group.lines
    ]
    named = [
        cell for form in found.forms for cell in (f"Truth, {escaped(form)}", "Bias", "Covered")
    ]
    arm = ("Arm",) if several else ()
    interval = f"{level(result.run.alpha)} interval"
    header = ("Metric", *arm, "Method", "Estimate", interval, *named)
    grid = table(header, rows, numbers=2 + len(named))
    leads = "".join(f"- {escaped(lead)}\n" for lead in found.leads)
    told = " ".join([found.told, *(f"Note: {note}." for note in found.notes)])
    return f"## Estimate beside truth\n\n{leads}- {escaped(told)}\n\n{grid}"


def _cells(truth: truth_view.Truth | None) -> tuple[str, str, str]:
    if truth is None:
        return MISSING, MISSING, MISSING
    return truth.truth, truth.bias, f"**{truth.covered}**" if truth.tone == "bad" else truth.covered


def _looks(result: Result) -> str:
    """When it would have stopped, whether the effect fades, and the looks that matter."""
    watched = monitoring.watched(result)
    told = [each.told for each in watched] + list(retention.trends(result))
    if not told:
        return ""
    setting = monitoring.setting(result)
    parts = ["## Effect over time", "\n".join(f"- {escaped(each)}" for each in told)]
    rows = [row for each in watched for row in _rows(each)]
    if rows:
        unit = monitoring.watched_unit(result)
        header = (
            "Arm",
            "Look",
            "Day",
            "Users",
            f"Effect{unit}",
            "Interval",
            "Always valid",
            "p, valid",
        )
        parts += [escaped(setting), table(header, rows, numbers=6)]
    return "\n\n".join(part for part in parts if part)


def _rows(watched: monitoring.Watched) -> Iterator[tuple[str, ...]]:
    """The look that stops and the last one."""
    last = watched.lines[-1]
    for line in watched.lines:
        if line.stops or line is last:
            what = "**stops**" if line.stops else "last"
            numbers = (line.effect, line.interval, line.valid_interval, line.valid_p)
            yield (escaped(watched.arm), what, line.day, line.users, *numbers)


def _segments(result: Result) -> str:
    found = segments.segments(result)
    if found is None:
        return ""
    rows = [
        (
            *(escaped(group.metric), escaped(group.arm), escaped(line.segment)),
            *(line.users, line.relative, line.relative_interval),
            *(line.difference, line.difference_interval, line.p_adjusted),
        )
        for group in found.groups
        for line in group.lines
    ]
    interval = f"{level(result.run.alpha)} interval"
    header = (
        *("Metric", "Arm", "Segment", "Users", "Relative", interval),
        *("Difference", interval, "p, adjusted"),
    )
    tests = "\n".join(
        f"- {escaped(f'{group.metric}, {group.arm}: {group.test}')}" for group in found.groups
    )
    grid = table(header, rows, numbers=6)
    return f"## Effect by segment\n\n{escaped(found.told)}\n\n{tests}\n\n{grid}"
