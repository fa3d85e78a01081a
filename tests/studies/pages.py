"""What every study's page must keep to."""

from __future__ import annotations

import re
from html import unescape

_MOST = 6  # significant digits of a number that is no count


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
    assert_readable(page)


def assert_readable(page: str) -> None:
    """No markup of another language and no number as a computer prints it in what is read."""
    plain = re.sub(r"<(style|svg|pre|code)\b.*?</\1>", " ", page, flags=re.DOTALL)
    text = unescape(re.sub(r"<[^>]*>", " ", plain))
    assert re.findall(r".{0,30}`.{0,30}", text) == []
    numbers = re.findall(r"(?<![\d.,])\d+\.\d+(?![\d.])", text)
    assert [each for each in numbers if len(each.replace(".", "").lstrip("0")) > _MOST] == []
