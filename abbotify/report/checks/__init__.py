"""Checks made before the effects are believed."""
