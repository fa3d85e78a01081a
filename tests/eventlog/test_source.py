"""The log that an analysis reads: the weights of its arms."""

from __future__ import annotations

import pytest

from abbotify.errors import UserError
from abbotify.eventlog.source import Source


def source() -> Source:
    return Source((), ("C", "T1"), "C", True, {"C": 1.0, "T1": 1.0}, lambda order: [])


def test_given_weights_go_before_those_of_the_log() -> None:
    assert source().known_weights({}) == {"C": 1.0, "T1": 1.0}
    assert source().known_weights({"T1": 3.0}) == {"C": 1.0, "T1": 3.0}


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"T2": 1.0}, r"'T2' is no arm of the log \(C, T1\)"),
        ({"T1": 0.0}, "above 0 and finite, got T1=0.0"),
        ({"T1": float("inf")}, "above 0 and finite"),
    ],
)
def test_a_wrong_weight_is_refused(given: dict[str, float], what: str) -> None:
    with pytest.raises(UserError, match=what):
        source().known_weights(given)
