"""Scalars follow YAML 1.2; whatever is not plain data is refused with its line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abbotify.errors import ScenarioError
from abbotify.files import yaml

# YAML 1.2.2, section 10.3.2: the core schema's tag resolution.
SCALARS: list[tuple[str, Any]] = [
    ("1e-3", 0.001),
    ("1E+3", 1000.0),
    ("1.", 1.0),
    (".5", 0.5),
    ("-0.0", -0.0),
    ("+12", 12),
    ("-7", -7),
    ("007", 7),
    ("0o17", 15),
    ("0x1F", 31),
    ("0b11", "0b11"),
    ("1_000", "1_000"),
    ("12:30:00", "12:30:00"),
    ("2024-01-31", "2024-01-31"),
    ("no", "no"),
    ("yes", "yes"),
    ("on", "on"),
    ("Off", "Off"),
    ("true", True),
    ("False", False),
    ("TRUE", True),
    ("tRUE", "tRUE"),
    ("null", None),
    ("~", None),
    ("", None),
    ("nULL", "nULL"),
    ("'1'", "1"),
    ('"no"', "no"),
    ("!!str 3", "3"),
    ("!!float 3", 3.0),
    ("1.2.3", "1.2.3"),
    ("=", "="),
]


@pytest.mark.parametrize(("text", "expected"), SCALARS)
def test_plain_scalars(text: str, expected: Any) -> None:
    got = yaml.parse(f"key: {text}", "f").data["key"]
    assert got == expected
    assert type(got) is type(expected)


LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12)
)

REFUSED: list[tuple[str | bytes, int | None, str]] = [
    ("a: 1\nb: 2\na: 3", 3, "a: the key stands twice"),
    ("x:\n  y: 1\n  y: 2", 3, "x.y: the key stands twice"),
    ("a: .nan", 1, "a: must be a finite number, got .nan"),
    ("a: 1\nb: -.INF", 2, "b: must be a finite number, got -.INF"),
    ("a: 1e999", 1, "a: must be a finite number, got 1e999"),
    ("a: " + "9" * 5000, 1, "a: must be a number of reasonable size"),
    ("a: !!python/object/apply:os.system [x]", 1, "python/object/apply:os.system is not allowed"),
    ("a: !own {b: 1}", 1, "a: the tag !own is not allowed"),
    ("a: !own [1]", 1, "a: the tag !own is not allowed"),
    ("a: !own:int 3", 1, "a: the tag !own:int is not allowed"),
    ("a: !!binary aGk=", 1, "binary is not allowed"),
    ("a: !!set {b}", 1, "set is not allowed"),
    ("!own a: 1", 1, "the tag !own is not allowed"),
    ("a: !!int x", 1, "a: 'x' is not of the type int"),
    ("a: !!bool maybe", 1, "a: 'maybe' is not of the type bool"),
    ("a: 1\n---\nb: 2", 2, "but found another document"),
    ("a: [1", 2, "not valid YAML"),
    ("a: 1\n\tb: 2", 2, "not valid YAML"),
    ("a: *b", 1, "undefined alias"),
    ("? [a]\n: 1", 1, "a key must be plain text"),
    ("? {a: 1}\n: 1", 1, "a key must be plain text"),
    ("a: &x [*x]", 1, "nested deeper than 100 levels"),
    ("[" * 101, 1, "nested deeper than 100 levels"),
    ("[" * 1_000_000, 1, "nested deeper than 100 levels"),
    ("{a: " * 100_000, 1, "nested deeper than 100 levels"),
    ("- " * 100_000, 1, "nested deeper than 100 levels"),
    ("a:\n" + "- x\n" * 500_000, None, "the document holds over 200,000 values"),
    (LAUGHS, None, "the document unfolds to over 200,000 values"),
    (b"a: 1\nb: caf\xe9 x\n", 2, "not valid YAML"),
    (b"a: 1\nb: \x00\n", 2, "control characters are not allowed"),
    (b"\xff\xfea", None, "not valid YAML"),
    ("a: \ud800", None, "not valid YAML"),
]


@pytest.mark.parametrize(("text", "line", "what"), REFUSED, ids=range(len(REFUSED)))
def test_refused_documents(text: str | bytes, line: int | None, what: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        yaml.parse(text, "f.yaml")
    error = caught.value
    assert what in str(error)
    assert str(error).startswith("f.yaml")
    assert "\n" not in str(error)
    assert line is None or error.line == line


def test_anchors_and_a_byte_order_mark_are_fine() -> None:
    assert yaml.parse("a: &x {b: 1}\nc: *x", "f").data == {"a": {"b": 1}, "c": {"b": 1}}
    assert yaml.parse(b"\xef\xbb\xbfa: 1", "f").data == {"a": 1}
    assert yaml.parse("a: 1".encode("utf-16"), "f").data == {"a": 1}


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n", "~"])
def test_nothing_is_none(text: str) -> None:
    assert yaml.parse(text, "f").data is None


def test_each_key_path_knows_its_line() -> None:
    source = yaml.parse("a: 1\nb:\n  c: 2\n  d:\n    - 3\n    - e: 4\n", "f")
    paths: list[yaml.KeyPath] = [("a",), ("b",), ("b", "c"), ("b", "d", 0), ("b", "d", 1, "e")]
    assert [source.line(path) for path in paths] == [1, 2, 3, 5, 6]
    assert source.line(("b", "c", "x", 3)) == 3
    assert source.line(("nothing",)) == 1


SCALAR = (
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.sampled_from([text for text, _ in SCALARS])
)
KEY = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)


@given(
    st.recursive(SCALAR, lambda x: st.lists(x, max_size=4) | st.dictionaries(KEY, x, max_size=4))
)
def test_what_is_written_reads_as_the_same_data(data: Any) -> None:
    assert yaml.parse(yaml.write({"data": data}), "f").data == {"data": data}


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    large = tmp_path / "large.yaml"
    large.write_bytes(b"#" * 10_000_001)
    cases = {
        tmp_path / "none.yaml": "no such file",
        tmp_path: "is a folder, not a scenario file",
        large: "is larger than 10,000,000 bytes",
        tmp_path / ("x" * 5000): "cannot be read: File name too long",
        tmp_path / "a\0b": "cannot be read: embedded null byte",
        large / "below": "cannot be read: Not a directory",
    }
    for path, what in cases.items():
        with pytest.raises(ScenarioError, match=what):
            yaml.read(path)
