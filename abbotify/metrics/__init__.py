"""From the event log to one row per session and one row per user."""
