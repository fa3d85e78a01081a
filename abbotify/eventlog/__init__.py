"""The event log on disk: Parquet and botify's JSON lines, in and out."""
