"""report.html: one self-contained page, without scripts and without anything fetched."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from abbotify.report import (
    charts,
    drawing,
    effects_view,
    guardrail_view,
    health_view,
    intervals,
    labels,
    leading,
    learning,
    learning_view,
    returning,
    returning_view,
    rounding,
    segments_view,
    truth_view,
    view,
    watching,
    watching_view,
    words,
)
from abbotify.report.columns import labelled
from abbotify.report.decision import is_adjusted
from abbotify.report.document import Document
from abbotify.report.failures import FirstError
from abbotify.report.faults import Faults
from abbotify.report.forest import forest
from abbotify.report.headline import rule
from abbotify.report.labels import ADJUSTED

if TYPE_CHECKING:
    from jinja2 import Environment, Template


def render_html(
    document: Document,
    execution: Mapping[str, object] | None = None,
    errors: Sequence[FirstError] = (),
    faults: Faults | None = None,
) -> str:
    """The page.

    Args:
        document: what the report says.
        execution: how this run was executed (engine, workers, wall seconds, date, host), told at
            the end of the page; the rest of the page does not depend on it.
        errors: the first of each kind.
        faults: takes the charts that fail.
    """
    context = _context(document, execution or {}, faults or Faults()) | {"errors": errors}
    return labelled(_template().render(context).strip()) + "\n"


def _template() -> Template:
    return environment().get_template("page.html.j2")


@functools.cache
def environment() -> Environment:
    """The templates of pages, with the filters that make texts safe and numbers readable."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("abbotify.report", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "clean": labels.clean,
        "count": rounding.count,
        "percent": rounding.percent,
        "details": _details,
        "glued": _glued,
    }
    made.globals |= {"drawn": _marked(intervals.picture), "axis": _marked(intervals.axis)}
    return made


def _marked(draw: Callable[..., str]) -> Callable[..., str]:
    """The drawing, safe to be put into a page: it holds numbers alone."""
    from markupsafe import Markup

    return lambda *args, **kwargs: Markup(draw(*args, **kwargs))


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
    return labelled(both.get_template(template).render(values).strip()) + "\n"


def _context(document: Document, execution: Mapping[str, object], faults: Faults) -> dict[str, Any]:
    run = document.run
    charts_drawn = _charts(document, faults)
    parts = {
        "document": document,
        "run": run,
        "title": words.title(document),
        "subtitle": words.subtitle(document),
        "several": len(document.treatments) > 1,
        "level": rounding.level(run.alpha),
        "arms": _arms(document),
        "charts": charts_drawn,
        "curve_metric": labels.metric(charts.curve_metric(document)),
        "check_name": labels.check,
        "method": words.method(document),
        "made": _made(document),
        "execution": [(str(name).replace("_", " "), str(at)) for name, at in execution.items()],
        "scenario": _yaml(document.scenario),
        **_first_screen(document),
        **_effects(document),
        **_time(document),
        **_sessions(document),
        "truth": truth_view.truths(document),
        "segments": segments_view.segments(document),
    }
    return parts | {"sections": _sections(parts)}


def _first_screen(document: Document) -> dict[str, Any]:
    """The decision, guardrails and health."""
    rails = guardrail_view.guardrails(document)
    return {
        "cards": view.decision_cards(document),
        "rule": rule(document),
        "guardrails": guardrail_view.arranged(rails) if rails else None,
        "rails_scale": intervals.scale(line.drawn for line in rails),
        "health": health_view.health(document),
    }


def _effects(document: Document) -> dict[str, Any]:
    return {
        "adjusted": f", {ADJUSTED}" if is_adjusted(document) else "",
        "deciding": effects_view.deciding_groups(document),
        "deciding_further": effects_view.further_groups(document, deciding=True),
        "others": effects_view.exploratory_groups(document),
        "others_further": effects_view.further_groups(document, deciding=False),
        "differences": any(
            not leading.leads(row) and row.lower is not None for row in document.effects
        ),
    }


