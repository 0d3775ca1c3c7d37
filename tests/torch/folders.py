"""Model folders as their libraries write them: real architectures, small, with weights that nobody has trained."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BertModel,
    DistilBertConfig,
    DistilBertForSequenceClassification,
    PreTrainedTokenizerFast,
    XLMRobertaConfig,
    XLMRobertaModel,
)

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
WORDS = ("write", "a", "python", "function", "to", "sort", "the", "list", "poem", "about", "sea", "prove", "that", "is", "prime", "hello")
LETTERS = tuple(f"##{letter}" for letter in "abcdefghijklmnopqrstuvwxyz")
VOCABULARY = {word: index for index, word in enumerate((*SPECIAL, *WORDS, *LETTERS))}
MAX_TOKENS = 64
HIDDEN = 32
# 128 is the least that the graph for the CPU takes.
BERT = {
    "vocab_size": len(VOCABULARY),
    "hidden_size": HIDDEN,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 128,
    "max_position_embeddings": MAX_TOKENS + 2,
}


def save_tokenizer(folder: Path) -> None:
    """A WordPiece tokenizer of a few words."""
    tokenizer = Tokenizer(models.WordPiece(VOCABULARY, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", VOCABULARY["[SEP]"]), ("[CLS]", VOCABULARY["[CLS]"]))
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=MAX_TOKENS, **names).save_pretrained(folder)


def save_classifier(folder: Path, labels: Sequence[str], *, kind: str = "distilbert") -> Path:
    """A sequence classifier: DistilBERT or BERT."""
    torch.manual_seed(1)
    names = dict(enumerate(labels))
    options: dict[str, Any] = {"id2label": names, "label2id": {label: index for index, label in names.items()}}
    if kind == "distilbert":
        shape = {"vocab_size": len(VOCABULARY), "dim": HIDDEN, "n_layers": 1, "n_heads": 4, "hidden_dim": 64}
        model = DistilBertForSequenceClassification(DistilBertConfig(**shape, max_position_embeddings=MAX_TOKENS + 2, **options))
    else:
        model = BertForSequenceClassification(BertConfig(**BERT, **options))
    model.save_pretrained(folder)
    save_tokenizer(folder)
    return folder


def always(folder: Path, label: int, *, logit: float = 4.0) -> Path:
    """The same classifier, whose head says this label of every text."""
    model = DistilBertForSequenceClassification.from_pretrained(folder)
    with torch.no_grad():
        model.classifier.weight.zero_()
        model.classifier.bias.zero_()
        model.classifier.bias[label] = logit
    model.save_pretrained(folder)
    return folder


def save_encoder(folder: Path, *, kind: str = "bert", pooling: str = "mean") -> Path:
    """A sentence-transformers folder: BERT, or XLM-R as multilingual models are."""
    torch.manual_seed(1)
    parts = folder.with_name(f"{folder.name}-parts")
    if kind == "bert":
        BertModel(BertConfig(**BERT)).save_pretrained(parts)
    else:
        XLMRobertaModel(XLMRobertaConfig(**BERT, pad_token_id=0)).save_pretrained(parts)
    save_tokenizer(parts)
    transformer = Transformer(str(parts), max_seq_length=MAX_TOKENS - 2)
    model = SentenceTransformer(modules=[transformer, Pooling(HIDDEN, pooling_mode=pooling)], device="cpu")
    model.save(str(folder), create_model_card=False)
    shutil.rmtree(parts)
    return folder


def as_pickle(folder: Path) -> Path:
    """The folder as old libraries wrote it."""
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x02.")
    return folder
