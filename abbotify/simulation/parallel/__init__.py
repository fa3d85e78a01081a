"""Units of work, run by this process, by several or by a cluster."""
