"""Arrays on disk by name, without pickle."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from abbotify.errors import DataError
from abbotify.files.folders import replacing

Arrays = Mapping[str, npt.NDArray[Any]]

_PREFIX: Final = "array."  # numpy takes some names for its own arguments


def save_arrays(path: Path, arrays: Arrays) -> None:
    """Writes an `.npz` file, which appears whole or not at all; equal arrays give equal bytes.

    Args:
        path: the file; an existing one is replaced.
        arrays: of numbers, by any names.
    """
    named = {_PREFIX + name: arrays[name] for name in sorted(arrays)}
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **named)


def load_arrays(path: Path, what: str) -> dict[str, npt.NDArray[Any]]:
    """Reads what `save_arrays` wrote.

    Args:
        path: the file.
        what: it should be, for the error.

    Raises:
        DataError: the file is missing or broken.
    """
    try:
        # Opened here: numpy leaves its own file open when the archive is broken.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return {name.removeprefix(_PREFIX): arrays[name] for name in arrays.files}
    except (OSError, ValueError, KeyError, EOFError, TypeError, BadZipFile) as error:
        raise DataError(f"is not {what}: {error}", file=path) from None
