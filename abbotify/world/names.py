"""Titles and names made up from row numbers when somebody asks for them.

A catalogue of millions of tracks shows the titles of a few; none of the others are ever built.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Final, overload

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


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


MODIFIERS: Final = _words(
    """
    amber ancient autumn blue borrowed brass bright broken burning calm candle careful cedar
    chalk cloudless cobalt copper coral crimson crystal curious dancing distant drifting dusty
    early eastern electric emerald empty endless evening faded falling feather final flying
    folded forgotten foreign fragile frozen gentle glass golden granite green half hidden high
    hollow honest hundred indigo iron ivory jade lazy lemon little lonely long lost lucky lunar
    marble midnight misty modern morning moving narrow neon nine northern ocean olive open
    orange ordinary other painted paper patient perfect pine plastic quiet radio rainy rapid
    red restless river rolling rusty salt sandy scarlet second secret seven shining silent
    silver simple single sleeping slow small smoky snowy soft solar southern spare spring
    stolen stone strange sudden summer sunny tender thin thousand tidal tin tired tiny turning
    velvet violet wandering warm western white wild willow winding winter wooden yellow young
    """
)
NOUNS: Final = _words(
    """
    acrobat airport alley anchor answer apple archive arrow atlas avenue bakery balcony balloon
    bell bicycle bird blanket boat bonfire bottle branch bridge button cabin camera canal candle
    canyon carnival carousel castle cathedral chair cinema circle city clock coast compass
    corner corridor cottage courtyard crossing curtain daylight desert diary door dream echo
    elevator engine envelope escape fable farewell feather ferry field fire flag flower forest
    fountain friend garden gate ghost glove guitar harbour hill holiday horizon horse hotel hour
    house island journey kite ladder lake lamp lantern leaf letter library lighthouse machine
    map market meadow memory message mirror moon mountain museum needle night notebook number
    orchard painting parade passenger path pebble piano picture pillow planet platform pocket
    postcard promise puzzle railway rain rainbow river road robin roof room rope sailor satellite
    season shadow shelter ship signal sister sky snow song sparrow square stage staircase star
    station steeple stone storm story stranger street suitcase summer swing table telegram
    theatre thread ticket tide tower traffic train traveller tree umbrella valley veranda village
    visitor voice wagon wall waltz watch water wave weather wheel whistle window wing winter
    """
)
SYLLABLES: Final = _words(
    """
    al an ar bel bor bren cal cor dal den dor el en far fen gal gar hal hel in kal kel lan lin
    lor mar mel mir mor nal nel nor ol or pel per ral ren ril ros sal sel sol tal tam tel tor
    val vel ven vin wel wen wil yar yel zan zel
    """
)
STYLES: Final = _words(
    """
    folk house jazz pop rock soul techno blues ambient disco funk swing metal punk reggae gospel
    country electro
    """
)
SCENES: Final = _words(
    """
    coast city northern garage chamber desert dream forest glass harbour island kitchen late
    midnight mountain neon night parlour railway river rooftop southern summer tape valley winter
    """
)
