"""A new workspace: the folders this project itself is the first example of."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path

from abbotify.errors import OutputError


def create(folder: Path) -> list[Path]:
    """Makes scenarios/, recommenders/ and reports/ in a new or empty folder.

    Args:
        folder: is made when it does not exist.

    Returns:
        the files written, sorted.

    Raises:
        OutputError: the folder is not empty, or cannot be written to.
    """
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise OutputError("exists and is not an empty folder", file=folder)
        with as_file(files("abbotify.cli") / "templates") as templates:
            return [
                _copy(source, folder / source.relative_to(templates))
                for source in sorted(templates.rglob("*"))
                if source.is_file() and "__pycache__" not in source.parts
            ]
    except OSError as error:
        raise OutputError(f"cannot be written ({error.strerror})", file=folder) from error


def _copy(source: Path, target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(source.read_bytes())
    return target
