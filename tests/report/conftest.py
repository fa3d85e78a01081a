"""Results to render: one small and made by hand, one realistic, one as nasty as they come."""

from __future__ import annotations

import pytest

from abbotify.report.result import Result
from tests.report.by_hand import Plain, hand_made
from tests.report.large import large
from tests.report.nasty import nasty
from tests.report.realistic import realistic

# What a page with everything in it draws; columns of text also in a narrow form.
CHARTS = (
    *("forest", "forest-narrow", "daily", "trend", "distribution", "survival"),
    *("by-position", "retention", "training", "watching-1"),
)


@pytest.fixture
def small() -> Result:
    """The hand-made result."""
    return Result.from_dict(hand_made())


@pytest.fixture(scope="session")
def usual() -> Result:
    """The realistic result."""
    return Result.from_dict(realistic())


@pytest.fixture(scope="session")
def hostile() -> Result:
    """The nasty result."""
    return Result.from_dict(nasty())


@pytest.fixture(scope="session")
def huge() -> Result:
    """The result of ten arms and sixty days."""
    return Result.from_dict(large())


@pytest.fixture
def hand() -> Plain:
    """The plain data of the hand-made result, free to be broken by a test."""
    return hand_made()
