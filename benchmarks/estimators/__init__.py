"""Every estimator on generated users whose truth is known: the table in docs/calibration.md."""

from benchmarks.estimators.effort import FULL, SMALL, Effort
from benchmarks.estimators.suite import Calibration, Row, calibrate

__all__ = ["FULL", "SMALL", "Calibration", "Effort", "Row", "calibrate"]
