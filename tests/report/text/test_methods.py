"""How the numbers came about, in words."""

from __future__ import annotations

import pytest

from abbotify.report.result import Document
from abbotify.report.text.methods import method

PARTS = ("CUPED", "Percentiles", "bootstrap", "non-inferior", "Lan and DeMets", "Cochran", "truth")


def told(document: Document) -> str:
    return " ".join(method(document))


@pytest.mark.parametrize("part", [*PARTS, "Kaplan"])
def test_what_is_used_is_explained(usual: Document, small: Document, part: str) -> None:
    assert part in told(usual)
    assert part not in told(small)


def test_several_treatments_are_explained(huge: Document, usual: Document) -> None:
    assert "max-z" in told(huge)
    assert "max-z" not in told(usual)
    assert "Holm" in told(huge)
