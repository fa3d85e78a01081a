"""Estimates beside the truth."""

from __future__ import annotations

from typing import Any

import pytest

from abbotify.report.pages import render_html, render_markdown
from abbotify.report.result import Result, loads
from abbotify.report.table import Table
from abbotify.report.tables.truth import TruthTables, truths

Plain = dict[str, Any]
SPACE = "\N{NO-BREAK SPACE}"


def row(**values: Any) -> Plain:
    """An interval of 0.2 .. 0.6 around 0.4, and a truth of 0.5 in it."""
    known = {"arm": "neural", "metric": "mean_time_per_session", "form": "total", "method": "welch"}
    numbers = {"estimate": 0.4, "lower": 0.2, "upper": 0.6, "truth": 0.5, "bias": -0.1}
    return {**known, "unit": "metric", **numbers, "covered": True, "note": "", **values}


def table(hand: Plain, *rows: Plain) -> TruthTables:
    hand["truth"] = list(rows)
    found = truths(Result.from_dict(hand))
    assert found is not None
    return found


def texts(table: Table | None) -> list[list[str]]:
    """The rows of methods, as texts."""
    assert table is not None
    rows = table.texts()[1]
    return [row for row, each in zip(rows, table.rows, strict=True) if not each.heading]


def test_both_forms_stand_beside_one_estimate(hand: Plain) -> None:
    equal = row(form="equal_data", truth=0.1, bias=0.3, covered=False)
    built = table(hand, equal, row())
    assert built.forms == ("all users", "equal data")
    assert texts(built.success) == [
        [
            "mean of users, Welch",
            "+0.40 tracks [+0.20, +0.60]",
            *("+0.50 (bias −0.10)", "yes", "+0.10 (bias +0.30)", "no"),
        ]
    ]


def test_the_deciding_effect_leads(hand: Plain) -> None:
    equal = row(form="equal_data", truth=0.1, bias=0.3, covered=False)
    delta = row(method="delta", estimate=0.3)
    assert table(hand, row(metric="time"), delta, row()).leads == (
        f"neural: estimated effect on time per session +0.40{SPACE}tracks [+0.20, +0.60]; true "
        "effect +0.50 (all users, inside the interval).",
    )
    assert (
        table(hand, row(), equal)
        .leads[0]
        .endswith(
            "effect +0.50 (all users, inside the interval) and +0.10 (equal data, outside the "
            "interval)."
        )
    )
    assert table(hand, row(metric="time")).leads == ()
    assert table(hand, row(truth=None)).leads == ()


def test_one_form_alone_leaves_the_other_out(hand: Plain) -> None:
    found = table(hand, row(form="equal_data"))
    assert found.forms == ("equal data",)
    assert "(equal data)" in found.coverage


def test_how_often_intervals_held(hand: Plain) -> None:
    found = table(
        hand,
        row(method="sessions_as_independent", covered=False),
        row(),
        row(metric="time", covered=False),
        row(metric="tracks", covered=None),
        row(form="equal_data", covered=False),
    )
    assert found.coverage == (
        "Coverage (all users): mean of users, Welch 1 of 2; sessions taken as independent 0 of 1."
    )


def test_groups_by_metric_and_unit_success_first(hand: Plain) -> None:
    percent = row(unit="percent", method="naive_relative", estimate=8.0, lower=4.0, upper=12.0)
    found = table(hand, row(metric="time"), percent, row())
    assert found.success is not None
    assert found.others is not None
    assert [each.cells[0].plain for each in found.success.rows if each.heading] == [
        "Time per session (neural, tracks)",
        "Time per session (neural, % of the control)",
    ]
    assert [each.cells[0].text for each in found.others.rows if each.heading] == ["Listened time"]
    last = found.success.rows[-1]
    assert (last.cells[2].text, last.tone) == ("+8.0%", "naive")


def test_treatments_share_a_scale(huge: Result) -> None:
    found = truths(huge)
    assert found is not None
    assert found.success is not None
    headings = [each.cells for each in found.success.rows if each.heading]
    tracks = [cells for cells in headings if cells[0].under.endswith("tracks")]
    assert [cells[0].arm for cells in tracks] == list(range(1, 10))
    assert len({cells[1].svg for cells in tracks}) == 1


def test_nothing_is_known(hand: Plain) -> None:
    nothing = dict.fromkeys(("estimate", "lower", "upper", "truth", "bias", "covered"))
    found = table(hand, row(**nothing, note="not <trained>"))
    ((*_, truth, covered),) = texts(found.success)
    assert (truth, covered) == ("–", "–")
    assert found.coverage == "No interval can be compared with a true effect."
    hand["truth"] = [row(**nothing, note="not <trained>")]
    result = Result.from_dict(hand)
    assert "not &lt;trained&gt;" in render_html(result)
    assert r"(not \<trained>)" in render_markdown(result)


def test_what_all_rows_note_is_told_once(hand: Plain) -> None:
    both = "no variance; trained <once>"
    rows = [row(note=both), row(metric="time", note="trained <once>"), row(form="equal_data")]
    found = table(hand, *rows)
    assert found.notes == ("trained <once>",)
    assert texts(found.success)[0][0] == "mean of users, Welch (no variance)"
    assert texts(found.others)[0][0] == "mean of users, Welch"
    result = Result.from_dict(hand)
    assert "Note: trained &lt;once&gt;." in render_html(result)
    assert r"Note: trained \<once>." in render_markdown(result)


def test_the_page_says_covered_or_not(hand: Plain) -> None:
    hand["truth"] = [row(), row(method="sessions_as_independent", covered=False)]
    page = render_html(Result.from_dict(hand))
    assert page.count('<span class="word good">yes</span>') == 1
    assert page.count('<span class="word bad">no</span>') == 1
    assert page.count('<path class="truth" d="M') == 3  # two rows and the key
    assert '<a href="#truth">' in page


def test_truth_survives_its_form(hand: Plain) -> None:
    hand["truth"] = [row()]
    result = Result.from_dict(hand)
    assert loads(result.dumps()) == result
    assert truths(Result.from_dict(hand | {"truth": []})) is None


def test_truth_of_no_treatment_is_refused(hand: Plain) -> None:
    from abbotify.errors import DataError

    hand["truth"] = [row(), row(arm="sticky")]
    with pytest.raises(DataError, match=r"truth\[1\]\.arm"):
        Result.from_dict(hand)
