"""Titles and names made up from row numbers when somebody asks for them.

A catalogue of millions of tracks shows the titles of a few; none of the others are ever built.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Final, overload

from abbotify.world.words import MODIFIERS, NOUNS, SCENES, STYLES, SYLLABLES

_GOLDEN: Final = (math.sqrt(5.0) - 1.0) / 2.0


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


class Titles(Made):
    """Made-up titles of two words, such as Silver Harbour; none occurs twice."""

    def make(self, row: int) -> str:
        """Two words, and a number from the point where all pairs are used up."""
        again, place = spread(row, len(MODIFIERS) * len(NOUNS))
        modifier, noun = divmod(place, len(NOUNS))
        return _numbered(f"{MODIFIERS[modifier]} {NOUNS[noun]}".title(), again)


class Artists(Made):
    """Made-up names, such as Meldor Vanlin; none occurs twice."""

    def make(self, row: int) -> str:
        """Two words of two syllables each."""
        n = len(SYLLABLES)
        again, place = spread(row, n**4)
        first, second = divmod(place, n * n)
        return _numbered(f"{_word(first)} {_word(second)}", again)


class Genres(Made):
    """Made-up genres, such as harbour folk; none occurs twice."""

    def make(self, row: int) -> str:
        """A scene and a style."""
        again, place = spread(row, len(SCENES) * len(STYLES))
        scene, style = divmod(place, len(STYLES))
        return _numbered(f"{SCENES[scene]} {STYLES[style]}", again)


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


def _numbered(text: str, again: int) -> str:
    return text if again == 0 else f"{text} {again + 1}"


def _word(place: int) -> str:
    first, second = divmod(place, len(SYLLABLES))
    return (SYLLABLES[first] + SYLLABLES[second]).title()
