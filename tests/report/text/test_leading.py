"""Which form of an effect is told first, on every rendering."""

from __future__ import annotations

from typing import Any

import pytest

from abbotify import stats
from abbotify.report.csv import effects_csv
from abbotify.report.pages import render_html, render_markdown
from abbotify.report.result import Result
from abbotify.report.tables import effects, guardrails, truth
from abbotify.report.text.headline import headline, notes, summary_table
from abbotify.report.text.leading import LIMIT, leads, near_zero
from tests.report.found import guardrail

Plain = dict[str, Any]
FAR = {"relative_effect": 150_000.0, "relative_lower": 100_000.0, "relative_upper": 350_000.0}


def plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize("which", ["relative_effect", "relative_lower", "relative_upper"])
@pytest.mark.parametrize(("value", "is_near"), [(LIMIT, False), (-LIMIT, False), (501.0, True)])
def test_the_limit(hand: Plain, which: str, value: float, is_near: bool) -> None:
    hand["effects"][0][which] = value
    row = Result.from_dict(hand).effects[0]
    assert (near_zero(row), leads(row)) == (is_near, not is_near)


def test_a_control_near_zero_beside_its_noise_is_seen() -> None:
    """Fieller's end runs away as the control's mean comes near to its own error, here 1."""
    near = []
    for mean in (100.0, 10.0, 3.0, 2.2):
        arms = [
            stats.ArmMoments(name, {"time": stats.Moments.of([[at - 10], [at + 10]] * 50)})
            for name, at in (("control", mean), ("other", 1.1 * mean))
        ]
        (row,) = stats.compare(arms, ["time"], {"time"}, 0.05)
        near.append(near_zero(row))
    assert near == [False, False, False, True]


def test_the_difference_leads_everywhere_but_in_the_table_of_effects(hand: Plain) -> None:
    hand["effects"][0] |= FAR
    result = Result.from_dict(hand)
    assert "rises by 0.50 tracks against sticky (95% interval [+0.20, +0.80]" in plain(
        headline(result)
    )
    first = summary_table(result)[0]
    assert (plain(first.effect), first.interval) == ("+0.50 tracks", "[+0.20, +0.80]")
    table = effects.success(result)
    assert table is not None
    about, relative, *_ = table.rows[0].cells
    assert relative.plain == "–"
    assert "control near zero" in about.under
    for text in (headline(result), render_markdown(result)):
        assert "150,000" not in text
    page = render_html(result)
    assert "numbers at the right are absolute differences" in page
    assert '<p class="big">+0.50<small>' in page
    assert "150,000" not in page
    assert "150000.0,100000.0,350000.0" in effects_csv(result.effects)


@pytest.mark.parametrize(
    ("name", "loss"),
    [
        ("time", ("\N{MINUS SIGN}0.50 tracks", "\N{MINUS SIGN}0.25 tracks")),
        ("skip_rate", ("+0.50", "+0.75")),
    ],
)
def test_guardrails_lose_in_the_metrics_unit(hand: Plain, name: str, loss: tuple[str, str]) -> None:
    hand["effects"][0] |= FAR | {"metric": name}
    hand["guardrails"] = [guardrail("neural", name, 2_007_000.0, 9000.0)]
    result = Result.from_dict(hand)
    (row,) = result.guardrails
    assert tuple(map(plain, guardrails.loss_and_bound(result, row))) == loss
    shown, _ = guardrails.guardrails(result)
    assert shown is not None
    assert "control near zero" in shown.rows[0].cells[0].under
    for text in (render_html(result), render_markdown(result), *notes(result)):
        assert "2,007,000" not in text
        assert "2,016,000" not in text


def test_a_guardrail_in_the_metrics_unit_stays(hand: Plain) -> None:
    hand["effects"][0] |= FAR
    rail = guardrail("neural", "time", 900.0, 100.0) | {"unit": "metric"}
    hand["guardrails"] = [rail]
    result = Result.from_dict(hand)
    loss, most = guardrails.loss_and_bound(result, result.guardrails[0])
    assert (plain(loss), plain(most)) == ("+900 tracks", "+1,000 tracks")


def test_other_estimates_follow_the_one_shown_first(hand: Plain) -> None:
    first = hand["effects"][0]
    hand["effects"].append(first | {"estimand": "ratio", "p_adjusted": None})
    first |= FAR
    table = effects.further(Result.from_dict(hand), deciding=True)
    assert table is not None
    _, about, relative, *_ = table.rows[-1].cells
    assert about.under.endswith(
        "control near zero: the difference is more informative than a ratio"
    )
    assert relative.plain == "–"


def test_the_truth_is_told_as_a_difference_too(usual: Result) -> None:
    data = usual.to_dict()
    for row in data["truth"]:
        if row["unit"] != "metric":
            row |= {"estimate": 1e5, "lower": 9e4, "upper": 2e5}
    found = truth.truths(Result.from_dict(data))
    assert found is not None
    assert found.success is not None
    assert not any("%" in row.cells[0].under for row in found.success.rows if row.heading)
