"""The forest chart of a report: which effects, in which order, in which form."""

from __future__ import annotations

from dataclasses import replace

from abbotify.report.charts.effects import forest, relative_estimate
from abbotify.report.result import Result


def test_success_metrics_come_first(small: Result) -> None:
    drawn = forest(replace(small, effects=small.effects[::-1])) or ""
    assert (
        "<desc>Time per session: +10.0% [+4.0%, +16.0%]; Skip rate: +0.10 [−0.30, +0.50]</desc>"
    ) in drawn
    assert "95% intervals" in drawn
    assert forest(replace(small, effects=())) is None


def test_a_row_has_its_numbers_in_the_form_that_leads(small: Result) -> None:
    time, skips = (relative_estimate(row, 1, "neural", None) for row in small.effects)
    assert (time.value, *time.ends) == (10.0, 4.0, 16.0)
    assert (time.text, time.interval, time.filled) == ("+10.0%", "[+4.0%, +16.0%]", True)
    assert (skips.text, skips.interval, skips.filled) == ("+0.10", "[−0.30, +0.50]", False)
    without = replace(small.effects[0], relative_lower=None, lower=None)
    assert relative_estimate(without, 1, "", None).interval == "no interval"
