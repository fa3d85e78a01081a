"""How the numbers came about, in words."""

from __future__ import annotations

import pytest

from abbotify.report.result import Result
from abbotify.report.text.methods import method

PARTS = ("CUPED", "Percentiles", "bootstrap", "non-inferior", "Lan and DeMets", "Cochran", "truth")


def told(result: Result) -> str:
    return " ".join(method(result))


@pytest.mark.parametrize("part", [*PARTS, "Kaplan"])
def test_what_is_used_is_explained(usual: Result, small: Result, part: str) -> None:
    assert part in told(usual)
    assert part not in told(small)


def test_several_treatments_are_explained(huge: Result, usual: Result) -> None:
    assert "max-z" in told(huge)
    assert "max-z" not in told(usual)
    assert "Holm" in told(huge)
