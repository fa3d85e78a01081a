"""The keys in which two runs differ."""

from __future__ import annotations

import copy
from typing import Any

from abbotify.report import Result
from abbotify.studies.compare.differences import Difference, differing
from tests.report.realistic import realistic


def changed(**parts: Any) -> Result:
    """The realistic result with other entries in its parts."""
    data = copy.deepcopy(realistic())
    for part, entries in parts.items():
        data[part] = {**data[part], **entries}
    return Result.from_dict(data)


def test_equal_runs_differ_in_nothing() -> None:
    assert differing(changed(), changed()) == ()


def test_scenarios_differ_by_key_path_and_lists_of_values_are_leaves() -> None:
    one = changed(scenario={"extra": {"x": 1, "list": [1, 2]}, "steps": [{"days": 1}]})
    two = changed(scenario={"extra": {"x": 2, "list": [1, 3]}, "steps": [{"days": 1}, {"days": 4}]})
    assert differing(one, two) == (
        Difference("extra.x", "1", "2"),
        Difference("extra.list", "[1, 2]", "[1, 3]"),
        Difference("steps.1.days", None, "4"),
    )


def test_seeds_digests_and_version_come_last() -> None:
    other = {"seeds": {"dynamics": 99}, "digests": {"log": "sha256:x"}, "abbotify": "9.9"}
    keys = [row.key for row in differing(changed(run=other), changed(scenario={"new": "key"}))]
    assert keys.index("seeds.dynamics") < keys.index("log digest") < keys.index("abbotify")
    assert keys.index("new") > keys.index("abbotify")  # what only the second run has
