"""Tests for recommenders of your own: one subclass of `RecommenderContract` is a test.

`requests` is a Hypothesis strategy; only it needs Hypothesis.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from abbotify.testing.contract import RecommenderContract
from abbotify.testing.generated import generated_log, generated_requests, small_world

if TYPE_CHECKING:
    from abbotify.testing.strategies import requests

__all__ = ["RecommenderContract", "generated_log", "generated_requests", "requests", "small_world"]


def __getattr__(name: str) -> Any:
    if name != "requests":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from abbotify.testing.strategies import requests

    return requests
