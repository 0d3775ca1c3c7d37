"""The files of a sentence encoder of BERT's architecture, and the check that they are the ones that we mean."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

BLOCK = 128  # inputs that share a scale in the graph's second feed-forward matrices; their count is a multiple of it


class UntrustedModelFile(Exception):
    """A model file is not the one that its hash names. It must not be loaded."""


@dataclass(frozen=True, slots=True)
class BertShape:
    """What the graph's builder has to know beside the weights."""

    layers: int
    heads: int
    dimensions: int
    epsilon: float  # of the layer norms


@dataclass(frozen=True, slots=True)
class EncoderFiles:
    """A model's files, not yet checked, with the hashes that they must have."""

    model: str  # which weights, as artefacts name them
    weights: Path
    weights_sha256: str
    tokenizer: Path
    tokenizer_sha256: str
    shape: BertShape
    max_tokens: int  # [CLS] and [SEP] included


def check_files(files: EncoderFiles) -> None:
    """Compare both files with their hashes; 0.1 s for 90 MB. Raises UntrustedModelFile, naming the file."""
    for path, expected in ((files.weights, files.weights_sha256), (files.tokenizer, files.tokenizer_sha256)):
        found = sha256_of(path)
        if found != expected:
            raise UntrustedModelFile(f"{path}: sha256 is {found}, not the pinned {expected}; install it anew")


def sha256_of(path: Path) -> str:
    """Hash of a file's content, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
