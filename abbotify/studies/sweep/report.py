"""What a sweep shows: sweep.csv, sweep.md and sweep.html with one picture."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from abbotify.outfolder import replacing
from abbotify.report import labels, markdown, rounding
from abbotify.report.html import rendered
from abbotify.report.tables import cell
from abbotify.stats import Effect
from abbotify.studies.sweep.picture import picture
from abbotify.studies.sweep.runs import Setting, Sweep

_NUMBERS = ("relative_effect", "relative_lower", "relative_upper", "p_value", "significant")


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
    """One row for each setting and treatment, or for a setting that failed; full precision."""
    text = io.StringIO()
    ends = ("loss", "validation_loss", "folder", "failure")
    writer = csv.DictWriter(text, [*sweep.keys, "arm", *_NUMBERS, *ends], lineterminator="\n")
    writer.writeheader()
    for setting in sweep.settings:
        row = dict(zip(sweep.keys, setting.values, strict=True)) | {"folder": setting.folder}
        if setting.failure:
            writer.writerow(row | {"failure": labels.clean(setting.failure)})
        for effect in setting.effects:
            numbers = {name: cell(getattr(effect, name)) for name in _NUMBERS}
            loss, validation = map(cell, setting.losses.get(effect.arm, (None, None)))
            losses = {"loss": loss, "validation_loss": validation}
            writer.writerow(row | {"arm": effect.arm} | numbers | losses)
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
    parts = [
        f"# {markdown.escaped(_title(sweep))}",
        markdown.escaped(sentence(sweep)),
        _markdown_table(head, body),
        "How much a setting matters: the range of the mean effect between its values.",
        _markdown_table(*_ranges(sweep)),
    ]
    return "\n\n".join(parts) + "\n"


def _markdown_table(head: list[str], body: list[list[str]]) -> str:
    safe = [list(map(markdown.escaped, row)) for row in (head, *body)]
    return markdown.table(safe[0], safe[1:])


def sweep_html(sweep: Sweep) -> str:
    """The page: a picture, the table, how much each setting matters. No scripts, no network."""
    return rendered(
        "abbotify.studies.sweep",
        "sweep.html.j2",
        title=_title(sweep),
        sentence=sentence(sweep),
        picture=picture(sweep),
        settings=rows(sweep),
        ranges=_ranges(sweep),
    )


def _ranges(sweep: Sweep) -> tuple[list[str], list[list[str]]]:
    body = [[arm, key, f"{spread:.1f} points"] for arm, key, spread in matters(sweep)]
    return ["arm", "setting", "range"], body


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
