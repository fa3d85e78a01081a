"""report.html: one self-contained page, without scripts and without anything fetched."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from abbotify.report import (
    charts,
    drawing,
    labels,
    learning,
    learning_view,
    rounding,
    view,
    words,
)
from abbotify.report.document import Document
from abbotify.report.forest import forest
from abbotify.report.headline import rule

if TYPE_CHECKING:
    from jinja2 import Environment, Template


def render_html(document: Document, execution: Mapping[str, object] | None = None) -> str:
    """The page.

    Args:
        document: what the report says.
        execution: how this run was executed (engine, workers, wall seconds, date, host), told at
            the end of the page; the rest of the page does not depend on it.
    """
    return _template().render(_context(document, execution or {})).strip() + "\n"


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
    return made


def _context(document: Document, execution: Mapping[str, object]) -> dict[str, Any]:
    run = document.run
    return {
        "document": document,
        "run": run,
        "title": words.title(document),
        "subtitle": words.subtitle(document),
        "cards": view.decision_cards(document),
        "several": len(document.treatments) > 1,
        "rule": rule(document),
        "health": view.health(document.checks),
        "level": rounding.level(run.alpha),
        "deciding": view.deciding_groups(document),
        "others": view.other_groups(document),
        "arms": _arms(document),
        "means": view.means(document),
        "counters": view.counters(document),
        "positions": learning_view.positions(document),
        "trainings": learning_view.trainings(document),
        "reading": learning_view.reading(document),
        "charts": _charts(document),
        "beyond": charts.beyond(document),
        "curve_metric": labels.metric(charts.curve_metric(document)),
        "check_name": labels.check,
        "method": words.method(document),
        "made": _made(document),
        "execution": [(str(name).replace("_", " "), str(at)) for name, at in execution.items()],
        "scenario": _yaml(document.scenario),
    }


def _charts(document: Document) -> dict[str, Any]:
    """Every chart that can be drawn; those with text in columns also in a narrow form."""
    from markupsafe import Markup

    drawn = {
        "forest": forest(document),
        "forest_narrow": forest(document, "forest-narrow", narrow=True),
        "distribution": charts.distribution(document),
        "survival": charts.survival(document),
        "daily": charts.daily(document),
        "daily_narrow": charts.daily(document, "daily-narrow", narrow=True),
        "by_position": learning.by_position(document),
        "by_position_narrow": learning.by_position(document, "by-position-narrow", narrow=True),
        "training": learning.training(document),
        "training_narrow": learning.training(document, "training-narrow", narrow=True),
    }
    return {name: None if svg is None else Markup(svg) for name, svg in drawn.items()}


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
    if isinstance(value, list | tuple):
        return ", ".join(map(_short, value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
