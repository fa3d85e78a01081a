"""Every cell has the name of its column, whatever spans rows and columns."""

from __future__ import annotations

import re

from abbotify.report.html import render_html
from abbotify.report.result import Result
from abbotify.report.tables.narrow_screens import labelled

TABLE = """<table class="x">
<thead><tr>
<th scope="col">Metric</th><th>Arm</th><th class="n">A &amp; "b"<small>c</small></th><th>D</th>
</tr></thead>
<tbody><tr><th rowspan="2">m</th><th>one</th><td>1</td><td>2</td></tr>
<tr><th>two</th><td>3</td><td>4</td></tr></tbody>
<tbody><tr class="group"><th colspan="2">g</th><td>5</td><td>6</td></tr></tbody>
</table>"""


def names(html: str) -> list[tuple[str, str]]:
    return re.findall(r'data-label="([^"]*)"[^>]*>(\w+)', html)


def test_names_follow_spans() -> None:
    third = "A &amp; &#34;b&#34; c"
    assert names(labelled(TABLE)) == [
        *(("Metric", "m"), ("Arm", "one"), (third, "1"), ("D", "2")),
        *(("Arm", "two"), (third, "3"), ("D", "4")),
        *((third, "5"), ("D", "6")),
    ]
    assert re.sub(r' data-label="[^"]*"', "", labelled(TABLE)) == TABLE


def test_a_table_without_a_head_stays() -> None:
    table = "<table><tr><td>1</td></tr></table>"
    assert labelled(f"<p>{table}</p>") == f"<p>{table}</p>"


def test_all_cells_of_a_report_are_named(usual: Result, huge: Result) -> None:
    for result in (usual, huge):
        body = render_html(result).partition("<body>")[2]
        for table in re.findall(r"<table\b.*?</table>", body, re.DOTALL):
            columns = table.partition("</thead>")[0].count('scope="col"')
            for row in re.findall(r"<tr\b.*?</tr>", table.partition("</thead>")[2], re.DOTALL):
                cells = re.findall(r"<t[dh]\b[^>]*>", row)
                assert len(cells) <= columns
                assert all("data-label" in cell or "colspan" in cell for cell in cells)
