"""A report on disk: one result in, four files out; and back again from report.json."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from abbotify.errors import DataError, OutputError, PageError
from abbotify.files.folders import replacing
from abbotify.report.csv import effects_csv
from abbotify.report.faults import Faults, first_errors
from abbotify.report.pages import render_html, render_markdown
from abbotify.report.result import Result, loads

JSON = "report.json"
CSV = "effects.csv"
MARKDOWN = "report.md"
HTML = "report.html"


def write_data(result: Result, folder: Path) -> None:
    """Write report.json and effects.csv: all that the pages are made from.

    Args:
        result: what the reports say.
        folder: an existing folder; files of these names in it are replaced.

    Raises:
        OutputError: a file cannot be written.
        ValueError: the result holds a number that is not finite.
    """
    texts = {JSON: result.dumps(), CSV: effects_csv(result.effects)}
    for name, text in texts.items():
        _write(folder / name, text)


def write_pages(
    result: Result,
    folder: Path,
    manifest: Mapping[str, Any] | None = None,
    faults: Faults | None = None,
) -> PageError | None:
    """Write report.md and report.html.

    Args:
        result: what the reports say.
        folder: an existing folder; files of these names in it are replaced.
        manifest: see `write`.
        faults: takes the charts, and the page, that fail.

    Returns:
        Why a page cannot be made; it is not raised, since the data is there.

    Raises:
        OutputError: a file cannot be written.
    """
    faults = faults or Faults()
    execution, errors = (manifest or {}).get("execution"), first_errors(manifest)
    execution = execution if isinstance(execution, dict) else None
    try:
        texts = {
            MARKDOWN: render_markdown(result, errors),
            HTML: render_html(result, execution, errors, faults),
        }
    except Exception as error:
        fault = PageError(f"the page cannot be made ({faults.add('page', error)})")
        fault.__cause__ = error
        return fault
    for name, text in texts.items():
        _write(folder / name, text)
    return None


def write(
    result: Result, folder: Path, manifest: Mapping[str, Any] | None = None
) -> tuple[Path, ...]:
    """Write report.json, effects.csv, report.md and report.html, the data before the pages.

    Args:
        result: what the reports say.
        folder: an existing folder; files of these names in it are replaced.
        manifest: of the run; the page alone quotes from it how the run was executed, page and
            text the first error of each kind.

    Returns:
        The files written, in the order above.

    Raises:
        OutputError: a file cannot be written.
        PageError: a page cannot be made; the data is there.
        ValueError: the result holds a number that is not finite.
    """
    write_data(result, folder)
    fault = write_pages(result, folder, manifest)
    if fault is not None:
        raise fault
    return tuple(folder / name for name in (JSON, CSV, MARKDOWN, HTML))


def read(folder: Path) -> Result:
    """The result of a run folder.

    Raises:
        DataError: the folder has no report.json, or it is broken; the error names file and key.
    """
    file = folder / JSON
    try:
        return loads(file.read_bytes().decode("utf-8"))
    except UnicodeDecodeError as error:
        raise DataError(f"not UTF-8 at byte {error.start}", file=file) from error
    except OSError as error:
        raise DataError(
            f"cannot be read ({error.strerror}); not a run folder?", file=file
        ) from error
    except DataError as error:
        raise DataError(error.what, file=file, line=error.line, key=error.key) from error


def _write(file: Path, text: str) -> None:
    try:
        with replacing(file) as temporary:
            temporary.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise OutputError(f"cannot be written ({error.strerror})", file=file) from error
