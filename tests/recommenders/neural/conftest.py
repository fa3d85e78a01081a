"""A planted log, and settings of a small network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from abbotify.recommenders.shipped.neural import Neural
from tests.recommenders.planted import Planted, planted_log


@pytest.fixture(scope="session")
def planted() -> Planted:
    return planted_log()


@pytest.fixture
def settings() -> Callable[..., Neural]:
    """Settings of a small network; only what matters to a test is named."""

    def make(**given: Any) -> Neural:
        small = {"embedding_size": 8, "learning_rate": 0.05, "batch_size": 256, "epochs": 20}
        return Neural.model_validate({"recommender": "neural", **small, **given})

    return make
