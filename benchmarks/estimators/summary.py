"""What a calibration found, in some ten lines made of its rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from abbotify.report.text.numbers import plural
from abbotify.studies.validation.characteristics import Characteristic
from benchmarks.estimators.replications import Row

HEAD: Final = "## In short"


def summary(rows: Sequence[Row]) -> str:
    """A line for all promises, and one for each theme that makes any.

    Args:
        rows: of the whole table, in the order of the themes.
    """
    themes: dict[str, list[Characteristic]] = {}
    for row in rows:
        if row.found.gated:
            themes.setdefault(row.theme, []).append(row.found)
    gated = [found for each in themes.values() for found in each]
    lines = [f"* {_kept(gated)}"]
    lines += [f"* **{theme}**: {'; '.join(_measured(found))}." for theme, found in themes.items()]
    return "\n".join([HEAD, "", *lines, *_shipped(gated)]) + "\n"


def _kept(gated: Sequence[Characteristic]) -> str:
    left = [found for found in gated if found.within is False]
    if not left:
        return f"All {len(gated)} promised rates lie in their bands."
    named = ", ".join(f"{found.method} ({found.metric})" for found in left)
    return f"**{len(left)} of {len(gated)} promised rates left their bands: {named}.**"


def _measured(found: Sequence[Characteristic]) -> Iterator[str]:
    """What was measured of each quantity, and what was to be."""
    for quantity in dict.fromkeys(each.quantity for each in found):
        own = [each for each in found if each.quantity == quantity]
        measured = [each.measured for each in own if each.measured is not None]
        expected = [each.expected for each in own if each.expected is not None]
        if measured and expected:
            yield (
                f"{quantity.replace('_', ' ')} {_range(measured)} where {_range(expected)} "
                f"{'is' if len(set(expected)) == 1 else 'are'} expected "
                f"({plural(len(own), 'row')})"
            )


def _shipped(gated: Sequence[Characteristic]) -> Iterator[str]:
    """Of the experiments that should not be shipped, the kind that is shipped most often."""
    decided = [row for row in gated if row.method == "decision"]
    sound = {row.metric for row in decided if row.quantity == "invalid"}
    never = [row for row in decided if row.quantity == "ship" and row.metric not in sound]
    if never:
        worst = max(never, key=lambda found: found.measured or 0.0)
        often = worst.measured or 0.0
        most = f"{worst.metric}, {often:.1%}" if often else "none of them ever"
        yield f"* Of {len(never)} kinds of sabotage the one shipped most often: {most}."


def _range(values: Sequence[float]) -> str:
    low, high = min(values), max(values)
    return f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}"
