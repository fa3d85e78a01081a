"""What every study's page must keep to."""

from __future__ import annotations

import re


def assert_closed(page: str) -> None:
    """Nothing runs, nothing is fetched, and the browser is told so."""
    assert re.findall('Content-Security-Policy" content="(.*?)"', page) == [
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    ]
    assert page.count('<meta name="referrer" content="no-referrer">') == 1
    assert "<script" not in page
    assert not re.search(r"https?://", page.replace("http://www.w3.org/", ""))
    assert page.count("<main ") == page.count("</main>") == page.count("<h1>") == 1
    assert page.count("<table") == page.count("<caption>") > 0
