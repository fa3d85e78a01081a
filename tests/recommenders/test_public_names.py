"""The names a plug-in may import, and nothing heavy before they are used."""

from __future__ import annotations

from pathlib import Path

import pytest

import abbotify
from tests.conftest import printed

ROOT = Path(abbotify.__file__).parent.parent


def test_the_public_names() -> None:
    assert abbotify.__all__ == [
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
    for name in abbotify.__all__:
        assert getattr(abbotify, name) is not None
        assert name in dir(abbotify)
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = abbotify.Nothing


def test_the_package_itself_imports_nothing_heavy() -> None:
    code = "import abbotify, sys; print(*({'numba', 'numpy', 'pydantic'} & {*sys.modules}))"
    assert printed(code).split() == []


def test_the_example_plugin_imports_public_names_only() -> None:
    text = (ROOT / "recommenders" / "genre_radio.py").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if "import" in line and "abbotify" in line]
    assert lines == ["from abbotify import CandidateTable, Key, Lists, Pick, Request, World"]
