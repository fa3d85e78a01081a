"""Every estimator on generated users whose truth is known: the table in docs/calibration.md."""

from benchmarks.estimators.replications import FULL, SMALL, Effort, Row
from benchmarks.estimators.suite import Calibration, calibrate

__all__ = ["FULL", "SMALL", "Calibration", "Effort", "Row", "calibrate"]
