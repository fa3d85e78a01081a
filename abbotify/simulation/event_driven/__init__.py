"""What the event-driven engine is made of: users' stories, the queues between them, their log."""
