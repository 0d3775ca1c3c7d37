"""A folder of model files that an operator names: whether it may be read, which model it is, what it is made of.

Only JSON, vocabularies and safetensors are ever read. A pickle, which may run code while it is loaded, is not.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pointsman.classifier.adapters.encoder_files import BLOCK, BertShape, EncoderFiles, sha256_of
from pointsman.classifier.adapters.minilm_files import MINILM, TOKENIZER_SHA256, WEIGHTS_SHA256

CONFIG = "config.json"
MODULES = "modules.json"
WEIGHTS = "model.safetensors"
TOKENIZER = "tokenizer.json"
SAFETENSORS = "*.safetensors"
PICKLES = ("*.bin", "*.pt", "*.pth", "*.pkl", "*.ckpt")
# What a vector depends on, beside the text. A read-me may change.
IDENTITY_FILES = (SAFETENSORS, "*.json", "vocab.txt", "merges.txt", "*.model")
HASH_LENGTH = 8
MODULE_LIBRARY = "sentence_transformers."  # whose modules are data; others would be code of the folder's author
# What the graph of minilm_graph.py computes after the model: mean over the tokens, then unit length.
GRAPH_MODULES = ("Transformer", "Pooling", "Normalize")


class UnusableModel(Exception):
    """The folder does not hold a model that can be used here; the message says which and why."""


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A folder that may be read."""

    path: Path
    model: str  # its name and the hash of what is in it, as artefacts name it


def open_model_folder(path: Path) -> ModelFolder:
    """Look at a folder, and hash it: 1 s for 500 MB. Raises UnusableModel."""
    folder = path.resolve()
    if not (folder / CONFIG).is_file():
        raise UnusableModel(f"{path}: not a folder with a model; it has no {CONFIG}")
    for part in (folder, *module_folders(folder)):
        if not any(part.glob(SAFETENSORS)) and (pickles := sorted(file.name for pattern in PICKLES for file in part.glob(pattern))):
            raise UnusableModel(f"{part / pickles[0]}: a pickle, which may run code; save the model as safetensors")
    if not any(folder.glob(SAFETENSORS)):
        raise UnusableModel(f"{path}: it has no {WEIGHTS}")
    return ModelFolder(folder, model_of(folder))


def module_folders(folder: Path) -> Iterator[Path]:
    """Folders of a sentence encoder's parts, of which all but the first may have weights. Raises UnusableModel."""
    if not (folder / MODULES).is_file():
        return
    for module in read_json(folder / MODULES):
        if not str(module.get("type", "")).startswith(MODULE_LIBRARY):
            raise UnusableModel(f"{folder / MODULES}: {module.get('type')!r} is no part of sentence-transformers")
        part = (folder / str(module.get("path", ""))).resolve()
        if not part.is_relative_to(folder):
            raise UnusableModel(f"{folder / MODULES}: {module.get('path')!r} leads out of the folder")
        yield part


def model_of(folder: Path) -> str:
    """The identity of what is in the folder: the default model's name for its files, else the folder's name and a hash."""
    pinned = {WEIGHTS: WEIGHTS_SHA256, TOKENIZER: TOKENIZER_SHA256}
    found = {str(file.relative_to(folder)): sha256_of(file) for pattern in IDENTITY_FILES for file in folder.rglob(pattern)}
    if pinned.items() <= found.items():
        return MINILM
    digest = hashlib.sha256("\n".join(f"{name} {value}" for name, value in sorted(found.items())).encode())
    return f"{folder.name}-{digest.hexdigest()[:HASH_LENGTH]}"


def graph_files(folder: ModelFolder) -> EncoderFiles:
    """The folder's files for the graph of minilm_graph.py. Raises UnusableModel where that cannot compute the model."""
    config = read_json(folder.path / CONFIG)
    weights, tokenizer = folder.path / WEIGHTS, folder.path / TOKENIZER
    problems = [*architecture_problems(config), *module_problems(folder.path)]
    problems += [f"no {file.name}" for file in (weights, tokenizer) if not file.is_file()]
    if problems:
        raise UnusableModel(f"{folder.path}: {'; '.join(problems)}: POINTSMAN_ENCODER=torch can use it")
    shape = BertShape(config["num_hidden_layers"], config["num_attention_heads"], config["hidden_size"], config["layer_norm_eps"])
    max_tokens = min(max_tokens_of(folder.path), config["max_position_embeddings"])
    return EncoderFiles(folder.model, weights, sha256_of(weights), tokenizer, sha256_of(tokenizer), shape, max_tokens)


def architecture_problems(config: Mapping[str, Any]) -> Iterator[str]:
    """Why the graph is not that of a model with this configuration."""
    if config.get("model_type") != "bert":
        yield f"a model of type {config.get('model_type')!r}, not bert"
        return
    if config.get("hidden_act") != "gelu" or config.get("position_embedding_type", "absolute") != "absolute":
        yield "a variant of bert"
    numbers = ("num_hidden_layers", "num_attention_heads", "hidden_size", "intermediate_size", "max_position_embeddings")
    if not all(isinstance(config.get(name), int) for name in numbers) or not isinstance(config.get("layer_norm_eps"), float):
        yield "a configuration that does not tell the model's shape"
    elif config["intermediate_size"] % BLOCK:
        yield f"an intermediate size that is no multiple of {BLOCK}"


def module_problems(folder: Path) -> Iterator[str]:
    """Why what comes before and after the model is not what the graph has built in."""
    modules = read_json(folder / MODULES) if (folder / MODULES).is_file() else []
    kinds = tuple(str(module["type"]).rpartition(".")[2] for module in modules)
    if kinds not in (GRAPH_MODULES, GRAPH_MODULES[:2]):
        yield f"parts {', '.join(kinds) or 'unknown'}, not {', '.join(GRAPH_MODULES)}"
        return
    if (reading := folder / "sentence_bert_config.json").is_file() and read_json(reading).get("do_lower_case"):
        yield "lower case before the tokenizer"
    if not pools_by_mean(read_json(folder / modules[1]["path"] / CONFIG)):
        yield "pooling that is not the mean"
    if (settings := folder / "config_sentence_transformers.json").is_file() and read_json(settings).get("default_prompt_name"):
        yield "a text of its own before every prompt"


def pools_by_mean(pooling: Mapping[str, Any]) -> bool:
    """True for the mean alone; older folders have a flag for each kind."""
    if "pooling_mode" in pooling:
        return bool(pooling["pooling_mode"] == "mean")
    return [name for name, value in pooling.items() if name.startswith("pooling_mode_") and value] == ["pooling_mode_mean_tokens"]


def max_tokens_of(folder: Path) -> int:
    """Longest input that the folder says its model was made for, [CLS] and [SEP] included."""
    limits = (
        ("sentence_bert_config.json", "max_seq_length"),
        ("tokenizer_config.json", "model_max_length"),
        (CONFIG, "max_position_embeddings"),
    )
    for name, field in limits:
        limit = read_json(folder / name).get(field) if (folder / name).is_file() else None
        if isinstance(limit, int) and limit > 2:
            return limit
    raise UnusableModel(f"{folder}: it does not tell its longest input")


def read_json(path: Path) -> Any:  # Any: of a file that anybody may have written
    """A file's content. Raises UnusableModel where it is no JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise UnusableModel(f"{path}: {error}") from error
