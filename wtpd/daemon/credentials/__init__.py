"""Credentials as the daemon uses them: which entry serves, how the store is, what ends, trying them, the service."""
