"""Titles and names made up from row numbers when somebody asks for them.

A catalogue of millions of tracks shows the titles of a few; none of the others are ever built.
"""

from __future__ import annotations

import json
import math
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Final, overload

_GOLDEN: Final = (math.sqrt(5.0) - 1.0) / 2.0
_TEXTS: Final = json.loads(Path(__file__).with_name("words.json").read_text("utf-8"))
MODIFIERS, NOUNS, SYLLABLES, SCENES, STYLES = (
    tuple(" ".join(_TEXTS[kind]).split())
    for kind in ("modifiers", "nouns", "syllables", "scenes", "styles")
)


class Made(Sequence[str]):
    """A sequence of texts, each a function of its row number.

    Args:
        size: how many there are.
    """

    def __init__(self, size: int) -> None:
        self.size = size

    @abstractmethod
    def make(self, row: int) -> str:
        """The text of a row, 0 .. size - 1."""

    def __len__(self) -> int:
        return self.size

    @overload
    def __getitem__(self, row: int) -> str: ...
    @overload
    def __getitem__(self, row: slice) -> list[str]: ...
    def __getitem__(self, row: int | slice) -> str | list[str]:
        if isinstance(row, slice):
            return [self.make(i) for i in range(self.size)[row]]
        return self.make(range(self.size)[row])


class Numbered(Made):
    """A word and the row number: `track 17`."""

    def __init__(self, word: str, size: int) -> None:
        super().__init__(size)
        self.word = word

    def make(self, row: int) -> str:
        """The word and the row number."""
        return f"{self.word} {row}"


class Pairs(Made):
    """A word of one list and one of another, no pair twice, with a number once all are used.

    Args:
        size: how many there are.
        first: words that come first.
        second: words that follow.
    """

    def __init__(self, size: int, first: Sequence[str], second: Sequence[str]) -> None:
        super().__init__(size)
        self.first, self.second = first, second

    def make(self, row: int) -> str:
        """Two words, and a number from the point where all pairs are used up."""
        again, place = spread(row, len(self.first) * len(self.second))
        first, second = divmod(place, len(self.second))
        text = f"{self.first[first]} {self.second[second]}"
        return text if again == 0 else f"{text} {again + 1}"


class Titles(Pairs):
    """Made-up titles of two words, such as Silver Harbour."""

    def __init__(self, size: int) -> None:
        super().__init__(size, [w.title() for w in MODIFIERS], [w.title() for w in NOUNS])


class Artists(Pairs):
    """Made-up names of two words of two syllables, such as Meldor Vanlin."""

    def __init__(self, size: int) -> None:
        words = [(first + second).title() for first in SYLLABLES for second in SYLLABLES]
        super().__init__(size, words, words)


class Genres(Pairs):
    """Made-up genres of a scene and a style, such as harbour folk."""

    def __init__(self, size: int) -> None:
        super().__init__(size, SCENES, STYLES)


class ArtistTracks(Made):
    """The tracks of artists who have the same number each: `Meldor Vanlin - track 2`."""

    def __init__(self, artists: Sequence[str], each: int) -> None:
        super().__init__(len(artists) * each)
        self.artists, self.each = artists, each

    def make(self, row: int) -> str:
        """The artist's name and the number of the track, from 1."""
        artist, track = divmod(row, self.each)
        return f"{self.artists[artist]} - track {track + 1}"


def spread(row: int, size: int) -> tuple[int, int]:
    """A row number as (round, place): a round visits all places, neighbours far apart.

    The step between rows is the golden section of the size, made coprime to it.
    """
    step = round(size * _GOLDEN)
    while math.gcd(step, size) != 1:
        step += 1
    again, within = divmod(row, size)
    return again, within * step % size
