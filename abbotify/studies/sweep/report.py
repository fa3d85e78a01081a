"""The files of a sweep: sweep.csv, sweep.md and sweep.html with one picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from abbotify.report.charts.axes import shortened_range
from abbotify.report.csv import Value, csv_text
from abbotify.report.table import Cell, Column, Row, Table
from abbotify.report.text import labels
from abbotify.report.text import numbers as rounding
from abbotify.stats import Effect
from abbotify.stats.effects import CUPED
from abbotify.studies import page
from abbotify.studies.page import Figure, Page, Section
from abbotify.studies.row_chart import Mark, Panel, RowChart
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
        lambda narrow: chart(sweep).svg(narrow),
    )
    return Page(
        "sweep",
        f"{labels.clean(sweep.scenario)}: {', '.join(sweep.keys)}",
        sentence(sweep),
        (
            Section("Effects", figure=figure),
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
    columns = (
        *map(Column, (*sweep.keys, "arm")),
        *(Column(name, number=True) for name in (f"effect{unit}", "interval", "p", *losses)),
    )
    cells = [(setting, arm) for arm in sweep.moved for setting in sweep.settings]
    shown = _rounded(sweep, [sweep.effect(setting, arm) for setting, arm in cells])
    rows = [
        (*setting.values, arm, *numbers, *_losses(sweep, setting, arm))
        for (setting, arm), numbers in zip(cells, shown, strict=True)
    ]
    return Table("Effects under every setting", columns, tuple(Row(tuple(map(Cell, r))) for r in rows))


def ranges(sweep: Sweep) -> Table:
    """How much each key matters to each arm, the most first."""
    columns = (Column("arm"), Column("setting"), Column("range", number=True))
    rows = (
        Row((Cell(arm), Cell(key), Cell(range_text(sweep, spread))))
        for arm, key, spread in matters(sweep)
    )
    return Table("Ranges of the mean effect", columns, tuple(rows))


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
    nothing = (None, None, None)
    known = [nothing if effect is None else sweep.numbers(effect) for effect in effects]
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


def chart(sweep: Sweep) -> RowChart:
    """A row for each setting: effects with intervals, and beside them losses, if there are any."""
    arms = [(place, arm) for place, arm in enumerate(sweep.arms, 1) if arm in sweep.moved]
    every = [
        sweep.numbers(effect)
        for setting in sweep.settings
        for _, arm in arms
        if (effect := sweep.effect(setting, arm)) is not None
    ]
    limits = shortened_range(
        [value for value, _, _ in every if value is not None],
        [end for _, *ends in every for end in ends if end is not None],
    )
    metric = labels.metric(sweep.metric).label.lower()
    unit = "" if sweep.relative else labels.unit(sweep.metric)
    title = f"Effect on {metric}{unit and f',{unit}'}"
    rows = [
        [
            Mark(*sweep.numbers(effect), look, lane)
            for lane, (look, arm) in enumerate(arms)
            if (effect := sweep.effect(setting, arm)) is not None
        ]
        for setting in sweep.settings
    ]
    panels = [Panel(title, rows, limits, "%" if sweep.relative else "", zero=True)]
    legend = [(arm, Mark(None, look=look)) for look, arm in arms] if len(arms) > 1 else []
    if _known(sweep, 0):
        panels.append(_loss_panel(sweep, arms))
        legend += [
            ("loss in training", Mark(None, look=0, hollow=True)),
            ("loss held out", Mark(None, look=0)),
        ][: 1 + _known(sweep, 1)]
    values = [setting.values for setting in sweep.settings]
    changes = (at for at in range(len(values) - 1) if values[at][0] != values[at + 1][0])
    return RowChart(
        "sweep",
        f"Effect on {metric} by setting",
        "Effects with intervals for every setting"
        + (", and losses of training." if _known(sweep, 0) else "."),
        [
            " · ".join(setting.values) + (" (failed)" if setting.failure else "")
            for setting in sweep.settings
        ],
        panels,
        sweep.keys,
        legend,
        len(arms),
        tuple(changes) if len(sweep.keys) > 1 else (),
    )


def _loss_panel(sweep: Sweep, arms: Sequence[tuple[int, str]]) -> Panel:
    rows = [
        [
            Mark(loss, look=look, lane=lane, hollow=place == 0)
            for lane, (look, arm) in enumerate(arms)
            for place, loss in enumerate(setting.losses.get(arm, (None, None)))
        ]
        for setting in sweep.settings
    ]
    losses = [mark.value for row in rows for mark in row if mark.value is not None] or [0.0, 1.0]
    low, high = min(losses), max(losses)
    pad = 0.08 * (high - low) or 0.1 * abs(high) or 1.0
    return Panel("Loss", rows, (low - pad, high + pad))
