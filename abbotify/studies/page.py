"""What a study shows: its page, and its files in a folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import abbotify
from abbotify.errors import OutputError, PageError
from abbotify.files.folders import replacing
from abbotify.report.html import rendered


def page(template: str, **values: object) -> str:
    """A page that extends `page.html.j2`.

    Args:
        template: its path in the folder of studies.
        values: what it shows; `version` is this program's where none is given.
    """
    return rendered("abbotify.studies", template, **{"version": abbotify.__version__, **values})


def write(
    folder: Path, texts: Mapping[str, Callable[[], str]], shown: Path | None = None
) -> PageError | None:
    """Writes files into a folder, made if need be; each appears whole or not at all.

    Args:
        folder: where to.
        texts: what makes the text of each, by the file's name.
        shown: the folder that a message names, where `folder` is to take its place.

    Returns:
        Why a text cannot be made; it is not raised, since the others are written.

    Raises:
        OutputError: the folder cannot be written to.
    """
    fault: PageError | None = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, make in texts.items():
            try:
                text = make()
            except Exception as error:
                why = f"{type(error).__name__}: {error}"
                fault = PageError(f"{(shown or folder) / name}: cannot be made ({why})")
                fault.__cause__ = error
                continue
            with replacing(folder / name) as temporary:
                temporary.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        what = f"cannot be written ({error.strerror})"
        raise OutputError(what, file=shown or folder) from error
    return fault
