"""Every pick rule against words of numpy's Philox and arithmetic done another way."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abbotify.recommenders.base import Play, Request
from abbotify.recommenders.candidate_table import CandidateTable, Key, Pick, fallback_purpose
from abbotify.recommenders.pick import TablePicker
from abbotify.rng import seed_word
from abbotify.world.base import Lists

RECOMMEND = 2  # the purpose of a recommender's draws
ARTIST = np.array([0, 0, 0, 1, 1, 2, 2, 2, 2, 2], np.int32)


def rows(*tracks: list[int]) -> Lists:
    offsets = np.cumsum([0, *map(len, tracks)])
    return Lists(offsets, np.array([t for row in tracks for t in row], np.int32))


ARTISTS = rows([0, 1, 2], [3, 4], [5, 6, 7, 8, 9])
ALL = rows(list(range(10)))


def choice(word: int, n: int) -> int:
    return word * n >> 64


def test_uniform_is_the_high_word_of_word_times_n(ask: Any, word: Any) -> None:
    table = CandidateTable(Key.NOTHING, ALL, Pick.UNIFORM)
    picker = TablePicker(table, ARTIST)
    for user, session, step in [(3, 0, 1), (2**40, 7, 1), (5, 2, 999)]:
        request = ask(user=user, session=session, step=step)
        expected = choice(word(step, user, RECOMMEND, session), 10)
        assert picker.pick(request) == expected


def test_a_seed_of_the_upper_half_draws_numpys_words(ask: Any, word: Any) -> None:
    seed = 2**64 - 5
    request = ask(seed=seed_word(seed))
    table = CandidateTable(Key.NOTHING, rows(list(range(1000))), Pick.UNIFORM)
    expected = choice(word(1, 3, RECOMMEND, 0, seed=seed), 1000)
    assert TablePicker(table, ARTIST).pick(request) == expected
    assert request.choice(1000) == expected


@pytest.mark.parametrize(
    ("key", "row"),
    [(Key.USER, 4), (Key.ARTIST, 2), (Key.PREVIOUS, 7), (Key.FIRST, 3), (Key.NOTHING, 0)],
)
def test_the_key_chooses_the_row(key: Key, row: int, ask: Any) -> None:
    n_rows = {Key.NOTHING: 1, Key.ARTIST: 3}.get(key, 10)
    table = CandidateTable(key, rows(*([r] for r in range(n_rows))), Pick.UNIFORM)
    request = ask(row=4, plays=[(3, 1.0), (7, 0.5)])
    assert TablePicker(table, ARTIST).pick(request) == row


def test_a_pair_of_user_and_first_track_chooses_the_row(ask: Any) -> None:
    pairs = np.array([0 * 10 + 9, 2 * 10 + 0, 2 * 10 + 3, 7 * 10 + 1])
    table = CandidateTable(Key.USER_FIRST, rows([1], [2], [3], [4]), Pick.UNIFORM, pairs=pairs)
    picker = TablePicker(table, ARTIST)
    found = {(r, f): picker.pick(ask(row=r, plays=[(f, 1.0)])) for r in range(9) for f in range(10)}
    assert {pair: t for pair, t in found.items() if t is not None} == {
        (0, 9): 1,
        (2, 0): 2,
        (2, 3): 3,
        (7, 1): 4,
    }


@pytest.mark.parametrize("rule", [Pick.UNIFORM, Pick.RANK, Pick.FIRST_UNSEEN, Pick.ANCHORED])
def test_an_empty_row_is_a_miss(rule: Pick, ask: Any) -> None:
    table = CandidateTable(Key.PREVIOUS, rows(*([] for _ in range(10))), rule)
    assert TablePicker(table, ARTIST).pick(ask()) is None


def test_rank_is_the_entry_of_the_step(ask: Any) -> None:
    picker = TablePicker(CandidateTable(Key.FIRST, rows([4, 2, 9], [7]), Pick.RANK), ARTIST)
    assert [picker.pick(ask(step=step)) for step in (1, 2, 3, 4)] == [4, 2, 9, None]


@pytest.mark.parametrize("extra", [0, 20])
def test_first_unseen_passes_over_what_the_session_had(extra: int, ask: Any) -> None:
    table = CandidateTable(Key.NOTHING, rows([4, 2, 9]), Pick.FIRST_UNSEEN)
    picker = TablePicker(table, ARTIST)
    before = [(0, 1.0)] * extra
    assert picker.pick(ask(plays=[*before, (0, 1.0)])) == 4
    assert picker.pick(ask(plays=[*before, (2, 1.0), (4, 0.0)])) == 9
    assert picker.pick(ask(plays=[*before, (9, 1.0), (2, 1.0), (4, 0.0)])) is None


@given(user=st.integers(0, 10**6))
def test_weights_are_met_by_the_uniform(user: int) -> None:
    parts = [0.0, 2.0, 0.0, 1.0, 5.0, 0.0]
    table = CandidateTable(
        Key.NOTHING, rows([0, 1, 2, 3, 4, 5]), Pick.WEIGHTED, weights=np.cumsum(parts)
    )
    request = Request(user, 0, 0, 1, 0, 0, 1.0, [0], [Play(0, 1.0)], 1)
    generator = np.random.Generator(
        np.random.Philox(
            key=np.array([1, 0], np.uint64), counter=np.array([0, user, 2, 0], np.uint64)
        )
    )
    drawn = generator.random() * 8.0
    expected = 1 if drawn < 2 else 3 if drawn < 3 else 4
    assert TablePicker(table, ARTIST).pick(request) == expected


def test_no_weight_is_a_miss(ask: Any) -> None:
    table = CandidateTable(Key.NOTHING, rows([1, 2]), Pick.WEIGHTED, weights=np.zeros(2))
    assert TablePicker(table, ARTIST).pick(ask()) is None


@pytest.mark.parametrize("previous", range(10))
def test_the_previous_track_is_left_out(previous: int, ask: Any, word: Any) -> None:
    table = CandidateTable(Key.ARTIST, ARTISTS, Pick.UNIFORM, exclude_previous=True)
    picker = TablePicker(table, ARTIST)
    for user in range(30):
        others = [t for t in range(10) if ARTIST[t] == ARTIST[previous] and t != previous]
        request = ask(user=user, plays=[(previous, 0.5)])
        expected = others[choice(word(1, user, RECOMMEND, 0), len(others))]
        assert picker.pick(request) == expected


def test_leaving_out_a_track_that_is_not_there_changes_nothing(ask: Any) -> None:
    plain = CandidateTable(Key.NOTHING, rows([1, 5, 6]), Pick.UNIFORM)
    without = CandidateTable(Key.NOTHING, rows([1, 5, 6]), Pick.UNIFORM, exclude_previous=True)
    for user in range(30):
        request = ask(user=user, plays=[(3, 1.0)])
        answers = {TablePicker(table, ARTIST).pick(request) for table in (plain, without)}
        assert len(answers) == 1


def test_a_single_track_left_out_is_a_miss(ask: Any) -> None:
    table = CandidateTable(Key.NOTHING, rows([4]), Pick.UNIFORM, exclude_previous=True)
    assert TablePicker(table, ARTIST).pick(ask(plays=[(4, 1.0)])) is None


@pytest.mark.parametrize("below", [0, 1, 29, 30, 57, 58, 100])
def test_below_compares_hundredths(below: int, ask: Any) -> None:
    other = CandidateTable(Key.NOTHING, rows([1]), Pick.UNIFORM)
    table = CandidateTable(Key.NOTHING, rows([0]), Pick.UNIFORM, below=below, otherwise=other)
    picker = TablePicker(table, ARTIST)
    for hundredths in range(101):
        picked = picker.pick(ask(plays=[(0, hundredths / 100)]))
        assert picked == (1 if hundredths < below else 0), hundredths


def anchored_by_hand(word: Any, request: Request, lists: list[list[int]]) -> int | None:
    """Every listened hundredth of every play is a ticket; a drawn play's tickets are taken out."""
    plays = [(track, round(100 * time)) for track, time in request.history]
    tickets = [place for place, (_, h) in enumerate(plays) for _ in range(h)]
    heard = {track for track, _ in plays}
    attempt = 0
    while tickets:
        drawn = choice(
            word(request.step, request.user, RECOMMEND, request.session, attempt), len(tickets)
        )
        place = tickets[drawn]
        for track in lists[plays[place][0]]:
            if track not in heard:
                return track
        tickets = [ticket for ticket in tickets if ticket != place]
        attempt += 1
    return None


