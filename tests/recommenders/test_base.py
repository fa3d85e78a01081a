"""What a recommender returns, checked, whatever it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from abbotify.recommenders.base import (
    NO_TRACK_ID,
    NOT_IN_CATALOGUE,
    WrongAnswer,
    checked,
    shown,
    type_name,
    whole,
)


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (True, NO_TRACK_ID, "returned True (bool), not a track id or None"),
        (7.0, NO_TRACK_ID, "returned 7.0 (float), not a track id or None"),
        (10, NOT_IN_CATALOGUE, "returned track 10, not between 0 and 9"),
        (np.int8(-1), NOT_IN_CATALOGUE, "returned track -1, not between 0 and 9"),
    ],
)
def test_a_wrong_answer_names_its_kind(value: Any, kind: str, text: str) -> None:
    with pytest.raises(WrongAnswer) as error:
        checked(value, 10)
    assert (error.value.kind, str(error.value)) == (kind, text)


def test_whole_numbers_become_plain() -> None:
    numbers = [whole(value) for value in (3, np.uint8(4), np.int64(5), True, 6.0, None)]
    assert numbers == [3, 4, 5, None, None, None]
    assert all(type(number) is int for number in numbers[:3])


def test_a_value_is_shown_whatever_its_text_raises() -> None:
    class Silent:
        def __repr__(self) -> str:
            raise RuntimeError

    assert shown(Silent()) == "<Silent: its text raised RuntimeError>"
    assert shown("a\n b", 5) == "'a\\n "
    assert type_name(Silent()) == "Silent"
