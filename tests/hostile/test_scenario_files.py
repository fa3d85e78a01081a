"""A file that is no scenario is told in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Command
from tests.hostile.conftest import assert_refused

SCENARIOS: dict[str, bytes] = {
    "empty": b"",
    "blank": b"\n \n# nothing\n",
    "a list": b"- a\n- b\n",
    "a text": b"hello",
    "a number": b"7",
    "null": b"null",
    "broken": b"name: [1, 2\n",
    "tabs": b"name: a\n\tarms: 1\n",
    "two documents": b"name: a\n---\nname: b\n",
    "twice the key": b"name: a\nname: b\n",
    "a key that is no text": b"1: a\n",
    "a list as key": b"[1, 2]: a\n",
    "code": b"name: !!python/object/apply:os.system [id]\n",
    "a foreign tag": b"name: !thing a\n",
    "an alias of nothing": b"name: *a\n",
    "an alias of itself": b"a: &a [*a]\n",
    "many laughs": b"a: &a [1,1,1,1,1,1,1,1,1]\n"
    + b"".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [{','.join([f'*{chr(97 + i)}'] * 9)}]\n".encode()
        for i in range(12)
    ),
    "deep": b"a: " + b"[" * 5000 + b"]" * 5000,
    "latin 1": "name: é\n".encode("latin-1"),
    "zeros": bytes(100),
    "noise": bytes(range(256)) * 4,
    "half a UTF-16": "name: a\n".encode("utf-16")[:-1],
    "a date": b"name: 2020-01-01\n",
}


@pytest.mark.parametrize("content", SCENARIOS.values(), ids=SCENARIOS)
def test_a_file_that_is_no_scenario_is_told(
    abbotify: Command, workspace: Path, content: bytes
) -> None:
    (workspace / "s.yaml").write_bytes(content)
    assert_refused(abbotify, workspace, ("s.yaml",))


def test_a_folder_is_no_scenario(abbotify: Command, tmp_path: Path) -> None:
    (tmp_path / "s.yaml").mkdir()
    assert_refused(abbotify, tmp_path, ("s.yaml",))


def test_a_scenario_that_links_to_itself_is_told(abbotify: Command, tmp_path: Path) -> None:
    (tmp_path / "s.yaml").symlink_to(tmp_path / "s.yaml")
    finished = abbotify("run", tmp_path / "s.yaml", "--out", tmp_path / "out")
    assert (finished.code, finished.err.count("\n")) == (2, 1)
    assert "s.yaml" in finished.err
