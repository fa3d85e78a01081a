"""Simulator and A/B-testing framework for recommenders.

The names below are what a recommender of your own needs. They are imported when first used, so
that `import abbotify` stays cheap.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from abbotify.recommenders.base import Play, Recommender, Request
    from abbotify.recommenders.batch import Requests
    from abbotify.recommenders.candidate_table import CandidateTable, Key, Pick
    from abbotify.recommenders.training_log import TrainingLog
    from abbotify.world.base import Catalogue, Lists, Users, World

__version__ = "0.1.0"

__all__ = [
    "CandidateTable",
    "Catalogue",
    "Key",
    "Lists",
    "Pick",
    "Play",
    "Recommender",
    "Request",
    "Requests",
    "TrainingLog",
    "Users",
    "World",
    "__version__",
]

_HOMES = {
    **dict.fromkeys(("Play", "Recommender", "Request"), "abbotify.recommenders.base"),
    "Requests": "abbotify.recommenders.batch",
    **dict.fromkeys(("CandidateTable", "Key", "Pick"), "abbotify.recommenders.candidate_table"),
    "TrainingLog": "abbotify.recommenders.training_log",
    **dict.fromkeys(("Catalogue", "Lists", "Users", "World"), "abbotify.world.base"),
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
