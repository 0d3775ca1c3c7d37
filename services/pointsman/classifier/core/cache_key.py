"""Under which key a judgement is found again: a keyed hash, which tells nothing of the prompt."""

import hashlib
from dataclasses import dataclass

from pointsman.classifier.core.turn import Turn
from pointsman.rules.text_window import text_window

SECRET_BYTES = 32
# 24 bytes: even 10^12 prompts meet by chance with a probability below 10^-33.
KEY_BYTES = 24
KEY_PURPOSE = b"judgement key"
LENGTH_BYTES = 4


@dataclass(frozen=True, slots=True)
class Judges:
    """All that a judgement depends on, beside the prompt."""

    strategy: str
    setup_version: str  # of rules and added categories
    artifact_version: str
    encoder: str


def cache_key(secret: bytes, turn: Turn, judges: Judges) -> bytes:
    """The turn's key, in hexadecimal digits. secret: of SECRET_BYTES; without it nobody can try texts on a key.

    Turns share a key where all that is read of them is the same, blanks included: indentation tells how deep code is.
    """
    read = (turn.cache_scope, text_window(turn.text), turn.digest_to_read)
    digest = hashlib.blake2b(key=secret, digest_size=KEY_BYTES, person=KEY_PURPOSE)
    for part in (*read, judges.strategy, judges.setup_version, judges.artifact_version, judges.encoder):
        content = part.encode("utf-8", "surrogatepass")
        digest.update(len(content).to_bytes(LENGTH_BYTES))  # so that no two lists of parts run together alike
        digest.update(content)
    return digest.hexdigest().encode()


def secret_of_program(secret: bytes, version: str) -> bytes:
    """The secret for one version of the program: another may judge otherwise, by the same artefact and rules. Of SECRET_BYTES."""
    return hashlib.blake2b(version.encode(), key=secret, digest_size=SECRET_BYTES).digest()
