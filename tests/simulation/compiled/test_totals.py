"""The totals of a session, track by track, beside those of a table worked out by hand."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from abbotify.eventlog.sessions import SessionTable
from abbotify.simulation.compiled.arrays import FIELDS, LOGGED
from abbotify.simulation.compiled.totals import (
    Totals,
    add_track,
    first_track,
    keep_totals,
    totals_of,
)


def test_each_track_is_counted_for_what_it_is() -> None:
    totals = first_track(1000)
    assert totals == Totals(hundredths=100, skips=0, repeats=0, artists=1, play_ms=1000)
    totals = add_track(totals, 40, 400, skipped=True, repeated=False, known=False)
    totals = add_track(totals, 0, 0, skipped=True, repeated=True, known=True)
    totals = add_track(totals, 90, 900, skipped=False, repeated=False, known=True)
    assert totals == Totals(hundredths=230, skips=2, repeats=1, artists=2, play_ms=2300)


def test_totals_stand_in_their_columns_and_nowhere_else() -> None:
    kept = np.full(FIELDS, -1)
    totals = Totals(*range(100, 100 + len(Totals._fields)))
    keep_totals(kept, totals)
    assert totals_of(kept) == totals
    assert {name: kept[LOGGED[name]] for name in Totals._fields} == totals._asdict()
    assert np.count_nonzero(kept != -1) == len(totals)


def test_every_total_is_a_column_of_the_session_table() -> None:
    assert set(Totals._fields) <= {field.name for field in fields(SessionTable)}
