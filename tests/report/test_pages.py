"""The page: self-contained, escaped, the same bytes every time."""

from __future__ import annotations

import re
import warnings
from html.parser import HTMLParser
from typing import Any

import pytest

from abbotify.files import yaml
from abbotify.report.pages import render_html
from abbotify.report.result import Result
from tests.report.conftest import CHARTS


class Page(HTMLParser):
    """Collects tags, their attributes, and the text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def names(self) -> list[str]:
        return [tag for tag, _ in self.tags]


@pytest.fixture(scope="module")
def wild(hostile: Result) -> str:
    return render_html(hostile)


@pytest.fixture(scope="module")
def plain(usual: Result) -> str:
    return render_html(usual)


def test_same_bytes_again(usual: Result, plain: str) -> None:
    assert render_html(usual) == plain
    assert len(plain.encode()) < 2_000_000


def test_ten_arms_over_sixty_days_stay_small(huge: Result) -> None:
    assert len(render_html(huge).encode()) < 2_000_000


def test_a_matplotlibrc_of_the_users_changes_nothing(usual: Result, plain: str) -> None:
    import matplotlib

    with matplotlib.rc_context({"font.size": 30, "axes.grid": True, "svg.fonttype": "path"}):
        assert render_html(usual) == plain


def test_nothing_is_fetched_and_nothing_runs(wild: str) -> None:
    page = Page(wild)
    assert "script" not in page.names()
    assert "iframe" not in page.names()
    assert not [name for _, attrs in page.tags for name in attrs if name.startswith("on")]
    links = [
        value or ""
        for _, attrs in page.tags
        for name, value in attrs.items()
        if name in ("src", "href", "xlink:href", "action", "srcset", "data")
    ]
    assert links
    assert all(link.startswith("#") or link == "data:," for link in links)
    assert not re.search(r"https?://|@import|url\((?!#)", wild)


def test_ids_are_unique_and_every_link_has_its_target(wild: str) -> None:
    page = Page(wild)
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    used = re.findall(r'(?:href="|url\()#([^")]+)', wild)
    assert set(used) <= set(ids)


def test_user_text_is_shown_not_interpreted(wild: str) -> None:
    page = Page(wild)
    assert "<script>alert('x')</script>" in page.text
    assert "</pre><script>alert(1)</script>" in page.text
    assert "four <arms> & $counting$" in page.text
    assert "neural <b>&amp;</b>" in page.text
    assert "sticky $x$" in page.text
    assert "</code><script>alert(2)" in page.text
    assert "<b>" not in wild


def test_dollars_in_a_chart_are_dollars(hand: dict[str, Any]) -> None:
    for arm, name in zip(hand["arms"], ("a $x^2$", r"b \$y$ $"), strict=True):
        arm["name"] = name
    for row in hand["effects"]:
        row["arm"] = r"b \$y$ $"
    hand["arms"].append({"name": "c", "label": "T2", "control": False, "users": 1})
    hand["effects"].append(hand["effects"][0] | {"arm": "c"})
    assert r">b \$y$ $</text>" in render_html(Result.from_dict(hand))


def test_charts_speak(plain: str) -> None:
    charts = [attrs for tag, attrs in Page(plain).tags if attrs.get("role") == "img"]
    assert sorted(attrs["class"] or "" for attrs in charts) == sorted(
        f"chart {name}" for name in CHARTS
    )
    assert all(attrs["aria-label"] for attrs in charts)
    assert plain.count("<title>") == 1 + len(CHARTS)  # the page's own
    assert plain.count("<desc>") == len(CHARTS)


def test_colours_come_from_the_page(plain: str) -> None:
    drawings = "".join(re.findall(r'<svg class="chart.*?</svg>', plain, re.DOTALL))
    assert "var(--arm-1)" in drawings
    assert not re.search(r"#[0-9a-f]{6}", drawings)
    assert "font-family" not in drawings


def test_tables_have_captions_and_scopes(wild: str) -> None:
    page = Page(wild)
    names = page.names()
    assert names.count("table") == names.count("caption") > 5
    assert all("scope" in attrs for tag, attrs in page.tags if tag == "th")
    assert page.tags[0] == ("html", {"lang": "en"})


def test_execution_is_told_only_when_given(small: Result) -> None:
    assert "compiled" not in render_html(small)
    page = render_html(small, {"engine": "compiled", "wall_seconds": 1.5})
    assert "<dt>wall seconds</dt><dd><code>1.5</code></dd>" in page
    assert "<dt>engine</dt><dd><code>compiled</code></dd>" in page


def test_a_name_that_looks_like_a_number_is_quoted(hand: dict[str, Any]) -> None:
    hand["scenario"] = {"name": "1e3"}
    page = Page(render_html(Result.from_dict(hand)))
    assert "name: '1e3'" in page.text
    assert yaml.parse("name: '1e3'", "").data == {"name": "1e3"}
    assert yaml.parse("name: 1e3", "").data == {"name": 1000.0}


def test_a_document_with_nothing_in_it(hand: dict[str, Any]) -> None:
    hand |= {"effects": [], "checks": [], "scenario": {}}
    hand["arms"][0]["users"] = hand["arms"][1]["users"] = 0
    page = Page(render_html(Result.from_dict(hand)))
    assert "No effect could be estimated." in page.text
    assert "No checks were made" in page.text


def test_missing_glyphs_do_not_warn(hand: dict[str, Any]) -> None:
    hand["arms"].append({"name": "夜🌙", "label": "T2", "control": False, "users": 1})
    hand["effects"].append(hand["effects"][0] | {"arm": "夜🌙"})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "夜🌙" in render_html(Result.from_dict(hand))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_contrast(plain: str, scheme: str) -> None:
    """Contrast of at least 4.5 (WCAG 2.2, 1.4.3) of every text colour on the card and the page."""
    style = plain[plain.index("<style>") : plain.index("</style>")]
    root = re.findall(r":root \{(.*?)\}", style, re.DOTALL)[0 if scheme == "light" else 1]
    colors = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", root))
    texts = ["ink", "muted", "link", "good", "bad", "warn", "calm"] + [f"arm-{k}" for k in range(8)]
    for name in texts:
        for ground in ("card", "paper", "band"):
            assert _contrast(colors[name], colors[ground]) >= 4.5, (name, ground)
    for tone in ("good", "bad", "warn", "calm"):
        assert _contrast(colors[tone], colors[f"{tone}-soft"]) >= 4.5, tone


def _contrast(one: str, other: str) -> float:
    bright, dim = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def _luminance(color: str) -> float:
    """Relative luminance, WCAG 2.2."""
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


PARTS = ("CUPED", "Percentiles", "bootstrap", "non-inferior", "Lan and DeMets", "Cochran", "Kaplan")


def methods(result: Result) -> str:
    return render_html(result).partition('<ul class="method">')[2].partition("</ul>")[0]


def test_methods_that_are_used_are_explained(usual: Result, small: Result) -> None:
    for part in (*PARTS, "true effect"):
        assert part in methods(usual)
        assert part not in methods(small)


def test_several_treatments_are_explained(huge: Result, usual: Result) -> None:
    assert "max-z" in methods(huge)
    assert "max-z" not in methods(usual)
    assert "Holm" in methods(huge)
