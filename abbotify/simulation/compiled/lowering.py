"""Arms as flat arrays: what a compiled kernel reads in place of recommenders.

All tables of all arms lie one after the other in common arrays, so one kernel, compiled once,
serves any scenario. A link of a chain that is no table is marked as asking: the kernel stops
there and is told the answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from abbotify.recommenders.arms import Arm
from abbotify.recommenders.candidate_table import CandidateTable, Key, Pick
from abbotify.scenario.base import Exponential, Latency, Lognormal, Uniform
from abbotify.world.base import Lists

IntArray = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# compiled into kernels: these constants
ASKS: Final = -1  # in `Program.table`: no table, somebody has to be asked
FIXED, EXPONENTIAL, UNIFORM, LOGNORMAL = range(4)

# Columns of `Tables.rule`.
KEY, PICK, EXCLUDE, BELOW, OTHERWISE, OFFSET, WEIGHT, PAIR, PAIRS, ON_DEMAND = range(10)
_RULES: Final = 10
USER_PREVIOUS: Final = 6  # beside the keys of `Key`: the user's row and the track just played


class Tables(NamedTuple):
    """Candidate tables, one after the other.

    Attributes:
        rule: int64 (tables, 10): the key, the pick, whether the previous track is left out, the
            hundredths below which another table answers and that table (-1: none), where the
            table's offsets, weights and pairs start, how many pairs it has, and whether a pair
            that is missing has to be made.
        offsets: int64, where each row starts in `tracks`.
        tracks: int32.
        weights: float64, of the tables that are picked from by weight.
        pairs: int64.
    """

    rule: npt.NDArray[np.int64]
    offsets: IntArray
    tracks: npt.NDArray[np.int32]
    weights: Floats
    pairs: IntArray


class Program(NamedTuple):
    """The arms of a scenario.

    Attributes:
        links: int64 (arms + 1): the chain of arm a is links `links[a]` to `links[a + 1]`.
        purpose: int64 (links), what the draws of a link are for.
        table: int64 (links), its table, or ASKS.
        took: int64 (arms), how the latency is drawn.
        low: float64 (arms): fixed ms, mean, lowest or median.
        high: float64 (arms): highest, or sigma.
        plain: bool (arms): the recommender picks uniformly from a row that does not depend on how
            much of the last track was heard. Its table's key and offset are at hand:
        key: int64 (arms).
        offset: int64 (arms).
    """

    links: IntArray
    purpose: IntArray
    table: IntArray
    took: IntArray
    low: Floats
    high: Floats
    plain: npt.NDArray[np.bool_]
    key: IntArray
    offset: IntArray


class Lowering:
    """The tables of some arms, laid out.

    Args:
        arms: all arms of a scenario, in file order; those that cannot serve yet are never asked.

    Attributes:
        program: the chains.
        rankers: number of a table that is made on demand -> its ranker.
        answering: number of a link -> its arm's place, and its place in the chain.
    """

    def __init__(self, arms: Sequence[Arm]) -> None:
        self._tables: list[CandidateTable | None] = []
        self._places: dict[int, int] = {}
        self.rankers: dict[int, Any] = {}
        self.answering: dict[int, tuple[int, int]] = {}
        links: list[int] = [0]
        purposes: list[int] = []
        tables: list[int] = []
        for place, arm in enumerate(arms):
            for depth, link in enumerate(arm.chain):
                if link.table is not None:
                    tables.append(self._place(link.table))
                elif link.ranker is not None:
                    self.rankers[len(self._tables)] = link.ranker
                    tables.append(len(self._tables))
                    self._tables.append(None)
                else:
                    self.answering[len(purposes)] = (place, depth)
                    tables.append(ASKS)
                purposes.append(link.purpose)
            links.append(len(purposes))
        took = [_latency(arm.latency) for arm in arms]
        self._fixed = self._laid_out({})
        self.program = Program(
            np.array(links, np.int64),
            np.array(purposes, np.int64),
            np.array(tables, np.int64),
            np.array([kind for kind, _, _ in took], np.int64),
            np.array([low for _, low, _ in took]),
            np.array([high for _, _, high in took]),
            *self._plain(arms, [tables[link] for link in links[:-1]]),
        )

    def tables(self, made: dict[int, CandidateTable] | None = None) -> Tables:
        """All tables, with those that have been made on demand.

        Args:
            made: number of a table of `rankers` -> its lists, keyed by pairs.
        """
        return self._laid_out(made or {}) if self.rankers else self._fixed

    def _plain(self, arms: Sequence[Arm], tables: Sequence[int]) -> tuple[Any, Any, Any]:
        lists = [arm.chain[0].table for arm in arms]
        plain = np.array([table is not None and _is_plain(table) for table in lists], np.bool_)
        rules = self._fixed.rule[np.where(plain, tables, 0)]
        return plain, rules[:, KEY].copy(), rules[:, OFFSET].copy()

    def _place(self, table: CandidateTable) -> int:
        if id(table) not in self._places:
            self._places[id(table)] = len(self._tables)
            self._tables.append(table)
            if table.otherwise is not None:
                self._place(table.otherwise)
        return self._places[id(table)]

    def _laid_out(self, made: dict[int, CandidateTable]) -> Tables:
        rule = np.zeros((len(self._tables), _RULES), np.int64)
        offsets, tracks, weights, pairs = _Pool(np.int64), _Pool(np.int32), _Pool(float), _Pool()
        # Those made on demand come last: where the others lie does not change when these grow.
        order = sorted(range(len(self._tables)), key=lambda number: number in self.rankers)
        for number in order:
            fixed = self._tables[number]
            table = made.get(number, _EMPTY) if fixed is None else fixed
            rule[number] = self._rule(number, table)
            rule[number, OFFSET] = offsets.size
            rule[number, PAIR], rule[number, PAIRS] = pairs.size, 0
            rule[number, WEIGHT] = weights.size - tracks.size
            offsets.add(table.lists.offsets + tracks.size)
            tracks.add(table.lists.tracks)
            if table.weights is not None:
                weights.add(table.weights)
            if table.pairs is not None:
                rule[number, PAIRS] = len(table.pairs)
                pairs.add(table.pairs)
        return Tables(rule, offsets.joined(), tracks.joined(), weights.joined(), pairs.joined())

    def _rule(self, number: int, table: CandidateTable) -> list[int]:
        ranker = self.rankers.get(number)
        rule = [0] * _RULES
        rule[KEY], rule[PICK] = int(table.key), int(table.pick)
        if ranker is not None:
            rule[PICK], rule[ON_DEMAND] = int(ranker.pick), 1
            if ranker.anchor == Key.PREVIOUS:
                rule[KEY] = USER_PREVIOUS
        rule[EXCLUDE], rule[BELOW] = int(table.exclude_previous), table.below
        other = table.otherwise
        rule[OTHERWISE] = -1 if other is None else self._places[id(other)]
        return rule


def _is_plain(table: CandidateTable) -> bool:
    uniform = table.pick == Pick.UNIFORM and not table.exclude_previous
    return uniform and table.otherwise is None and table.key != Key.USER_FIRST


class _Pool:
    """Arrays that become one."""

    def __init__(self, dtype: Any = np.int64) -> None:
        self.dtype, self.parts, self.size = dtype, [np.empty(0, dtype)], 0

    def add(self, values: npt.NDArray[Any]) -> None:
        self.parts.append(values)
        self.size += len(values)

    def joined(self) -> npt.NDArray[Any]:
        return np.concatenate(self.parts).astype(self.dtype, copy=False)


def _latency(spec: Latency) -> tuple[int, float, float]:
    match spec:
        case int():
            return FIXED, float(spec), 0.0
        case Exponential():
            return EXPONENTIAL, float(spec.mean), 0.0
        case Uniform():
            return UNIFORM, float(spec.low), float(spec.high)
        case Lognormal():
            return LOGNORMAL, float(spec.median), float(spec.sigma)


# What a ranker's table is before anybody has asked it.
_EMPTY: Final = CandidateTable(
    Key.USER_FIRST,
    Lists(np.zeros(1, np.int64), np.empty(0, np.int32)),
    Pick.RANK,
    pairs=np.empty(0, np.int64),
)
