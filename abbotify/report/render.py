"""A report on disk: one document in, four files out; and back again from report.json."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from abbotify.errors import DataError, OutputError
from abbotify.report.document import Document, loads
from abbotify.report.failures import first_errors
from abbotify.report.html import render_html
from abbotify.report.markdown import render_markdown
from abbotify.report.tables import effects_csv

JSON = "report.json"
CSV = "effects.csv"
MARKDOWN = "report.md"
HTML = "report.html"


def write(
    document: Document, folder: Path, manifest: Mapping[str, Any] | None = None
) -> tuple[Path, ...]:
    """Write report.json, effects.csv, report.md and report.html.

    Args:
        document: what the reports say.
        folder: an existing folder; files of these names in it are replaced.
        manifest: of the run; the page alone quotes from it how the run was executed, page and
            text the first error of each kind.

    Returns:
        The files written, in the order above.

    Raises:
        OutputError: a file cannot be written.
        ValueError: the document holds a number that is not finite.
    """
    execution, errors = (manifest or {}).get("execution"), first_errors(manifest)
    execution = execution if isinstance(execution, dict) else None
    texts = {
        JSON: document.dumps(),
        CSV: effects_csv(document.effects),
        MARKDOWN: render_markdown(document, errors),
        HTML: render_html(document, execution, errors),
    }
    return tuple(_write(folder / name, text) for name, text in texts.items())


def read(folder: Path) -> Document:
    """The document of a run folder.

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


def _write(file: Path, text: str) -> Path:
    try:
        file.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise OutputError(f"cannot be written ({error.strerror})", file=file) from error
    return file
