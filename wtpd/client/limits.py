"""Limits of the API that a client had better know before it asks."""

UPLOAD_LIMIT = 64 << 20
"""Bytes of one file of an import, at most; as the daemon has it."""
