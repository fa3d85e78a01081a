"""The order of a log's rows, and of the steps in its sessions, checked in one compiled pass."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from abbotify.errors import DataError
from abbotify.eventlog.arrow_table import Piece
from abbotify.eventlog.schema import SESSION, STEP, USER, Events, IntArray
from abbotify.jit import inlined, kernel

_PLACE: Final = (USER, SESSION, STEP, "last")
_Ints = npt.NDArray[np.int32]
_Bools = npt.NDArray[np.bool_]


def check_order(events: Events, previous: Events | None, piece: Piece) -> None:
    """Refuses rows that are not sorted by (user, session, step).

    Args:
        events: the rows of the piece.
        previous: the row before them; None at the start of the file.
        piece: where they are from.

    Raises:
        DataError: names the first row that breaks the order.
    """
    before = events.take(slice(0)) if previous is None else previous
    row = first_misplaced(
        *(getattr(events, name) for name in _PLACE), *(getattr(before, name) for name in _PLACE)
    )
    if row >= 0:
        place = f"user {events.user[row]}, session {events.session[row]}, step {events.step[row]}"
        raise DataError(
            f"row {piece.before + row} ({place}) breaks the order by {USER}, {SESSION}, {STEP}, "
            "with steps from 0 and nothing after a last",
            file=piece.file,
        )


@kernel
def first_misplaced(
    user: IntArray,
    session: _Ints,
    step: _Ints,
    last: _Bools,
    user_before: IntArray,
    session_before: _Ints,
    step_before: _Ints,
    last_before: _Bools,
) -> int:
    """The first row that breaks the order by user, session and step, -1 if none does.

    Steps count from 0 in each session, and nothing comes after a session's last.

    Args:
        user: int64 (n,).
        session: int32 (n,).
        step: int32 (n,).
        last: bool (n,).
        user_before: the user of the row before these, (1,), or (0,) at the start of a file.
        session_before: its session, alike.
        step_before: its step.
        last_before: whether it was a last.
    """
    if len(user) == 0:
        return -1
    if len(user_before) == 0:
        if step[0] != 0:
            return 0
    elif not _follows(
        user[0] - user_before[0],
        np.int64(session[0]) - session_before[0],
        np.int64(step[0]),
        np.int64(step_before[0]),
        last_before[0],
    ):
        return 0
    for row in range(1, len(user)):
        if not _follows(
            user[row] - user[row - 1],
            np.int64(session[row]) - session[row - 1],
            np.int64(step[row]),
            np.int64(step[row - 1]),
            last[row - 1],
        ):
            return row
    return -1


@inlined
def _follows(users: Any, sessions: Any, step: Any, step_before: Any, ended: Any) -> bool:
    # Ids are not negative, so differences do not overflow.
    if users == 0 and sessions == 0:
        return step == step_before + 1 and not ended
    return step == 0 and (users > 0 or (users == 0 and sessions > 0))
