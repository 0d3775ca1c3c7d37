"""What is made of an operator's folder before any library opens it."""

import json
from pathlib import Path
from typing import Any

import pytest

from pointsman.classifier.adapters.model_folder import UnusableModel, graph_files, open_model_folder

CONFIG: dict[str, Any] = {
    "model_type": "bert",
    "hidden_act": "gelu",
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "hidden_size": 32,
    "intermediate_size": 128,
    "max_position_embeddings": 512,
    "layer_norm_eps": 1e-12,
}
MODULES = [
    {"type": "sentence_transformers.models.Transformer", "path": ""},
    {"type": "sentence_transformers.models.Pooling", "path": "1_Pooling"},
    {"type": "sentence_transformers.models.Normalize", "path": "2_Normalize"},
]
MEAN = {"pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True, "word_embedding_dimension": 32}


def folder_with(path: Path, **files: Any) -> Path:
    """A folder as published ones are, some files with other content; None: without it."""
    contents: dict[str, Any] = {
        "config.json": CONFIG,
        "modules.json": MODULES,
        "1_Pooling/config.json": MEAN,
        "sentence_bert_config.json": {"max_seq_length": 128, "do_lower_case": False},
        "tokenizer.json": {},
        "model.safetensors": "weights",
        **files,
    }
    for name, content in contents.items():
        if content is not None:
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_bert_with_mean_pooling_has_all_that_the_graph_needs(tmp_path: Path) -> None:
    files = graph_files(open_model_folder(folder_with(tmp_path / "own")))
    assert (files.shape.layers, files.shape.heads, files.shape.dimensions, files.shape.epsilon) == (2, 4, 32, 1e-12)
    assert (files.max_tokens, files.model.startswith("own-")) == (128, True)


@pytest.mark.parametrize(
    ("files", "why"),
    [
        pytest.param({"config.json": {**CONFIG, "model_type": "xlm-roberta"}}, "type 'xlm-roberta', not bert", id="XLM-R"),
        pytest.param({"config.json": {**CONFIG, "hidden_act": "relu"}}, "a variant of bert", id="another activation"),
        pytest.param({"config.json": {**CONFIG, "intermediate_size": 100}}, "no multiple of 128", id="odd size"),
        pytest.param({"config.json": {"model_type": "bert", "hidden_act": "gelu"}}, "does not tell the model's shape", id="no shape"),
        pytest.param({"modules.json": MODULES[:1]}, "parts Transformer, not", id="no pooling"),
        pytest.param({"modules.json": None}, "parts unknown", id="no parts"),
        pytest.param({"1_Pooling/config.json": {"pooling_mode": "cls"}}, "pooling that is not the mean", id="first token"),
        pytest.param({"1_Pooling/config.json": {**MEAN, "pooling_mode_cls_token": True}}, "not the mean", id="two kinds of pooling"),
        pytest.param({"config_sentence_transformers.json": {"default_prompt_name": "query"}}, "a text of its own", id="prompt"),
        pytest.param({"sentence_bert_config.json": {"max_seq_length": 128, "do_lower_case": True}}, "lower case", id="lower case"),
        pytest.param({"tokenizer.json": None}, "no tokenizer.json", id="vocabulary alone"),
    ],
)
def test_what_the_graph_cannot_compute_is_told_with_the_way_out(tmp_path: Path, files: dict[str, Any], why: str) -> None:
    with pytest.raises(UnusableModel, match=f"{why}.*: POINTSMAN_ENCODER=torch can use it"):
        graph_files(open_model_folder(folder_with(tmp_path, **files)))


@pytest.mark.parametrize(
    ("files", "why"),
    [
        pytest.param({"config.json": None}, "not a folder with a model", id="no model"),
        pytest.param({"model.safetensors": None, "pytorch_model.bin": "x"}, r"pytorch_model\.bin: a pickle", id="pickle"),
        pytest.param({"1_Pooling/pytorch_model.bin": "x"}, r"1_Pooling/pytorch_model\.bin: a pickle", id="pickle in a part"),
        pytest.param({"model.safetensors": None}, r"has no model\.safetensors", id="no weights"),
        pytest.param({"modules.json": [{"type": "os.system", "path": ""}]}, "'os.system' is no part", id="foreign code"),
        pytest.param({"modules.json": [{**MODULES[0], "path": "../else"}]}, "leads out of the folder", id="another folder"),
        pytest.param({"modules.json": "{"}, r"modules\.json: ", id="no JSON"),
    ],
)
def test_what_must_not_be_read_is_refused(tmp_path: Path, files: dict[str, Any], why: str) -> None:
    with pytest.raises(UnusableModel, match=why):
        open_model_folder(folder_with(tmp_path, **files))


def test_pickle_beside_safetensors_is_left_alone(tmp_path: Path) -> None:
    open_model_folder(folder_with(tmp_path, **{"pytorch_model.bin": "x"}))
