"""What a sweep shows: sweep.csv, sweep.md and sweep.html with one picture."""

from __future__ import annotations

import csv
import io
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from abbotify.outfolder import replacing
from abbotify.report import labels, rounding
from abbotify.report.drawing import axes_within, color, marker
from abbotify.report.html import page_style
from abbotify.report.svg import MUTED, inline_svg
from abbotify.stats import Effect
from abbotify.studies.sweep import Setting, Sweep

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_WIDTH: Final = 960


def write(sweep: Sweep, out: Path) -> None:
    """Writes the three files into the sweep's folder; each appears whole or not at all."""
    for name, text in (
        ("sweep.csv", sweep_csv(sweep)),
        ("sweep.md", sweep_markdown(sweep)),
        ("sweep.html", sweep_html(sweep)),
    ):
        with replacing(out / name) as temporary:
            temporary.write_text(text, encoding="utf-8")


def sweep_csv(sweep: Sweep) -> str:
    """One row for each setting and treatment, numbers at full precision."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        [*sweep.keys, "arm", "relative_effect", "relative_lower", "relative_upper", "p_value",
         "significant", "loss", "validation_loss", "folder", "failure"]
    )  # fmt: skip
    for setting in sweep.settings:
        for effect in setting.effects:
            loss, validation = setting.losses.get(effect.arm, (None, None))
            numbers = [effect.relative_effect, effect.relative_lower, effect.relative_upper,
                       effect.p_value]  # fmt: skip
            cells = ["" if n is None else repr(n) for n in (*numbers, loss, validation)]
            significant = "true" if effect.significant else "false"
            writer.writerow(
                [
                    *setting.values,
                    effect.arm,
                    *cells[:4],
                    significant,
                    *cells[4:],
                    setting.folder,
                    "",
                ]
            )
        if setting.failure:
            writer.writerow(
                [*setting.values, *[""] * 8, setting.folder, labels.clean(setting.failure)]
            )
    return text.getvalue()


def rows(sweep: Sweep) -> tuple[list[str], list[list[str]]]:
    """The table as people read it: its head, and the rows of the treatments that move."""
    head = [*sweep.keys, "arm", "effect", "interval", "p", "loss", "validation loss"]
    body = [
        [*setting.values, arm, *_shown(sweep.effect(setting, arm)), *_losses(setting, arm)]
        for arm in sweep.moved
        for setting in sweep.settings
    ]
    return head, body


def matters(sweep: Sweep) -> list[tuple[str, str, float]]:
    """(arm, key, range of the mean effect in per cent of the control), the largest first."""
    found = [
        (arm, key, spread)
        for arm in sweep.moved
        for key in sweep.keys
        if (spread := sweep.spread(key, arm)) is not None
    ]
    return sorted(found, key=lambda row: (row[0], -row[2]))


def sweep_markdown(sweep: Sweep) -> str:
    """The tables for a pull request."""
    head, body = rows(sweep)
    lines = [
        f"# {_plain(_title(sweep))}",
        "",
        sentence(sweep),
        "",
        _markdown_row(head),
        _markdown_row(["---"] * len(head)),
        *(_markdown_row(row) for row in body),
        "",
        "How much a setting matters: the range of the mean effect between its values.",
        "",
        "| arm | setting | range |",
        "| --- | --- | --- |",
        *(_markdown_row([arm, key, _points(spread)]) for arm, key, spread in matters(sweep)),
    ]
    return "\n".join(lines) + "\n"


def sweep_html(sweep: Sweep) -> str:
    """The page: a picture, the table, how much each setting matters. No scripts, no network."""
    head, body = rows(sweep)
    title = escape(_title(sweep))
    ranges = [[arm, key, _points(spread)] for arm, key, spread in matters(sweep)]
    return (
        "\n".join(
            [
                "<!doctype html>",
                '<html lang="en"><head><meta charset="utf-8">',
                '<meta name="viewport" content="width=device-width, initial-scale=1">',
                f"<title>{title}</title>",
                page_style(),
                "</head><body>",
                f'<header class="page"><p class="eyebrow">Sweep</p><h1>{title}</h1>'
                f"<p>{escape(sentence(sweep))}</p></header>",
                '<main class="page">',
                f'<section><div class="scroll">{picture(sweep)}</div></section>',
                "<section><h2>Settings</h2>",
                _html_table(head, body),
                "</section><section><h2>How much a setting matters</h2>",
                "<p>The range of the mean effect between the values of a setting, over all values "
                "of the others.</p>",
                _html_table(["arm", "setting", "range"], ranges),
                "</section></main></body></html>",
            ]
        )
        + "\n"
    )


def picture(sweep: Sweep) -> str:
    """Effects with intervals above, losses below, one column for each setting."""
    with_losses = any(setting.losses for setting in sweep.settings)

    def paint(figure: Figure) -> None:
        bottom = 285.0 if with_losses else 110.0
        upper = axes_within(figure, left=70, right=14, top=14, bottom=bottom)
        upper.axhline(0, color=MUTED, linewidth=1.2)
        for at, arm in _places(sweep):
            _effects(upper, sweep, arm, at)
        upper.set_ylabel("effect, %")
        lowest = upper
        if with_losses:
            lowest = axes_within(figure, left=70, right=14, top=275, bottom=95)
            _draw_losses(lowest, sweep)
            upper.set_xticks(range(len(sweep.settings)), [""] * len(sweep.settings))
        names = [" · ".join(setting.values) for setting in sweep.settings]
        lowest.set_xticks(range(len(names)), names, rotation=35, ha="right")
        upper.set_xlim(-0.6, len(names) - 0.4)
        lowest.set_xlim(-0.6, len(names) - 0.4)
        if len(sweep.moved) > 1 or with_losses:
            upper.legend(frameon=False, ncols=4, loc="best")

    return inline_svg(
        paint,
        name="sweep",
        width=_WIDTH,
        height=540 if with_losses else 400,
        title=f"Effect on {labels.metric(sweep.metric).label.lower()} by setting",
        description="Relative effects with intervals for every setting, and losses of training.",
    )


def _places(sweep: Sweep) -> list[tuple[int, str]]:
    """The arms drawn, each with its place in the experiment, which gives it its look."""
    return [(at, arm) for at, arm in enumerate(sweep.arms, 1) if arm in sweep.moved]


def _effects(axes: Any, sweep: Sweep, arm: str, at: int) -> None:
    shift, labelled = (sweep.moved.index(arm) - (len(sweep.moved) - 1) / 2) * 0.12, False
    for place, setting in enumerate(sweep.settings):
        effect = sweep.effect(setting, arm)
        if effect is None or effect.relative_effect is None:
            continue
        ends = (effect.relative_lower, effect.relative_upper)
        if None not in ends:
            axes.plot([place + shift] * 2, ends, color=color(at), linewidth=2)
        axes.plot(
            place + shift, effect.relative_effect, marker(at), color=color(at), markersize=7,
            label=None if labelled else labels.clean(arm),
        )  # fmt: skip
        labelled = True


def _draw_losses(axes: Any, sweep: Sweep) -> None:
    for at, arm in _places(sweep):
        for which, look in ((0, ":"), (1, "-")):
            points = [
                (place, value)
                for place, setting in enumerate(sweep.settings)
                if (value := setting.losses.get(arm, (None, None))[which]) is not None
            ]
            if points:
                axes.plot(
                    *zip(*points, strict=True), linestyle=look, marker=marker(at), color=color(at),
                    label="validation" if which else "training",
                )  # fmt: skip
    axes.set_ylabel("loss")
    axes.legend(frameon=False, loc="best")


def _shown(effect: Effect | None) -> list[str]:
    if effect is None:
        return ["failed", "–", "–"]
    shown = rounding.estimate(
        effect.relative_effect, effect.relative_lower, effect.relative_upper, unit="%"
    )
    return [shown.value, shown.interval, rounding.p_value(effect.p_value)]


def _losses(setting: Setting, arm: str) -> list[str]:
    found = setting.losses.get(arm, (None, None))
    return ["–" if value is None else f"{value:.4f}" for value in found]


def _points(spread: float) -> str:
    return f"{spread:.1f} points"


def _title(sweep: Sweep) -> str:
    return f"{labels.clean(sweep.scenario)}: {', '.join(sweep.keys)}"


def sentence(sweep: Sweep) -> str:
    """What was varied, and which arms it made no difference to."""
    metric = labels.metric(sweep.metric).label.lower()
    return (
        f"Effect on {metric} against {labels.clean(sweep.control)}, with the intervals of single "
        f"comparisons, in {len(sweep.settings)} runs with the same seeds. Losses are those of the "
        f"first training.{_unmoved(sweep)}{_failed(sweep)}"
    )


def _failed(sweep: Sweep) -> str:
    told = [f"{' · '.join(each.values)}: {each.failure}" for each in sweep.failures]
    return f" Failed: {labels.clean('; '.join(told))}." if told else ""


def _unmoved(sweep: Sweep) -> str:
    still = [arm for arm in sweep.arms if arm not in sweep.moved]
    told = [f"{labels.clean(arm)} {_shown(sweep.effect(sweep.played[0], arm))[0]}" for arm in still]
    return f" The same under all settings: {', '.join(told)}." if told else ""


def _markdown_row(cells: list[str]) -> str:
    return f"| {' | '.join(_plain(cell) for cell in cells)} |"


def _plain(text: str) -> str:
    return escape(labels.clean(text), quote=False).replace("|", "\\|")


def _html_table(head: list[str], body: list[list[str]]) -> str:
    top = "".join(f"<th>{escape(labels.clean(cell))}</th>" for cell in head)
    lines = (f"<tr>{''.join(map(_cell, row))}</tr>" for row in body)
    return (
        f'<div class="scroll"><table><thead><tr>{top}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div>"
    )


def _cell(text: str) -> str:
    return f'<td style="white-space: nowrap">{escape(labels.clean(text))}</td>'
