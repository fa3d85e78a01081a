"""Recommenders of the user's own: found, imported and given their parameters."""
