"""Where the books are kept; each engine answers exactly as the machine does."""
