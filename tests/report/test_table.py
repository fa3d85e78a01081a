"""The table model: one table, and each of its renderings."""

from __future__ import annotations

from abbotify.report.table import Cell, Column, Row, Table

TABLE = Table(
    "Effects & more",
    (
        Column("Metric", merge=True),
        Column("Arm"),
        Column("Interval", picture=True),
        Column("Effect", number=True),
        Column("Result", badge=True),
    ),
    (
        Row(
            (Cell("Time"), Cell("<b>", arm=1), Cell(svg="<svg/>"), Cell("+1", "[0, 2]"), Cell("–"))
        ),
        Row(
            (Cell("Time"), Cell("b|c"), Cell(), Cell("–", "[0, 2]"), Cell("better", tone="good")),
            tone="good",
        ),
        Row((Cell("Skips"), Cell("b", "near 0"), Cell(), Cell("+3"), Cell("worse", tone="bad"))),
    ),
)


def test_html_escapes_texts_and_merges_equal_cells() -> None:
    html = TABLE.html()
    assert html.count("<tbody>") == 2
    assert '<th scope="rowgroup" rowspan="2" data-label="Metric">Time</th>' in html
    assert "<bdi>&lt;b&gt;</bdi>" in html
    assert 'href="#swatch-1"' in html
    assert '<td class="drawn" data-label="Interval"><svg/></td>' in html
    assert '<tr class="good"><td data-label="Arm">b|c</td>' in html
    assert 'aria-label="Effects &amp; more"' in html


def test_markdown_escapes_texts_and_leaves_pictures_out() -> None:
    assert TABLE.markdown().splitlines() == [
        "| Metric | Arm | Effect | Result |",
        "| --- | --- | --: | --- |",
        "| Time | \\<b> | +1 [0, 2] | – |",
        "| Time | b\\|c | [0, 2] | **better** |",
        "| Skips | b (near 0) | +3 | **worse** |",
    ]


def test_a_heading_spans_the_empty_cells_behind_it() -> None:
    heading = Row((Cell("Time"), Cell(), Cell(svg="<svg/>"), Cell(), Cell()), heading=True)
    table = Table("T", TABLE.columns, (heading, TABLE.rows[0]))
    assert '<th scope="rowgroup" colspan="2">Time</th><td class="drawn"><svg/></td>' in table.html()
    assert "| **Time** |  |  |  |" in table.markdown()


def test_a_frame_has_a_column_for_each_without_a_picture() -> None:
    frame = TABLE.frame()
    assert list(frame.columns) == ["Metric", "Arm", "Effect", "Result"]
    assert frame.Effect.tolist() == ["+1 [0, 2]", "[0, 2]", "+3"]
