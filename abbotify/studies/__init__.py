"""Questions over many runs of a scenario."""
