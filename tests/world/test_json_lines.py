from __future__ import annotations

from pathlib import Path

import pytest

from abbotify.errors import DataError
from abbotify.world.json_lines import Row, json_lines


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("[1]", "must be a JSON object"),
        ("7", "must be a JSON object"),
        ("{", "is not valid JSON"),
        ("{} {}", "is not valid JSON"),
        ('{"a": NaN}', "NaN is not a JSON number"),
        ('{"a": -Infinity}', "-Infinity is not a JSON number"),
        ('{"a": 1, "a": 2}', "the same key twice"),
        ("[" * 100_000, "is not valid JSON"),
        ('{"a": ' + "9" * 5000 + "}", "is not valid JSON"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, line: str, what: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(f'{{"fine": 1}}\n\n{line}\n')
    with pytest.raises(DataError, match=r"rows\.jsonl:3: ") as caught:
        list(json_lines(path))
    assert what in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bytes_that_are_not_utf8_are_named(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"a": 1}\n{"a": "\xff"}\n')
    with pytest.raises(DataError, match=r"rows\.jsonl:2: is not valid UTF-8"):
        list(json_lines(path))


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.jsonl", tmp_path):
        with pytest.raises(DataError, match="cannot be read"):
            list(json_lines(path))


def test_a_byte_order_mark_and_windows_line_ends_are_read(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"a": 1}\r\n{"a": "line\xe2\x80\xa8separator"}\r\n\r\n')
    assert [(row.line, row.data) for row in json_lines(path)] == [
        (1, {"a": 1}),
        (2, {"a": "line\u2028separator"}),
    ]


@pytest.mark.parametrize("value", [True, 1.0, "1", None, [1], -1, 11, 2**70])
def test_a_whole_number_is_nothing_else(value: object) -> None:
    with pytest.raises(DataError, match=r"^f:9: k: must be a whole number between 0 and 10, got"):
        Row(Path("f"), 9, {"k": value}).whole("k", high=10)


@pytest.mark.parametrize("value", [True, "1.0", None, [], float("inf"), -0.1, 1.1, 10**400])
def test_a_number_is_nothing_else(value: object) -> None:
    with pytest.raises(DataError, match=r"^f:9: k: must be a finite number between 0 and 1, got"):
        Row(Path("f"), 9, {"k": value}).number("k", low=0, high=1)


@pytest.mark.parametrize("value", [None, 3, ["a"], "\ud800"])
def test_a_text_is_nothing_else(value: object) -> None:
    with pytest.raises(DataError, match=r"^f:9: k: must be "):
        Row(Path("f"), 9, {"k": value}).text("k")


@pytest.mark.parametrize("value", [None, "12", {"1": 2}, [True], [1.0], ["1"], [-1], [5], [0, 5]])
def test_track_ids_are_nothing_else(value: object) -> None:
    with pytest.raises(DataError, match=r"^f:9: k: must "):
        Row(Path("f"), 9, {"k": value}).tracks("k", n_tracks=5)


def test_absent_keys_take_the_default_or_are_named() -> None:
    row = Row(Path("f"), 9, {})
    assert row.whole("k", 3) == 3
    assert row.number("k", 0.5) == 0.5
    for read in (row.whole, row.number, row.text, row.tracks):
        with pytest.raises(DataError, match=r"^f:9: k: the key is missing$"):
            read("k")


def test_whole_numbers_are_numbers() -> None:
    assert Row(Path("f"), 9, {"k": 4}).number("k") == 4.0
    assert Row(Path("f"), 9, {"k": [4, 0, 4]}).tracks("k", 5) == [4, 0, 4]
