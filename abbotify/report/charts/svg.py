"""A matplotlib figure as inline SVG that takes its colours and font from the page.

Charts are drawn in stand-in colours, each replaced by a CSS variable, so one drawing serves light,
dark and print. Ids get the chart's own prefix, since all charts share the page. The bytes depend on
the figure alone: no date, no version, a fixed salt for ids, matplotlib's own defaults rather than
the user's matplotlibrc.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK = "#0a0b01"
MUTED = "#0a0b02"
RULE = "#0a0b03"
PAPER = "#0a0b04"
BAND = "#0a0b05"
ARMS: tuple[str, ...] = tuple(f"#0a0c0{at}" for at in range(8))

_VARIABLES = {
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    RULE: "var(--rule)",
    PAPER: "var(--card)",
    BAND: "var(--band)",
    **{color: f"var(--arm-{at})" for at, color in enumerate(ARMS)},
}

_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "abbotify",
    "text.parse_math": False,
    "font.size": 12.5,
    "text.color": INK,
    "axes.edgecolor": RULE,
    "axes.labelcolor": MUTED,
    "axes.facecolor": "none",
    "axes.formatter.use_locale": False,
    "axes.axisbelow": True,
    "figure.facecolor": "none",
    "xtick.color": RULE,
    "ytick.color": RULE,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "grid.color": RULE,
    "grid.linewidth": 1.0,
}


def inline_svg(
    paint: Callable[[Figure], None],
    *,
    name: str,
    width: float,
    height: float,
    title: str,
    description: str,
) -> str:
    """The SVG element of a chart.

    Args:
        paint: draws on the empty figure; one point of the figure is one pixel of the SVG.
        name: unique on the page, the prefix of every id.
        width: in pixels, before the page scales it.
        height: likewise.
        title: what the chart shows, read out by screen readers.
        description: what can be read off it, likewise.
    """
    return _inline(_drawn(paint, width, height), name, title, description)


def _drawn(paint: Callable[[Figure], None], width: float, height: float) -> str:
    import matplotlib
    from matplotlib.figure import Figure

    text = io.StringIO()
    with matplotlib.rc_context(), warnings.catch_warnings():
        # The page's font draws the text; that matplotlib's lacks a glyph is of no concern.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        figure = Figure(figsize=(width / 72, height / 72), dpi=72)
        paint(figure)
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return text.getvalue()


def _inline(svg: str, name: str, title: str, description: str) -> str:
    view_box = re.search(r'viewBox="([^"]*)"', svg)
    body = svg[svg.index("</metadata>") + len("</metadata>") : svg.rindex("</svg>")]
    body = re.sub(r"<style[^>]*>[^<]*</style>", "", body, count=1)
    used = set(re.findall(r'(?:url\(|href=")#([^)"]+)', body))
    body = re.sub(r"<[^<>]*>", lambda tag: _themed(tag.group(), name, used), body)
    return (
        f'<svg class="chart {escape(name)}" role="img" aria-label="{escape(title)}" '
        f'viewBox="{view_box.group(1) if view_box else ""}" focusable="false">'
        f"<title>{escape(title)}</title><desc>{escape(description)}</desc>"
        f"{_compact(body)}</svg>"
    )


def _themed(tag: str, name: str, used: set[str]) -> str:
    """A tag with the page's colours and font, and with ids of this chart's own."""
    tag = re.sub(r"#0a0[bc]0\d", lambda color: _VARIABLES[color.group()], tag)
    tag = re.sub(r"\s*font-family: [^;\"]*;?", "", tag)
    tag = re.sub(
        r' id="([^"]*)"', lambda ref: f' id="{name}-{ref[1]}"' if ref[1] in used else "", tag
    )
    tag = re.sub(r"(?:xlink:)?href=\"#", f'href="#{name}-', tag)
    return tag.replace("url(#", f"url(#{name}-")


def _coarse(places: str) -> str:
    return re.sub(r"-?\d+\.\d{3,}(?:e-?\d+)?", lambda part: f"{float(part[0]):.2f}", places)


def _compact(body: str) -> str:
    """The drawing without empty groups and indentation, places to a hundredth of a pixel."""
    body = re.sub(r"<[^<>]*>", lambda tag: " ".join(tag.group().split()), body)
    body = re.sub(r' (?:d|x|y)="[^"]*"', lambda place: _coarse(place.group()), body)
    body = re.sub(r">\s+<", "><", body).strip()
    while "<g></g>" in body or "<defs></defs>" in body:
        body = body.replace("<g></g>", "").replace("<defs></defs>", "")
    return body
