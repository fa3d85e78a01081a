"""The pages in docs/: the reference knows every key, its defaults are true, the code runs."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import abbotify
from abbotify import Catalogue, Lists, Play, Request, Requests, TrainingLog, Users, World
from abbotify.scenario import schema
from abbotify.testing import (
    RecommenderContract,
    generated_log,
    generated_requests,
    small_world,
)

DOCS = Path(__file__).parent.parent / "docs"
REFERENCE = (DOCS / "scenario.md").read_text(encoding="utf-8")
PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
ROOT = Path(__file__).parent.parent


def known() -> Iterator[tuple[str, dict[str, Any]]]:
    """(key, its schema) of every part of the scenario file."""
    result = schema()
    for part in [result, *result["$defs"].values()]:
        yield from part.get("properties", {}).items()


@pytest.mark.parametrize("key", sorted({key for key, _ in known()}))
def test_the_reference_has_every_key(key: str) -> None:
    assert re.search(rf"[`.{{ ]{key}[`:]", REFERENCE), f"docs/scenario.md lacks {key}"


@pytest.mark.parametrize("part", ["Seeds", "Arrivals", "Listener", "Metrics", "Log", "Service"])
def test_its_defaults_are_the_programs(part: str) -> None:
    for key, rule in schema()["$defs"][part]["properties"].items():
        found = re.search(rf"^\| `{part.lower()}\.{key}` \| (.*?) \|", REFERENCE, re.MULTILINE)
        assert found, f"{part}.{key}"
        shown = found[1].strip("`")
        default = rule.get("default")
        text = default if isinstance(default, str) else json.dumps(default).replace('"', "")
        assert shown == ("–" if default is None else text), f"{part}.{key}"


def test_the_map_has_every_room_and_every_loose_module_once() -> None:
    page = (DOCS / "modules.md").read_text(encoding="utf-8")
    table = page.partition("| layer | packages and modules | what |\n")[2].partition("\n\n")[0]
    rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in table.splitlines()[1:]]
    assert {len(row) for row in rows} == {3}
    package = ROOT / "abbotify"
    rooms = {f"{file.parent.name}/" for file in package.glob("*/*.py")}
    loose = {file.name for file in package.glob("*.py")} - {"__init__.py"}
    names = [name for row in rows for name in re.findall("`(.*?)`", row[1])]
    assert sorted(names) == sorted(rooms | loose)


GIVEN = {
    "World": World,
    "Catalogue": Catalogue,
    "Users": Users,
    "Lists": Lists,
    "Request": Request,
    "Play": Play,
    "Requests": Requests,
    "TrainingLog": TrainingLog,
}
# How a table writes the type of a value that a class really has.
NUMPY = re.compile(r"(bool|int\d+|float\d+) \(")


def tables_of_fields() -> dict[str, list[list[str]]]:
    """Class -> the rows of its table in the recommenders page."""
    page = (DOCS / "recommenders.md").read_text(encoding="utf-8")
    section = page.partition("## What it gets\n")[2].partition("\n## ")[0]
    found = re.findall(r"^`(\w+)`: [^|]*\n\n((?:\|.*\n)+)", section, re.MULTILINE)
    return {
        name: [[cell.strip() for cell in row.strip("|").split("|")] for row in table.splitlines()]
        for name, table in found
    }


def fields_of(kind: Any) -> list[str]:
    """The names of a data class's or a named tuple's fields, in their order."""
    named: list[str] = list(getattr(kind, "_fields", ()))
    return named or [field.name for field in dataclasses.fields(kind)]


def test_the_page_lists_every_field_of_what_a_recommender_gets() -> None:
    tables = tables_of_fields()
    assert list(tables) == list(GIVEN)
    for name, (head, _, *rows) in tables.items():
        assert head == ["field", "type", "what"]
        assert [row[0].strip("`") for row in rows] == fields_of(GIVEN[name]), name
        assert all(len(row) == 3 and all(row) for row in rows), name


def test_everything_of_a_recommenders_is_listed_or_told() -> None:
    """Of the public names, those that are handed over; the others are made by the author."""
    made = {"CandidateTable", "Key", "Pick", "Recommender", "__version__"}
    assert {*abbotify.__all__} - made == {*GIVEN}


def test_the_types_are_those_of_what_there_is() -> None:
    world = small_world()
    requests = generated_requests(world)[:20]
    there: dict[str, Any] = {
        "World": world,
        "Catalogue": world.catalogue,
        "Users": world.users,
        "Lists": world.users.interests,
        "Request": requests[0],
        "Play": Play(1, 0.5),
        "Requests": Requests.of(requests),
        "TrainingLog": generated_log(world),
    }
    for name, (_, _, *rows) in tables_of_fields().items():
        for field, kind, _ in rows:
            value = getattr(there[name], field.strip("`"))
            array = NUMPY.match(kind)
            if array is not None:
                assert isinstance(value, np.ndarray), f"{name}.{field}"
                assert value.dtype == array[1], f"{name}.{field}"
            elif kind in ("int", "float"):
                assert isinstance(value, {"int": int, "float": float}[kind]), f"{name}.{field}"
            else:
                named = re.match("`(\\w+)`", kind)
                expected = GIVEN[named[1]] if named else Sequence
                assert isinstance(value, expected), f"{name}.{field}"


def test_the_recommenders_page_runs(tmp_path: Path) -> None:
    """Its classes pass the contract, run by the subclasses that the page shows."""
    page = (DOCS / "recommenders.md").read_text(encoding="utf-8")
    *classes, contracts = PYTHON.findall(page)
    folder = tmp_path / "recommenders"
    folder.mkdir()
    for code in classes:
        name = re.findall(r"^class (\w+):", code, re.MULTILINE)[0]
        snake = re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
        (folder / f"{snake}.py").write_text(code, encoding="utf-8")
    assert_contracts(contracts, tmp_path, len(classes))


def test_the_readmes_recommender_runs(tmp_path: Path) -> None:
    code, contract = PYTHON.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    (tmp_path / "recommenders").mkdir()
    (tmp_path / "recommenders" / "genre_surfer.py").write_text(code, encoding="utf-8")
    assert_contracts(contract, tmp_path, 1)


def assert_contracts(code: str, root: Path, count: int) -> None:
    names: dict[str, Any] = {}
    exec(compile(code, "contract", "exec"), names)
    found = [value for name, value in names.items() if name.startswith("Test")]
    assert len(found) == count
    for contract in found:
        contract.root = root
        tests = [name for name in dir(RecommenderContract) if name.startswith("test_")]
        for test in tests:
            getattr(contract(), test)()
