"""A new workspace: the folders this project itself is the first example of."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from abbotify.errors import OutputError

_TEMPLATES: Final = Path(__file__).parent / "templates"
_KINDS: Final = {"scenarios": "*.yaml", "recommenders": "*.py", "reports": ".gitignore"}


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
        return [
            _copy(source, folder / name / source.name)
            for name, pattern in sorted(_KINDS.items())
            for source in sorted(_source(name).glob(pattern))
        ]
    except OSError as error:
        raise OutputError(f"cannot be written ({error.strerror})", file=folder) from error


def _source(name: str) -> Path:
    """Where a folder's files are: a wheel has them with the package, a clone beside it."""
    packaged = _TEMPLATES / name
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / name


def _copy(source: Path, target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(source.read_bytes())
    return target