LISTS = [[1, 3, 8], [0, 2], [3, 9, 1], [], [0, 1, 2, 3], [4], [5], [6, 8], [9], [8]]


def test_anchors_are_drawn_by_listened_time_without_replacement(ask: Any, word: Any) -> None:
    table = CandidateTable(Key.PREVIOUS, rows(*LISTS), Pick.ANCHORED)
    picker = TablePicker(table, ARTIST)
    plays = [(1, 1.0), (0, 0.29), (3, 0.57), (2, 0.07), (2, 0.0), (4, 1.0)]
    answers = set()
    for user in range(200):
        request = ask(user=user, plays=plays, session=2)
        expected = anchored_by_hand(word, request, LISTS)
        assert picker.pick(request) == expected
        answers.add(expected)
    # 1, 3 and 4 have nothing unheard, so 0 (its third) or 2 (its second) must come in the end.
    assert answers == {8, 9}


def test_a_walk_with_one_way_to_go(ask: Any) -> None:
    picker = TablePicker(CandidateTable(Key.PREVIOUS, rows(*LISTS), Pick.ANCHORED), ARTIST)
    # Only 0 was listened to: its list is 1 (heard), 3.
    assert picker.pick(ask(plays=[(0, 0.01), (1, 0.0)])) == 3
    # 5 leads to 4, 6 to 5: the history is 5 and 6, so 6's list is used up and 5's is not.
    assert picker.pick(ask(plays=[(5, 0.5), (6, 0.5)])) == 4


@pytest.mark.parametrize(
    "plays",
    [
        pytest.param([(0, 0.0), (2, 0.0)], id="nothing was listened to"),
        pytest.param([(3, 1.0)], id="an anchor without a list"),
        pytest.param([(9, 1.0), (8, 1.0)], id="all that is left was heard"),
    ],
)
def test_an_anchored_miss(plays: list[tuple[int, float]], ask: Any) -> None:
    table = CandidateTable(Key.PREVIOUS, rows(*LISTS), Pick.ANCHORED)
    assert TablePicker(table, ARTIST).pick(ask(plays=plays)) is None


def test_purposes_of_fallbacks_keep_clear_of_all_others() -> None:
    purposes = [fallback_purpose(depth) for depth in range(100)]
    assert purposes[:3] == [2, 3, 259]
    assert len({purpose & 0xFFFFFFFF for purpose in purposes}) == 100


def test_a_fallback_draws_for_itself(ask: Any, word: Any) -> None:
    table = CandidateTable(Key.NOTHING, rows(list(range(1000))), Pick.UNIFORM)
    picker = TablePicker(table, ARTIST, fallback_purpose(2))
    assert picker.pick(ask()) == choice(word(1, 3, 259, 0), 1000)
