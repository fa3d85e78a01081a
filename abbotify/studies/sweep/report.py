"""What a sweep shows: sweep.csv, sweep.md and sweep.html with one picture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from abbotify.report import labels, rounding
from abbotify.report.marks import escaped, escaped_table
from abbotify.report.tables import Value, csv_text
from abbotify.stats import Effect
from abbotify.stats.effects import CUPED
from abbotify.studies import pages
from abbotify.studies.sweep.picture import picture
from abbotify.studies.sweep.runs import Setting, Sweep

_NUMBERS = ("relative_effect", "relative_lower", "relative_upper", "p_value", "significant")


def write(sweep: Sweep, out: Path) -> None:
    """Writes the three files into the sweep's folder; each appears whole or not at all.

    Raises:
        OutputError: the folder cannot be written to.
    """
    texts = {
        "sweep.csv": sweep_csv(sweep),
        "sweep.md": sweep_markdown(sweep),
        "sweep.html": sweep_html(sweep),
    }
    pages.write(out, texts)


def sweep_csv(sweep: Sweep) -> str:
    """One row for each setting and treatment, or for a setting that failed; full precision."""
    ends = ("loss", "validation_loss", "folder", "failure")
    return csv_text([*sweep.keys, "arm", *_NUMBERS, *ends], _csv_rows(sweep))


def _csv_rows(sweep: Sweep) -> Iterator[list[Value]]:
    for setting in sweep.settings:
        if setting.failure:
            nothing = [None] * (len(_NUMBERS) + 3)  # no arm, no numbers, no losses
            yield [*setting.values, *nothing, setting.folder, labels.clean(setting.failure)]
        for effect in setting.effects:
            numbers = (getattr(effect, name) for name in _NUMBERS)
            losses = setting.losses.get(effect.arm, (None, None))
            yield [*setting.values, effect.arm, *numbers, *losses, setting.folder, None]


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
    parts = [
        f"# {escaped(_title(sweep))}",
        escaped(sentence(sweep)),
        escaped_table(*rows(sweep)),
        "How much a setting matters: the range of the mean effect between its values.",
        escaped_table(*_ranges(sweep)),
    ]
    return "\n\n".join(parts) + "\n"


def sweep_html(sweep: Sweep) -> str:
    """The page: a picture, the table, how much each setting matters. No scripts, no network."""
    return pages.page(
        "sweep/sweep.html.j2",
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
    kinds = {effect.estimand for setting in sweep.settings for effect in setting.effects}
    where = " where that decides" if len(kinds) > 1 else ""
    adjusted = f", {labels.ADJUSTED}{where}," if CUPED in kinds else ""
    return (
        f"Effect on {metric}{adjusted} against {labels.clean(sweep.control)}, with the intervals "
        f"of single comparisons, in {len(sweep.settings)} runs with the same seeds. Losses are "
        f"those of the first training.{_unmoved(sweep)}{_failed(sweep)}"
    )


def _failed(sweep: Sweep) -> str:
    told = [f"{' · '.join(each.values)}: {each.failure}" for each in sweep.failures]
    return f" Failed: {labels.clean('; '.join(told))}." if told else ""


def _unmoved(sweep: Sweep) -> str:
    still = [arm for arm in sweep.arms if arm not in sweep.moved]
    told = [f"{labels.clean(arm)} {_shown(sweep.effect(sweep.played[0], arm))[0]}" for arm in still]
    return f" The same under all settings: {', '.join(told)}." if told else ""
