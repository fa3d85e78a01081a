"""Who is in which arm: a hash of the user's id, so that nobody needs to remember it.

botify's rule, bit for bit: `mmh3.hash(str(user), seed=mmh3.hash(NAME, signed=False), signed=False)`
modulo the number of arms when their weights are equal. The share of users in the experiment, the
mix of a collect phase and every further experiment hash with a salt of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

import mmh3
import numpy as np
import numpy.typing as npt

from abbotify.errors import UserError
from abbotify.eventlog.schema import NO_ARM, arm_label
from abbotify.scenario import Scenario
from abbotify.scenario.timeline import ExperimentDays
from abbotify.simulation.murmur import hash_ids

Ids = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int16]

CONTROL: Final = 0  # the code of the control arm in every experiment
_HASHES: Final = 2**32


def hashes(ids: Ids, salt: str) -> npt.NDArray[np.uint32]:
    """The 32-bit hash of each user's id under a salt (MurmurHash3 x86_32, Appleby 2011)."""
    return hash_ids(ids, mmh3.hash(salt, signed=False))


def split(ids: Ids, salt: str, weights: Sequence[float]) -> Codes:
    """The part each user belongs to.

    Args:
        ids: user ids.
        salt: what is split: equal salts split alike, different ones independently.
        weights: of the parts, on any scale; at least one above 0.

    Returns:
        int16 (users), indices into `weights`: the hash modulo their number when all are equal,
        else by cumulative thresholds on hash / 2**32.
    """
    values = hashes(ids, salt)
    if len(set(weights)) == 1:
        return (values % np.uint32(len(weights))).astype(np.int16)
    edges = list(accumulate(weights))
    thresholds = [edge / edges[-1] for edge in edges[:-1]]
    return np.searchsorted(thresholds, values / _HASHES, side="right").astype(np.int16)


@dataclass(frozen=True)
class Layer:
    """One experiment.

    Attributes:
        name: of the experiment; the salt of its split where it has no other one.
        arms: names, the control first.
        weights: of the arms.
        traffic: the share of users in the experiment on each of its days; the last one stays.
        places: the place of each arm among all arms of the scenario.
        other_salt: of its split, in place of the name.
    """

    name: str
    arms: tuple[str, ...]
    weights: tuple[float, ...]
    traffic: tuple[float, ...] = (1.0,)
    places: tuple[int, ...] = ()
    other_salt: str = ""

    @property
    def salt(self) -> str:
        """What users' ids are hashed with."""
        return self.other_salt or self.name

    def assign(self, ids: Ids) -> Codes:
        """The arm of each user, in the experiment or not; fixed for the whole run."""
        return split(ids, self.salt, self.weights)

    def admitted(self, ids: Ids, day: int) -> npt.NDArray[np.bool_]:
        """Which users are in the experiment on its given day, counted from 0."""
        share = self.traffic[min(day, len(self.traffic) - 1)]
        if share >= 1.0:
            return np.ones(len(ids), np.bool_)
        return hashes(ids, f"{self.salt}:traffic") / _HASHES < share

    def codes(self, ids: Ids, day: int) -> Codes:
        """The arm of each user on a day of the experiment; -1 for users outside."""
        return np.where(self.admitted(ids, day), self.assign(ids), NO_ARM).astype(np.int16)

    def collect_salt(self) -> str:
        """The salt of the mix of arms in collect phases."""
        return f"{self.salt}:collect"


def layers(scenario: Scenario) -> tuple[Layer, ...]:
    """The experiments of a scenario, the one the report is about first."""
    return tuple(_layer(scenario, i) for i in range(len(scenario.layers)))


def served(codes: Sequence[Codes], experiments: Sequence[Layer]) -> Codes:
    """The arm whose recommender serves each user on a day of the experiment.

    That of the first experiment in which the user is not in the control arm, else the first
    experiment's control. Users outside an experiment count as its control.

    Args:
        codes: the users' arms on that day, for each experiment; see `Layer.codes`.
        experiments: all of them.

    Returns:
        int16 (users), places among all arms of the scenario.
    """
    places = np.full(len(codes[0]), experiments[0].places[CONTROL], np.int16)
    for code, layer in reversed(list(zip(codes, experiments, strict=True))):
        treated = code > CONTROL
        places[treated] = np.array(layer.places, np.int16)[code[treated]]
    return places


def require_users(layer: Layer, ids: Ids) -> None:
    """Refuses an experiment one of whose arms gets no user, even on its last day.

    Raises:
        UserError: the first such arm.
    """
    codes = layer.codes(ids, len(layer.traffic) - 1)
    counts = np.bincount(codes[codes != NO_ARM], minlength=len(layer.arms))
    for code, name in enumerate(layer.arms):
        if counts[code] == 0:
            label = f"experiment {layer.name}, {arm_label(code)}"
            what = f"the arm ({label}) gets none of the {len(ids)} users"
            raise UserError(what, key=f"arms.{name}")


def _layer(scenario: Scenario, number: int) -> Layer:
    experiment = scenario.layers[number]
    names, order = scenario.arms_of(experiment), list(scenario.arms)
    weights = tuple(float(scenario.arms[name].weight) for name in names)
    traffic = experiment.traffic if isinstance(experiment.traffic, tuple) else (experiment.traffic,)
    places = tuple(order.index(name) for name in names)
    days = sum(phase.days for phase in scenario.timeline if isinstance(phase, ExperimentDays))
    traffic = traffic[:days]  # nobody is admitted after the last day
    return Layer(experiment.name, names, weights, traffic, places, _other_salt(scenario, number))


def _other_salt(scenario: Scenario, number: int) -> str:
    """What replaces the experiment's name; further experiments keep splits of their own."""
    other = scenario.seeds.split
    if other is None:
        return ""
    # No name has a slash, so this is no salt of the first experiment's traffic or collect mix.
    return f"{other}/{scenario.layers[number].name}" if number else str(other)
