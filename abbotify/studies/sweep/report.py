"""The files of a sweep: sweep.csv, sweep.md and sweep.html with one picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from abbotify.report.charts.axes import Axis, Line
from abbotify.report.charts.forest import Estimate, Group, forest
from abbotify.report.csv import Value, csv_text
from abbotify.report.table import Table, plain_table
from abbotify.report.text import labels
from abbotify.report.text import numbers as rounding
from abbotify.stats import Effect
from abbotify.stats.effects import CUPED
from abbotify.studies import page
from abbotify.studies.page import Figure, Page, Section
from abbotify.studies.sweep.sweep import Setting, Sweep

_LOSSES: Final = ("loss", "validation loss")
_NUMBERS: Final = ("relative_effect", "relative_lower", "relative_upper", "p_value", "significant")


def write(sweep: Sweep, out: Path) -> None:
    """Writes the three files into the sweep's folder; each appears whole or not at all.

    Raises:
        OutputError: the folder cannot be written to.
        PageError: a page cannot be made; the other files are there.
    """
    fault = page.write(out, "sweep", lambda: sweep_csv(sweep), lambda: sweep_page(sweep))
    if fault is not None:
        raise fault


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


def sweep_page(sweep: Sweep) -> Page:
    """The picture, the table, and how much each setting matters."""
    figure = Figure(
        "Effects by setting",
        "A point is the effect under a setting, the line its interval; the vertical line is no "
        "effect.",
        lambda narrow: chart(sweep, narrow),
    )
    losses = Figure(
        "Losses by setting",
        "Hollow: in training. Filled: held out.",
        lambda narrow: loss_chart(sweep, narrow),
    )
    trained = [Section("Losses", figure=losses)] if _known(sweep, 0) else []
    return Page(
        "sweep",
        f"{labels.clean(sweep.scenario)}: {', '.join(sweep.keys)}",
        sentence(sweep),
        (
            Section("Effects", figure=figure),
            *trained,
            Section("Settings", table=effects(sweep)),
            Section(
                "How much a setting matters",
                "The range of the mean effect between the values of a setting, averaged over the "
                "values of the others.",
                table=ranges(sweep),
            ),
        ),
    )


def effects(sweep: Sweep) -> Table:
    """The effects of the treatments that the settings change, under every setting.

    Columns of losses are left out where nothing has any.
    """
    losses = [name for place, name in enumerate(_LOSSES) if _known(sweep, place)]
    unit = "" if sweep.relative else labels.with_unit("", sweep.metric)
    cells = [(setting, arm) for arm in sweep.moved for setting in sweep.settings]
    shown = _rounded(sweep, [sweep.effect(setting, arm) for setting, arm in cells])
    rows = [
        (*setting.values, arm, *numbers, *_losses(sweep, setting, arm))
        for (setting, arm), numbers in zip(cells, shown, strict=True)
    ]
    figures = (f"effect{unit}", "interval", "p", *losses)
    return plain_table("Effects under every setting", (*sweep.keys, "arm"), figures, rows)


def ranges(sweep: Sweep) -> Table:
    """How much each key matters to each arm, the most first."""
    rows = [(arm, key, range_text(sweep, spread)) for arm, key, spread in matters(sweep)]
    return plain_table("Ranges of the mean effect", ("arm", "setting"), ("range",), rows)


def matters(sweep: Sweep) -> list[tuple[str, str, float]]:
    """(arm, key, range of the mean effect in the unit of the sweep), the largest first."""
    spreads = [
        (arm, key, spread)
        for arm in sweep.moved
        for key in sweep.keys
        if (spread := sweep.spread(key, arm)) is not None
    ]
    return sorted(spreads, key=lambda row: (row[0], -row[2]))


def range_text(sweep: Sweep, spread: float) -> str:
    """A range of mean effects: in percentage points, or in the metric's unit."""
    if sweep.relative:
        return f"{rounding.number(spread, 1)} points"
    every = [sweep.numbers(effect) for setting in sweep.settings for effect in setting.effects]
    places = next((each for each in rounding.aligned(every) if each is not None), 2)
    return rounding.number(spread, places) + labels.unit(sweep.metric)


def _known(sweep: Sweep, place: int) -> bool:
    """Whether any setting has a loss of this kind."""
    every = [pair for setting in sweep.settings for pair in setting.losses.values()]
    return any(pair[place] is not None for pair in every)


def _rounded(sweep: Sweep, effects: Sequence[Effect | None]) -> list[list[str]]:
    """Effect, interval and p of each, all rounded to one place."""
    known = [sweep.numbers(effect) for effect in effects]
    unit = "%" if sweep.relative else ""
    texts = []
    for effect, values, places in zip(effects, known, rounding.aligned(known), strict=True):
        shown = rounding.estimate(*values, unit=unit, places=places)
        p = rounding.MISSING if effect is None else rounding.p_value(effect.p_value)
        texts.append(["failed" if effect is None else shown.value, shown.interval, p])
    return texts


