"""Tables of made-up users, as a pilot of a scenario leaves them."""

from __future__ import annotations

import numpy as np

from abbotify.eventlog.schema import ARM, Labels
from abbotify.metrics.users import UserTable

USERS = 1500
AWAY = 100  # who never came


def generator(*key: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=np.array(key, dtype=np.uint64)))


def table(pre: bool = True, users: int = USERS, away: int = AWAY) -> UserTable:
    """Users who listen in sessions; how much is a trait that also shows before.

    A fifth of them have no session before. `timeouts` are 0 for all.
    """
    draws = generator(11, 0)
    trait = draws.lognormal(0.5, 0.6, users)
    sessions = 1.0 + draws.poisson(2.0, users)
    per_session = trait * draws.lognormal(0.0, 0.4, users)
    values = {
        "time": per_session * sessions,
        "sessions": sessions,
        "tracks": 2 * sessions,
        "mean_time_per_session": per_session,
        "retained": (draws.random(users) < 0.3).astype(float),
        "timeouts": np.zeros(users),
    }
    if pre:
        seen = draws.random(users) < 0.8
        before = seen * (1.0 + draws.poisson(1.5, users))
        early = trait * draws.lognormal(0.0, 0.4, users)
        values |= {
            "pre_time": early * before,
            "pre_sessions": before,
            "pre_mean_time_per_session": np.where(seen, early, np.nan),
            "pre_retained": np.where(seen, draws.random(users) < 0.3, np.nan),
            "pre_timeouts": np.zeros(users),
        }
    exposed = np.arange(users) >= away
    for name, column in values.items():
        if not name.startswith("pre_"):
            column[~exposed] = np.nan
    names = ("random", "sticky", "other")
    arms = {ARM: Labels(np.zeros(users, np.int16), names)}
    return UserTable(np.arange(users), arms, exposed, values)
