"""Files that are no log, or not all of one: refused in one line, without a wait."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from abbotify.errors import DataError, UserError
from abbotify.eventlog.botify_reader import read_botify
from abbotify.eventlog.log import open_log
from abbotify.eventlog.parquet import open_file
from abbotify.eventlog.schema import ARMS_KEY
from tests.analysis.logs import analysed, made, run_folder, stored
from tests.conftest import Command
from tests.eventlog.rows import table


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _loop(path: Path) -> None:
    path.symlink_to(path.name)


def _gone(path: Path) -> None:
    path.symlink_to("nothing")


def _folder(path: Path) -> None:
    path.mkdir()


NO_FILES = [_pipe, _device, _loop, _gone, _folder]


@pytest.mark.parametrize("reader", [read_botify, open_file, open_log])
@pytest.mark.parametrize("name", ["log.jsonl", "log.parquet"])
@pytest.mark.parametrize("make", NO_FILES)
def test_what_is_no_regular_file_is_refused_and_not_waited_for(
    make: Callable[[Path], None], name: str, reader: Callable[[Path], object], tmp_path: Path
) -> None:
    make(tmp_path / name)
    with pytest.raises(DataError) as caught:
        reader(tmp_path / name)
    assert str(caught.value).startswith(f"{tmp_path / name}: ")


@pytest.mark.parametrize("make", NO_FILES)
@pytest.mark.parametrize("name", ["log.jsonl", "log.parquet", "run/x.parquet"])
def test_analyze_refuses_it_too_and_leaves_nothing(
    make: Callable[[Path], None], name: str, abbotify: Command, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    make(path)
    given = path if path.parent == tmp_path else path.parent
    finished = abbotify("analyze", given, "--experiment", "X", "--out", tmp_path / "out")
    assert (finished.code, finished.out) == (2, "")
    assert finished.err.startswith(f"abbotify: {path}: ")
    assert finished.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_link_to_a_log_is_the_log(tmp_path: Path) -> None:
    log = stored(tmp_path / "log.jsonl", made())
    (tmp_path / "link").symlink_to(log)
    document = analysed(tmp_path / "link", tmp_path / "out")
    assert sum(arm.users for arm in document.arms) == 120


def test_a_link_beside_its_log_is_the_log_twice(abbotify: Command, tmp_path: Path) -> None:
    log = stored(tmp_path / "log.jsonl", made())
    link = tmp_path / "link"
    link.symlink_to(log)
    finished = abbotify("analyze", log, link, "--experiment", "NEURAL", "--out", tmp_path / "o")
    assert finished.code == 2
    assert finished.err == f"abbotify: {link}: the file is given twice\n"


def _with_metadata(**metadata: bytes) -> pa.Table:
    return table().replace_schema_metadata({k.encode(): v for k, v in metadata.items()})


def _twice(column: str) -> pa.Table:
    rows = table()
    return rows.append_column(rows.schema.field(column), rows.column(column))


def _lists(column: str) -> pa.Table:
    rows = table()
    values = pa.array([[value] for value in rows.column(column).to_pylist()])
    return rows.set_column(rows.schema.get_field_index(column), column, values)


def _structs(column: str) -> pa.Table:
    rows = table()
    values = pa.array([{"x": value} for value in rows.column(column).to_pylist()])
    return rows.set_column(rows.schema.get_field_index(column), column, values)


COLUMNS = ("timestamp", "day", "user", "session", "step", "message", "track", "time", "latency_ms")
TABLES = {
    **{f"{name} twice": (_twice(name), name) for name in (*COLUMNS, "arm", "recommendation")},
    **{f"lists of {name}": (_lists(name), name) for name in (*COLUMNS, "arm", "recommendation")},
    **{f"structs of {name}": (_structs(name), name) for name in (*COLUMNS, "arm")},
    **{
        f"arms {text!r}": (_with_metadata(**{ARMS_KEY: text}), "arm")
        for text in (b"{", b"[]", b"null", b'{"arm": 3}', b'{"arm": [1]}', b'{"arm": ["a", "a"]}')
    },
    "no UTF-8": (_with_metadata(phase=b"\xff"), "metadata"),
}


@pytest.mark.parametrize(("rows", "named"), TABLES.values(), ids=TABLES)
def test_broken_columns_and_metadata_are_told_in_one_line(
    rows: pa.Table, named: str, abbotify: Command, tmp_path: Path
) -> None:
    pq.write_table(rows, tmp_path / "a.parquet")
    finished = abbotify(
        "analyze", tmp_path, "--control", "neural", "--experiment", "X", "--out", tmp_path / "out"
    )
    assert (finished.code, finished.out) == (2, "")
    assert finished.err.count("\n") == 1
    assert finished.err.startswith(f"abbotify: {tmp_path / 'a.parquet'}: ")
    assert named in finished.err
    assert not (tmp_path / "out").exists()


def test_a_foreign_nested_column_does_not_shift_what_the_footer_says(tmp_path: Path) -> None:
    rows = table().add_column(0, "extra", pa.array([{"a": 900 + i, "b": [i]} for i in range(5)]))
    pq.write_table(rows, tmp_path / "a.parquet")
    file = open_file(tmp_path / "a.parquet")
    assert file.lowest_user == min(table().column("user").to_pylist())
    assert file.days is not None
    assert file.days.start == min(table().column("day").to_pylist())


def _constant_rows(path: Path) -> None:
    """Equal rows in number, which take no room in a file and all of it in memory."""
    count = 18_000_000
    one = table().slice(0, 1)
    columns = {
        name: pa.DictionaryArray.from_arrays(
            pa.array(np.zeros(count, np.int8)), one.column(name).combine_chunks()
        )
        for name in one.schema.names
    }
    pq.write_table(pa.table(columns), path, compression="zstd", row_group_size=count)


def _long_text(path: Path) -> None:
    """One text of great length, written many times in a page."""
    rows = table(arm=["x" * (1 << 24)] * 5)
    parts = [rows] * 20
    pq.write_table(pa.concat_tables(parts), path, compression="zstd", use_dictionary=False)


@pytest.mark.parametrize("write", [_constant_rows, _long_text])
def test_a_small_file_that_unpacks_to_gigabytes_is_refused(
    write: Callable[[Path], None], tmp_path: Path
) -> None:
    write(tmp_path / "a.parquet")
    assert (tmp_path / "a.parquet").stat().st_size < 1 << 21
    before = pa.total_allocated_bytes()
    with pytest.raises(DataError, match=r"a\.parquet: its [0-9,]+ bytes would unpack to"):
        open_log(tmp_path)
    assert pa.total_allocated_bytes() - before < 1 << 24


@pytest.mark.parametrize("day", [0, 1, 2])
def test_a_file_without_arms_beside_others_is_refused(day: int, tmp_path: Path) -> None:
    folder = run_folder(tmp_path, made())
    for file in sorted((folder / "log").iterdir()):
        rows = pq.read_table(file)
        keep = {k: v for k, v in rows.schema.metadata.items() if k in {b"phase", b"experiment"}}
        rows = rows.drop_columns(["arm"]) if f"-{day}" in file.name else rows
        pq.write_table(rows.replace_schema_metadata(keep), file)
    odd = folder / "log" / f"day-{day}.parquet"
    if day == 0:  # before the experiment nobody need be in an arm
        assert analysed(folder, tmp_path / "out", control="base").arms
        return
    with pytest.raises(UserError) as caught:
        analysed(folder, tmp_path / "out", control="base")
    assert str(caught.value).startswith(f"{odd}: arm: has no column of arms, as day-")
    assert not (tmp_path / "out").exists()


def test_a_session_in_two_files_is_told_with_a_file(tmp_path: Path) -> None:
    folder = run_folder(tmp_path, made())
    shutil.copy(folder / "log" / "day-1.parquet", folder / "log" / "copy.parquet")
    with pytest.raises(UserError) as caught:
        analysed(folder, tmp_path / "out")
    copy, day = folder / "log" / "copy.parquet", folder / "log" / "day-1.parquet"
    assert str(caught.value).startswith(f"{copy}: user 0, session ")
    assert str(caught.value).endswith(f" is in the log twice, also in {day}")


def test_metadata_of_a_run_is_read(tmp_path: Path) -> None:
    rows = _with_metadata(**{ARMS_KEY: json.dumps({"arm": ["T1", "C"]}).encode()})
    pq.write_table(rows, tmp_path / "a.parquet")
    assert open_file(tmp_path / "a.parquet").names == {"arm": ("T1", "C")}
