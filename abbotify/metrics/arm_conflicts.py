"""Users seen in two arms of one experiment, which a sound log does not have."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import numpy.typing as npt

from abbotify.eventlog.schema import ARM, IntArray
from abbotify.eventlog.sessions import SessionTable
from abbotify.jit import kernel


class Claims:
    """The arms that rows name beside the one of their session's first row: hardly ever any."""

    def __init__(self) -> None:
        self.arms: defaultdict[int, set[int]] = defaultdict(set)

    def add(self, user: IntArray, codes: npt.NDArray[np.int16], starts: IntArray) -> None:
        """Looks through some rows.

        Args:
            user: int64 (n,), ids.
            codes: int16 (n,), arms, -1 for none.
            starts: int64 (sessions,), the rows at which sessions start.
        """
        for row in _strays(codes, starts).tolist():
            self.arms[int(user[row])].add(int(codes[row]))


@kernel
def _strays(codes: Any, starts: Any) -> Any:
    """The rows in an arm that is not the one of their session's first row."""
    found = np.empty(0, np.int64)
    for filling in range(2):
        place = 0
        for i in range(len(starts)):
            end = starts[i + 1] if i + 1 < len(starts) else len(codes)
            for row in range(starts[i] + 1, end):
                if codes[row] >= 0 and codes[row] != codes[starts[i]]:
                    if filling:
                        found[place] = row
                    place += 1
        if place == 0:
            break
        if not filling:
            found = np.empty(place, np.int64)
    return found


def users_in_two_arms(table: SessionTable, claims: Claims) -> IntArray:
    """The users who were seen in more than one arm: int64 ids, ascending.

    Args:
        table: sessions sorted by user, with `arm`.
        claims: what else their rows say.
    """
    user, codes = table.user, table.arms[ARM].codes
    known = codes >= 0
    if not known.all():
        user, codes = user[known], codes[known]
    # Where all sessions of a user are in one arm, no two neighbours differ.
    differs = (user[1:] == user[:-1]) & (codes[1:] != codes[:-1])
    mixed = set(user[1:][differs].tolist())
    if claims.arms:
        lowest, highest = int(table.user[0]), int(table.user[-1])
        for one in [u for u in claims.arms if lowest <= u <= highest]:
            seen = claims.arms.pop(one) | set(codes[user == one].tolist())
            mixed |= {one} if len(seen) > 1 else set()
    return np.array(sorted(mixed), np.int64)