def _time(document: Document) -> dict[str, Any]:
    """What happened from day to day."""
    from markupsafe import Markup

    return {
        "watched": watching_view.watched(document),
        "watching": [(at, Markup(svg)) for at, svg in watching.charts(document).items()],
        "looks_leave": watching.leaves(document),
        "looks_without_bar": watching_view.without_bar(document),
        "setting": watching_view.setting(document),
        "watched_unit": watching_view.watched_unit(document),
        "trend_without_bar": returning.without_bar(document),
        "trends": returning_view.trends(document),
        "trend_metric": returning_view.trend_metric(document),
    }


def _sessions(document: Document) -> dict[str, Any]:
    """Means, counters, positions, trainings: what the arms did."""
    return {
        "means": view.means(document),
        "counters": view.counters(document),
        "positions": learning_view.positions(document),
        "returned": returning_view.returned(document),
        "trainings": learning_view.trainings(document),
        "reading": learning_view.reading(document),
        "beyond": charts.beyond(document),
        "without_bar": charts.without_bar(document),
    }


def _sections(parts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Anchors and names of the sections there are."""
    drawn = parts["charts"]
    curves = ("survival", "by_position", "distribution", "retention")
    every = [
        ("effects", "Effects", True),
        ("truth", "Truth", parts["truth"]),
        (
            "days",
            "Over time",
            drawn["daily"] or drawn["trend"] or parts["watched"] or parts["trends"],
        ),
        ("sessions", "Sessions", any(drawn[name] for name in curves)),
        ("segments", "Segments", parts["segments"]),
        ("training", "Training", parts["trainings"]),
        ("arms", "Arms", True),
        ("played", "Tracks", True),
        ("checks", "Checks", True),
        ("made", "How this was made", True),
    ]
    return [(anchor, name) for anchor, name, there in every if there]


def _charts(document: Document, faults: Faults) -> dict[str, Any]:
    """Every chart that can be drawn; the one with text in columns also in a narrow form."""
    from markupsafe import Markup

    charts_of: dict[str, Callable[[], str | None]] = {
        "forest": lambda: forest(document),
        "forest_narrow": lambda: forest(document, "forest-narrow", narrow=True),
        "distribution": lambda: charts.distribution(document),
        "survival": lambda: charts.survival(document),
        "daily": lambda: charts.daily(document),
        "trend": lambda: returning.trend(document),
        "retention": lambda: returning.retention(document),
        "by_position": lambda: learning.by_position(document),
        "training": lambda: learning.training(document),
    }
    drawn = {name: _drawn(name, draw, faults) for name, draw in charts_of.items()}
    return {name: None if svg is None else Markup(svg) for name, svg in drawn.items()}


def _drawn(name: str, draw: Callable[[], str | None], faults: Faults) -> str | None:
    """A chart, or why there is none: a chart that fails is no loss of the page."""
    from markupsafe import escape

    try:
        return draw()
    except Exception as error:
        why = faults.add(f"chart {name}", error)
        return f'<p class="undrawn">Not drawn: {escape(why)}.</p>'


def _arms(document: Document) -> list[dict[str, Any]]:
    return [
        {
            "arm": arm,
            "style": drawing.style(at),
            "dashes": " ".join(map(str, drawing.dashes(at))),
            "share": view.share(arm, document.arms),
            "planned": view.planned(arm, document.arms),
            "weight": "" if arm.weight is None else f"{arm.weight:g}",
            "top": max((track.share for track in arm.top_tracks or ()), default=0.0),
        }
        for at, arm in enumerate(document.arms)
    ]


def _made(document: Document) -> list[tuple[str, str]]:
    """Names and values that identify the run."""
    run = document.run
    return [
        ("abbotify", run.abbotify),
        *((f"{name} seed", str(seed)) for name, seed in run.seeds.items()),
        *((f"{name} digest", digest) for name, digest in run.digests.items()),
        ("formats", ", ".join(f"{name} {version}" for name, version in run.formats.items())),
    ]


def _yaml(data: Mapping[str, Any]) -> str:
    from abbotify.scenario import yaml  # brings pydantic: 0.3 s, which a reader of reports spares

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
        return f"{value:.4g}".replace("-", rounding.MINUS)
    if isinstance(value, Mapping):
        return ", ".join(
            f"{str(name).replace('_', ' ')} {_short(own)}" for name, own in value.items()
        )
    if isinstance(value, list | tuple):
        return ", ".join(map(_short, value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
