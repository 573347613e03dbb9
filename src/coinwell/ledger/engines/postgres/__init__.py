"""The engine on PostgreSQL: connecting, loading, writing, reading, and the shell around them."""
