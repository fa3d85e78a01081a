"""What a listener remembers within a session: the tracks played, and how often each artist."""

from __future__ import annotations

from typing import Any


class Memory:
    """The tracks of a session so far, and what they take from the joy of the next one.

    Attributes:
        played: track ids in the order they were played.
    """

    __slots__ = ("_artist_of", "_discounts", "_gamma", "_seen", "played")

    def __init__(self, artist_of: Any, gamma: float, first: int) -> None:
        """The memory after the session's first track.

        Args:
            artist_of: the artist of each track, by id; a memory view or a list.
            gamma: the discount of a repeated artist.
            first: the first track's id.
        """
        self._artist_of, self._gamma = artist_of, gamma
        self.played = [first]
        self._seen = {first}
        self._discounts = {artist_of[first]: gamma}

    def hear(self, track: int) -> float:
        """Adds a track to the session; what its listened time is multiplied by.

        Returns:
            `gamma ** k` for an artist played k times before, gamma's powers by repeated
            multiplication; 0 for a track played before, which still counts for its artist.
        """
        discounts, artist = self._discounts, self._artist_of[track]
        discount = discounts.get(artist, 1.0)
        discounts[artist] = discount * self._gamma
        self.played.append(track)
        if track in self._seen:
            return 0.0
        self._seen.add(track)
        return discount
