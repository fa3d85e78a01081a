"""report.html: one self-contained page, without scripts and without anything fetched."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from abbotify.report.charts import arms, axes, monitoring, retention, training
from abbotify.report.charts.effects import forest
from abbotify.report.decision import is_adjusted
from abbotify.report.faults import Faults, FirstError
from abbotify.report.result import Result
from abbotify.report.tables import arms as arms_table
from abbotify.report.tables import checks, effects, guardrails, segments, sessions, truth
from abbotify.report.tables import monitoring as monitoring_table
from abbotify.report.text import labels, leading, methods, numbers
from abbotify.report.text.headline import rule
from abbotify.report.text.labels import ADJUSTED

if TYPE_CHECKING:
    from jinja2 import Environment, Template


def render_html(
    result: Result,
    execution: Mapping[str, object] | None = None,
    errors: Sequence[FirstError] = (),
    faults: Faults | None = None,
) -> str:
    """The page.

    Args:
        result: what the report says.
        execution: how this run was executed (engine, workers, wall seconds, date, host), told at
            the end of the page; the rest of the page does not depend on it.
        errors: the first of each kind.
        faults: takes the charts that fail.
    """
    context = _context(result, execution or {}, faults or Faults()) | {"errors": errors}
    return str(_template().render(context)).strip() + "\n"


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
        "count": numbers.count,
        "percent": numbers.percent,
        "details": _details,
        "glued": _glued,
    }
    return made


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


def _context(result: Result, execution: Mapping[str, object], faults: Faults) -> dict[str, Any]:
    run = result.run
    charts_drawn = _charts(result, faults)
    parts = {
        "result": result,
        "run": run,
        "title": methods.title(result),
        "subtitle": methods.subtitle(result),
        "several": len(result.treatments) > 1,
        "level": numbers.level(run.alpha),
        "arms": _arms(result),
        "charts": charts_drawn,
        "curve_metric": labels.metric(arms.curve_metric(result)),
        "check_name": labels.check,
        "method": methods.method(result),
        "made": _made(result),
        "execution": [(str(name).replace("_", " "), str(at)) for name, at in execution.items()],
        "scenario": _yaml(result.scenario),
        **_tables(result),
        **_time(result),
    }
    return parts | {"sections": _sections(parts)}


def _tables(result: Result) -> dict[str, Any]:
    """The decisions, and every table with the sentences beside it."""
    return {
        "cards": arms_table.decision_cards(result),
        "rule": rule(result),
        "guardrails": guardrails.guardrails(result),
        "health": checks.health(result),
        "adjusted": f", {ADJUSTED}" if is_adjusted(result) else "",
        "differences": any(
            not leading.leads(row) and row.lower is not None for row in result.effects
        ),
        "success": effects.success(result),
        "success_further": effects.further(result, deciding=True),
        "exploratory": effects.exploratory(result),
        "exploratory_further": effects.further(result, deciding=False),
        "naive": effects.naive(result),
        "truth": truth.truths(result),
        "segments": segments.segments(result),
        "segmented_by": segments.segmented_by(result),
        "segment_tests": segments.segment_tests(result),
        "arms_table": arms_table.arms(result),
        "means": arms_table.means(result),
        "counters": arms_table.counters(result),
        "positions": sessions.positions(result),
        "returned": sessions.returned(result),
        "trainings": sessions.trainings(result),
        "reading": sessions.reading(result),
    }


def _time(result: Result) -> dict[str, Any]:
    """What happened from day to day."""
    from markupsafe import Markup

    looked = [at for at, arm in enumerate(result.arms) if arm.looks]
    return {
        "looks": [(result.arms[at].name, monitoring_table.looks(result, at)) for at in looked],
        "time_sentences": (
            *monitoring_table.stop_sentences(result),
            *sessions.trend_sentences(result),
        ),
        "stops": any(monitoring_table.stop(result.arms[at].looks or ()) for at in looked),
        "watching": [(at, Markup(svg)) for at, svg in monitoring.charts(result).items()],
        "looks_leave": monitoring.leaves(result),
        "looks_without_bar": monitoring_table.without_bar(result),
        "setting": monitoring_table.setting(result),
        "trend_without_bar": retention.without_bar(result),
        "trend_metric": sessions.trend_metric(result),
        "beyond": arms.beyond(result),
        "without_bar": arms.without_bar(result),
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
            drawn["daily"] or drawn["trend"] or parts["time_sentences"],
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


def _charts(result: Result, faults: Faults) -> dict[str, Any]:
    """Every chart that can be drawn; the one with text in columns also in a narrow form."""
    from markupsafe import Markup

    charts_of: dict[str, Callable[[], str | None]] = {
        "forest": lambda: forest(result),
        "forest_narrow": lambda: forest(result, "forest-narrow", narrow=True),
        "distribution": lambda: arms.distribution(result),
        "survival": lambda: arms.survival(result),
        "daily": lambda: arms.daily(result),
        "trend": lambda: retention.trend(result),
        "retention": lambda: retention.retention(result),
        "by_position": lambda: training.by_position(result),
        "training": lambda: training.training(result),
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


def _made(result: Result) -> list[tuple[str, str]]:
    """Names and values that identify the run."""
    run = result.run
    return [
        ("abbotify", run.abbotify),
        *((f"{name} seed", str(seed)) for name, seed in run.seeds.items()),
        *((f"{name} digest", digest) for name, digest in run.digests.items()),
        ("formats", ", ".join(f"{name} {version}" for name, version in run.formats.items())),
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
