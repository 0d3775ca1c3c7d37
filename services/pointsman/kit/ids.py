"""Identifiers that nobody can guess."""

import secrets

ID_BYTES = 16  # 128 random bits: unguessable, and never the same twice


def new_id(prefix: str) -> str:
    """A new identifier, such as "req_" and 32 hexadecimal digits for the prefix "req"."""
    return f"{prefix}_{secrets.token_hex(ID_BYTES)}"