def _losses(sweep: Sweep, setting: Setting, arm: str) -> list[str]:
    pair = setting.losses.get(arm, (None, None))
    known = [value for place, value in enumerate(pair) if _known(sweep, place)]
    return [rounding.MISSING if value is None else f"{value:.4f}" for value in known]


def sentence(sweep: Sweep) -> str:
    """What was varied, and which arms it made no difference to."""
    metric = labels.metric(sweep.metric).label.lower()
    only = f" of {labels.clean(sweep.moved[0])}" if len(sweep.moved) == 1 else ""
    losses = " Losses are those of the first training." if _known(sweep, 0) else ""
    kinds = {effect.estimand for setting in sweep.settings for effect in setting.effects}
    where = " where that decides" if len(kinds) > 1 else ""
    adjusted = f", {labels.ADJUSTED}{where}," if CUPED in kinds else ""
    varied = any(key.startswith("seeds.") for key in sweep.keys)
    seeds = "" if varied else " with the same seeds"
    return (
        f"Effect{only} on {metric}{adjusted} against {labels.clean(sweep.control)}, with "
        f"unadjusted intervals, in {len(sweep.settings)} runs{seeds}."
        f"{losses}{_split(sweep)}{_unmoved(sweep)}{_failed(sweep)}"
    )


def _split(sweep: Sweep) -> str:
    """What runs that differ in the seed of the dynamics have in common."""
    if "seeds.dynamics" not in sweep.keys or "seeds.split" in sweep.keys:
        return ""
    return (
        " All runs assign the users to the same arms, so they share any imbalance between the "
        "arms: vary seeds.split to draw others."
    )


def _failed(sweep: Sweep) -> str:
    failures = [f"{' · '.join(each.values)}: {each.failure}" for each in sweep.failures]
    return f" Failed: {labels.clean('; '.join(failures))}." if failures else ""


def _unmoved(sweep: Sweep) -> str:
    still = [arm for arm in sweep.arms if arm not in sweep.moved]
    shown = _rounded(sweep, [sweep.effect(sweep.played[0], arm) for arm in still])
    same = [f"{labels.clean(arm)} {texts[0]}" for arm, texts in zip(still, shown, strict=True)]
    return f" The same under all settings: {', '.join(same)}." if same else ""


def chart(sweep: Sweep, narrow: bool) -> str:
    """A row for each setting and treatment: effects with their intervals."""
    cells = [(setting, arm) for setting in sweep.settings for arm in sweep.moved]
    shown = iter(_rounded(sweep, [sweep.effect(setting, arm) for setting, arm in cells]))
    groups = []
    for setting in sweep.settings:
        rows = []
        for arm in sweep.moved:
            effect, (text, interval, _) = sweep.effect(setting, arm), next(shown)
            look = 1 + sweep.arms.index(arm)
            significant = effect is not None and bool(effect.significant)
            name = arm if len(sweep.moved) > 1 else ""
            values = sweep.numbers(effect)
            rows.append(Estimate(*values, look, name, significant, text, interval))
        groups.append(Group(" · ".join(setting.values), tuple(rows)))
    label = labels.metric(sweep.metric).label.lower()
    unit = "" if sweep.relative else labels.unit(sweep.metric)
    return forest(
        groups,
        Axis(
            f"Effect on {label}{unit and f',{unit}'}",
            unit="%" if sweep.relative else "",
            sign=True,
            lines=(Line(0.0),),
        ),
        name="sweep-narrow" if narrow else "sweep",
        title=f"Effect on {label} by setting",
        narrow=narrow,
    )


def loss_chart(sweep: Sweep, narrow: bool) -> str | None:
    """The losses of the first training under each setting; None where nothing is trained."""
    groups = [
        Group(" · ".join(setting.values), rows)
        for setting in sweep.settings
        if (rows := tuple(_loss_rows(sweep, setting)))
    ]
    if not groups:
        return None
    values = [row.value or 0.0 for group in groups for row in group.rows]
    pad = 0.08 * (max(values) - min(values)) or 0.1 * abs(max(values)) or 1.0
    return forest(
        groups,
        Axis("Loss", limits=(min(values) - pad, max(values) + pad)),
        name="losses-narrow" if narrow else "losses",
        title="Losses of training by setting",
        narrow=narrow,
    )


def _loss_rows(sweep: Sweep, setting: Setting) -> Iterator[Estimate]:
    for arm, losses in setting.losses.items():
        look, name = 1 + sweep.arms.index(arm), labels.clean(arm)
        for kind, loss in zip(("training", "held out"), losses, strict=True):
            if arm in sweep.moved and loss is not None:
                held = kind == "held out"
                text = f"{loss:.4f}"
                yield Estimate(loss, None, None, look, name, held, text, kind)
