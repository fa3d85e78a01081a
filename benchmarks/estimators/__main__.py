"""`python -m benchmarks.estimators FOLDER`: writes calibration.csv and calibration.md."""

from __future__ import annotations

import sys
from pathlib import Path

from abbotify.studies.validation.characteristics import outside
from benchmarks.estimators.report import to_csv, to_markdown
from benchmarks.estimators.suite import calibrate


def _tell(theme: str, seconds: float) -> None:
    sys.stderr.write(f"{seconds:6.1f} s  {theme}\n")


def _main(folder: Path) -> int:
    made = calibrate(tell=_tell)
    (folder / "calibration.csv").write_text(to_csv(made.rows), encoding="utf-8")
    page = to_markdown(made.rows, sum(made.seconds.values()))
    (folder / "calibration.md").write_text(page, encoding="utf-8")
    faults = outside(row.found for row in made.rows)
    for row in faults:
        band = f"{row.lower} to {row.upper}"
        sys.stderr.write(f"{row.method}, {row.metric}: {row.quantity} {row.measured}, not {band}\n")
    return min(1, len(faults))


if __name__ == "__main__":
    sys.exit(_main(Path(sys.argv[1])))
