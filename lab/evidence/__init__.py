"""Evidence: packets, the keys to read them, logs, facts; written per test, and asked in domain words."""
