"""The table of users that all peers are given."""

from __future__ import annotations

import pytest

from tests.peers.users import SIZES, Users, made


@pytest.fixture(scope="session")
def users() -> Users:
    return made(SIZES, 0.2, 1)
