"""The forest chart of a report: relative effects of every metric and treatment."""

from __future__ import annotations

from typing import Final

from abbotify.report.charts.axes import Axis, Line
from abbotify.report.charts.forest import Estimate, Group
from abbotify.report.charts.forest import forest as draw_forest
from abbotify.report.decision import decisive, success_metrics
from abbotify.report.result import Result
from abbotify.report.text.labels import metric
from abbotify.report.text.leading import leads, relative
from abbotify.report.text.numbers import aligned, estimate, level, number
from abbotify.stats import Effect
from abbotify.stats.effects import MEAN

_FITS: Final = 18  # characters of an interval that its column holds


def forest(result: Result, name: str = "forest", narrow: bool = False) -> str | None:
    """Relative effects, success metrics first; None when there is no effect at all."""
    groups = _groups(result)
    if not groups:
        return None
    return draw_forest(
        groups,
        Axis("Relative effect", unit="%", sign=True, lines=(Line(0),)),
        name=name,
        title=f"Relative effects with {level(result.run.alpha)} intervals",
        narrow=narrow,
    )


def _groups(result: Result) -> list[Group]:
    """A group for each metric, success metrics shaded, with a row for each treatment."""
    success = success_metrics(result)
    chosen = {(row.metric, row.arm): row for row in result.effects if row.estimand == MEAN}
    for row in result.effects:
        chosen.setdefault((row.metric, row.arm), row)
    chosen.update({(row.metric, row.arm): row for row in decisive(result)})
    order = dict.fromkeys([*success, *(row.metric for row in result.effects)])
    arms = [arm.name for arm in result.treatments]
    by_metric = {
        name: [chosen[name, arm] for arm in arms if (name, arm) in chosen] for name in order
    }
    shown = [row for rows in by_metric.values() for row in rows]
    places = dict(zip(map(id, shown), aligned([relative(row) for row in shown]), strict=True))
    return [
        Group(
            metric(name).label,
            tuple(
                relative_estimate(
                    row,
                    result.places[row.arm],
                    row.arm if len(arms) > 1 else "",
                    places[id(row)],
                )
                for row in rows
            ),
            shaded=name in success,
        )
        for name, rows in by_metric.items()
        if rows
    ]


def relative_estimate(row: Effect, look: int, name: str, places: int | None) -> Estimate:
    """An effect as a row of a forest chart, its numbers in the form that leads."""
    text, interval = _texts(row, places)
    return Estimate(
        row.relative_effect,
        row.relative_lower,
        row.relative_upper,
        look=look,
        name=name,
        filled=bool(row.significant),
        text=text,
        interval=interval,
        dotted=True,
    )


def _texts(row: Effect, places: int | None) -> tuple[str, str]:
    """Value and interval of the effect in the form that leads, or why there is no interval."""
    if not leads(row) and row.lower is not None:
        shown = estimate(row.effect, row.lower, row.upper)
        return shown.value, shown.interval if len(shown.interval) <= _FITS else ""
    lower, upper = row.relative_lower, row.relative_upper
    shown = estimate(row.relative_effect, lower, upper, unit="%", places=places)
    if lower is None or upper is None:
        return shown.value, "undefined" if row.relative_effect is None else "no interval"
    if len(shown.interval) <= _FITS:
        return shown.value, shown.interval
    texts = [number(each, 1, sign=True) + "%" for each in (row.relative_effect, lower, upper)]
    return texts[0], f"[{texts[1]}, {texts[2]}]"
