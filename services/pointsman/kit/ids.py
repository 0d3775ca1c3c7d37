"""Identifiers that nobody can guess."""

import base64
import secrets

ID_BYTES = 16  # 128 random bits: unguessable, and never the same twice


def new_id(prefix: str) -> str:
    """A new identifier, such as "req_" and 26 lower-case base32 characters for the prefix "req"."""
    return f"{prefix}_{base64.b32encode(secrets.token_bytes(ID_BYTES)).decode().rstrip('=').lower()}"
