"""What a sweep shows: sweep.csv, sweep.md and sweep.html with one picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from abbotify.report.csv import Value, csv_text
from abbotify.report.text import labels
from abbotify.report.text import numbers as rounding
from abbotify.report.text.markdown import escaped, escaped_table
from abbotify.stats import Effect
from abbotify.stats.effects import CUPED
from abbotify.studies import page
from abbotify.studies.sweep.chart import picture
from abbotify.studies.sweep.sweep import Setting, Sweep

_LOSSES = ("loss", "validation loss")
_NUMBERS = ("relative_effect", "relative_lower", "relative_upper", "p_value", "significant")


def write(sweep: Sweep, out: Path) -> None:
    """Writes the three files into the sweep's folder; each appears whole or not at all.

    Raises:
        OutputError: the folder cannot be written to.
        PageError: a page cannot be made; the other files are there.
    """
    texts = {
        "sweep.csv": lambda: sweep_csv(sweep),
        "sweep.md": lambda: sweep_markdown(sweep),
        "sweep.html": lambda: sweep_html(sweep),
    }
    fault = page.write(out, texts)
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


def rows(sweep: Sweep) -> tuple[list[str], list[list[str]]]:
    """The table as people read it: its head, and the rows of the treatments that move.

    Columns of losses are left out where nothing has any.
    """
    losses = [name for place, name in enumerate(_LOSSES) if _known(sweep, place)]
    unit = "" if sweep.relative else labels.with_unit("", sweep.metric)
    head = [*sweep.keys, "arm", f"effect{unit}", "interval", "p", *losses]
    cells = [(setting, arm) for arm in sweep.moved for setting in sweep.settings]
    shown = _rounded(sweep, [sweep.effect(setting, arm) for setting, arm in cells])
    body = [
        [*setting.values, arm, *numbers, *_losses(sweep, setting, arm)]
        for (setting, arm), numbers in zip(cells, shown, strict=True)
    ]
    return head, body


def numbers(sweep: Sweep) -> int:
    """How many of the table's last columns are numbers."""
    return 3 + sum(_known(sweep, place) for place in range(len(_LOSSES)))


def _known(sweep: Sweep, place: int) -> bool:
    """Whether any setting has a loss of this kind."""
    every = [pair for setting in sweep.settings for pair in setting.losses.values()]
    return any(pair[place] is not None for pair in every)


def _rounded(sweep: Sweep, effects: Sequence[Effect | None]) -> list[list[str]]:
    """Effect, interval and p of each, all rounded to one place."""
    nothing = (None, None, None)
    known = [nothing if effect is None else sweep.numbers(effect) for effect in effects]
    unit = "%" if sweep.relative else ""
    found = []
    for effect, own, places in zip(effects, known, rounding.aligned(known), strict=True):
        shown = rounding.estimate(*own, unit=unit, places=places)
        p = "–" if effect is None else rounding.p_value(effect.p_value)
        found.append(["failed" if effect is None else shown.value, shown.interval, p])
    return found


def matters(sweep: Sweep) -> list[tuple[str, str, float]]:
    """(arm, key, range of the mean effect in the unit of the sweep), the largest first."""
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
        escaped_table(*rows(sweep), numbers(sweep)),
        "How much a setting matters: the range of the mean effect between its values.",
        escaped_table(*_ranges(sweep)),
    ]
    return "\n\n".join(parts) + "\n"


def sweep_html(sweep: Sweep) -> str:
    """The page: a picture, the table, how much each setting matters. No scripts, no network."""
    return page.page(
        "sweep/sweep.html.j2",
        title=_title(sweep),
        sentence=sentence(sweep),
        picture=picture(sweep),
        picture_narrow=picture(sweep, narrow=True),
        settings=rows(sweep),
        numbers=numbers(sweep),
        ranges=_ranges(sweep),
    )


def range_text(sweep: Sweep, spread: float) -> str:
    """A range of mean effects: in percentage points, or in the metric's unit."""
    if sweep.relative:
        return f"{rounding.number(spread, 1)} points"
    every = [sweep.numbers(effect) for setting in sweep.settings for effect in setting.effects]
    places = next((each for each in rounding.aligned(every) if each is not None), 2)
    return rounding.number(spread, places) + labels.unit(sweep.metric)


def _ranges(sweep: Sweep) -> tuple[list[str], list[list[str]]]:
    body = [[arm, key, range_text(sweep, spread)] for arm, key, spread in matters(sweep)]
    return ["arm", "setting", "range"], body


def _losses(sweep: Sweep, setting: Setting, arm: str) -> list[str]:
    pair = setting.losses.get(arm, (None, None))
    known = [value for place, value in enumerate(pair) if _known(sweep, place)]
    return ["–" if value is None else f"{value:.4f}" for value in known]


def _title(sweep: Sweep) -> str:
    return f"{labels.clean(sweep.scenario)}: {', '.join(sweep.keys)}"


def sentence(sweep: Sweep) -> str:
    """What was varied, and which arms it made no difference to."""
    metric = labels.metric(sweep.metric).label.lower()
    only = f" of {labels.clean(sweep.moved[0])}" if len(sweep.moved) == 1 else ""
    losses = " Losses are those of the first training." if _known(sweep, 0) else ""
    kinds = {effect.estimand for setting in sweep.settings for effect in setting.effects}
    where = " where that decides" if len(kinds) > 1 else ""
    adjusted = f", {labels.ADJUSTED}{where}," if CUPED in kinds else ""
    return (
        f"Effect{only} on {metric}{adjusted} against {labels.clean(sweep.control)}, with the "
        f"intervals of single comparisons, in {len(sweep.settings)} runs{_seeds(sweep)}."
        f"{losses}{_split(sweep)}{_unmoved(sweep)}{_failed(sweep)}"
    )


def _seeds(sweep: Sweep) -> str:
    return "" if any(key.startswith("seeds.") for key in sweep.keys) else " with the same seeds"


def _split(sweep: Sweep) -> str:
    """What runs that differ in the seed of the dynamics have in common."""
    if "seeds.dynamics" not in sweep.keys or "seeds.split" in sweep.keys:
        return ""
    return (
        " All runs share one split of the users, and with it the imbalance of its arms: vary "
        "seeds.split to draw others."
    )


def _failed(sweep: Sweep) -> str:
    told = [f"{' · '.join(each.values)}: {each.failure}" for each in sweep.failures]
    return f" Failed: {labels.clean('; '.join(told))}." if told else ""


def _unmoved(sweep: Sweep) -> str:
    still = [arm for arm in sweep.arms if arm not in sweep.moved]
    shown = _rounded(sweep, [sweep.effect(sweep.played[0], arm) for arm in still])
    same = [f"{labels.clean(arm)} {own[0]}" for arm, own in zip(still, shown, strict=True)]
    return f" The same under all settings: {', '.join(same)}." if same else ""
