"""Figures as inline SVG: colours of the page, ids of the chart, texts escaped."""

from __future__ import annotations

import re

from matplotlib.figure import Figure

from abbotify.report.charts.svg import ARMS, INK, inline_svg


def paint(figure: Figure) -> None:
    axes = figure.add_axes((0.1, 0.1, 0.8, 0.8))
    axes.plot([0, 1], [1 / 3, 2 / 3], color=ARMS[2], marker="o")
    axes.text(0.5, 0.5, "a $x^2$ <b>", color=INK)


def svg(name: str) -> str:
    return inline_svg(paint, name=name, width=200, height=100, title="A <b>", description="B & c")


def test_a_drawing_takes_colours_and_font_from_the_page() -> None:
    drawn = svg("first")
    assert "var(--arm-2)" in drawn
    assert "var(--ink)" in drawn
    assert not re.search(r"#[0-9a-f]{6}|font-family|<style|<metadata", drawn)
    assert ">a $x^2$ &lt;b&gt;</text>" in drawn


def test_ids_are_of_the_chart_and_used() -> None:
    drawn = svg("first")
    ids = re.findall(r' id="([^"]*)"', drawn)
    assert ids
    assert all(each.startswith("first-") for each in ids)
    assert set(ids) == set(re.findall(r'(?:href="|url\()#([^")]+)', drawn))
    assert svg("first") == drawn
    assert not set(ids) & set(re.findall(r' id="([^"]*)"', svg("second")))


def test_it_is_described_for_screen_readers() -> None:
    drawn = svg("first")
    assert drawn.startswith('<svg class="chart first" role="img" aria-label="A &lt;b&gt;" viewBox=')
    assert "<title>A &lt;b&gt;</title><desc>B &amp; c</desc>" in drawn
