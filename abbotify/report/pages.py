"""The pages of a report: one result in, report.html and report.md out of one set of templates."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING, Any, Final

from abbotify.report.charts import axes, days
from abbotify.report.charts import sessions as curves
from abbotify.report.charts.effects import forest
from abbotify.report.decision import decisions, is_adjusted
from abbotify.report.faults import Faults, FirstError
from abbotify.report.result import Result
from abbotify.report.tables import arms, checks, effects, guardrails, segments, sessions, truth
from abbotify.report.tables import monitoring as looks
from abbotify.report.text import headline, labels, leading, numbers, reasons

if TYPE_CHECKING:
    from jinja2 import Environment

_SECTIONS: Final = MappingProxyType(
    {
        "effects": "Effects",
        "truth": "Truth",
        "days": "Over time",
        "sessions": "Sessions",
        "segments": "Segments",
        "training": "Training",
        "arms": "Arms",
        "played": "Tracks",
        "checks": "Checks",
        "made": "How this was made",
    }
)
"""Anchors of sections, whose templates are named so, and their names."""


def render_html(
    result: Result,
    execution: Mapping[str, object] | None = None,
    errors: Sequence[FirstError] = (),
    faults: Faults | None = None,
) -> str:
    """report.html: one self-contained page, without scripts and without anything fetched.

    Args:
        result: what the report says.
        execution: how this run was executed (engine, workers, wall seconds, date, host), at the
            end of the page; the rest of the page does not depend on it.
        errors: the first of each kind.
        faults: takes the charts that fail.
    """
    from markupsafe import Markup

    pages, run = environment(), result.run
    context = {
        "result": result,
        "run": run,
        "level": numbers.level(run.alpha),
        "arms": _arms(result),
        "charts": _charts(result, faults or Faults()),
        "execution": execution or {},
        "errors": errors,
        "scenario": _yaml(result.scenario),
    }
    bodies = {
        name: pages.get_template(f"{name}.html.j2").render(context).strip() for name in _SECTIONS
    }
    sections = [(name, _SECTIONS[name], Markup(body)) for name, body in bodies.items() if body]
    page = pages.get_template("page.html.j2").render(context, sections=sections)
    return page.strip() + "\n"


def render_markdown(result: Result, errors: Sequence[FirstError] = ()) -> str:
    """report.md, readable as it is and in any renderer of GitHub's Markdown.

    Args:
        result: what the report says.
        errors: the first of each kind.
    """
    template = environment().get_template("report.md.j2")
    text = template.render(result=result, run=result.run, errors=errors)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


@functools.cache
def environment() -> Environment:
    """The templates of pages, with what makes tables and sentences of a result."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("abbotify.report", ""),
        autoescape=lambda name: name is None or ".html" in name,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "clean": labels.clean,
        "escaped": labels.escaped,
        "count": numbers.count,
        "percent": numbers.percent,
        "details": _details,
        "glued": _glued,
    }
    made.globals |= {
        "tables": _by_name(arms, checks, effects, guardrails, looks, segments, sessions, truth),
        "days": days,
        "curves": curves,
        "text": _by_name(headline, labels, leading, numbers, reasons),
        "decisions": decisions,
        "is_adjusted": is_adjusted,
    }
    return made


def _by_name(*modules: ModuleType) -> dict[str, ModuleType]:
    return {module.__name__.rpartition(".")[2]: module for module in modules}


def rendered(package: str, template: str, **values: object) -> str:
    """A page of another package, whose templates may include those of reports.

    Args:
        package: that holds the template.
        template: its name.
        values: what it shows.
    """
    from jinja2 import ChoiceLoader, PackageLoader

    pages = environment()
    assert pages.loader is not None, "pages have templates"
    both = pages.overlay(loader=ChoiceLoader([PackageLoader(package, ""), pages.loader]))
    return str(both.get_template(template).render(values)).strip() + "\n"


def _charts(result: Result, faults: Faults) -> dict[str, Any]:
    """Every chart that can be drawn; the one with text in columns also in a narrow form."""
    from markupsafe import Markup

    charts_of: dict[str, Callable[[], str | None]] = {
        "forest": lambda: forest(result),
        "forest_narrow": lambda: forest(result, "forest-narrow", narrow=True),
        "distribution": lambda: curves.distribution(result),
        "survival": lambda: curves.survival(result),
        "daily": lambda: days.daily(result),
        "trend": lambda: days.trend(result),
        "retention": lambda: curves.retention(result),
        "by_position": lambda: curves.by_position(result),
        "training": lambda: curves.training(result),
    }
    drawn = {name: _drawn(name, draw, faults) for name, draw in charts_of.items()}
    return {
        "watching": {at: Markup(svg) for at, svg in days.looks(result).items()},
        **{name: None if svg is None else Markup(svg) for name, svg in drawn.items()},
    }


def _drawn(name: str, draw: Callable[[], str | None], faults: Faults) -> str | None:
    """A chart, or why there is none: a chart that fails is no loss of the page."""
    from markupsafe import escape

    try:
        return draw()
    except Exception as error:
        why = faults.add(f"chart {name}", error)
        return f'<p class="undrawn">Not drawn: {escape(why)}.</p>'


def _arms(result: Result) -> list[dict[str, Any]]:
    return [
        {
            "arm": arm,
            "style": axes.style(at),
            "dashes": " ".join(map(str, axes.dashes(at))),
            "top": max((track.share for track in arm.top_tracks or ()), default=0.0),
        }
        for at, arm in enumerate(result.arms)
    ]


def _yaml(data: Mapping[str, Any]) -> str:
    from abbotify.files import yaml  # brings pydantic: 0.3 s, which a reader of reports spares

    return yaml.write(dict(data))


def _details(details: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """A check's details as names and short texts."""
    return [
        (name.replace("_", " "), value if isinstance(value, str) else _short(value))
        for name, value in (details or {}).items()
    ]


def _glued(text: str) -> str:
    """The text with intervals and p-values kept on one line."""
    return re.sub(r"\[[^\]]*\]|\bp [=<] [\d.]+", lambda part: part[0].replace(" ", "\u00a0"), text)


def _short(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}".replace("-", numbers.MINUS)
    if isinstance(value, Mapping):
        return ", ".join(
            f"{str(name).replace('_', ' ')} {_short(own)}" for name, own in value.items()
        )
    if isinstance(value, list | tuple):
        return ", ".join(map(_short, value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
