"""A fine-tuned sequence classifier (DistilBERT, BERT, RoBERTa and their kin) by transformers, from a local folder."""

from collections.abc import Sequence

import torch
from tokenizers import Tokenizer
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from pointsman.classifier.adapters.model_folder import ModelFolder, UnusableModel
from pointsman.classifier.adapters.torch_runtime import (
    LOADING_ERRORS,
    MAX_TOKENS,
    PaddedModel,
    Placement,
    bare_tokenizer,
    placement,
    quietly,
    shapes_for,
)
from pointsman.classifier.core.padding import without_middle
from pointsman.classifier.core.ports import Embeddings, TokenIds


class BertClassifier:
    """The SequenceClassifier port over a transformers model."""

    def __init__(
        self, model: PaddedModel, tokenizer: Tokenizer, *, labels: tuple[str, ...], max_tokens: int, folder: ModelFolder, place: Placement
    ) -> None:
        """Take the parts."""
        self._model = model
        self._tokenizer = tokenizer
        self._labels = labels
        self._max_tokens = max_tokens
        self._folder = folder
        self._place = place

    @property
    def name(self) -> str:
        """Runtime, precision and model."""
        return f"{self._place.name}:{self.model}"

    @property
    def model(self) -> str:
        """Which weights."""
        return self._folder.model

    @property
    def device(self) -> str:
        """cpu or cuda."""
        return self._place.device

    @property
    def labels(self) -> tuple[str, ...]:
        """As the folder's configuration names them."""
        return self._labels

    def tokenize(self, text: str) -> TokenIds:
        """First and last tokens of a text, as the model reads them."""
        return without_middle(self._tokenizer.encode(text).ids, self._max_tokens)

    def encode(self, batch: Sequence[TokenIds]) -> Embeddings:
        """Probabilities, computed in batches of fixed shapes."""
        return self._model.compute(batch)


def load_bert_classifier(folder: ModelFolder, *, thread_count: int) -> BertClassifier:
    """The classifier of a folder, warm. Raises UnusableModel, EncoderFailed."""
    place = placement(thread_count)
    options = {"local_files_only": True, "trust_remote_code": False}
    try:
        with quietly():
            loaded = AutoModelForSequenceClassification.from_pretrained(
                str(folder.path), dtype=place.dtype, use_safetensors=True, output_loading_info=True, **options
            )
            published = AutoTokenizer.from_pretrained(str(folder.path), **options)
        model, info = loaded
        tokenizer = bare_tokenizer(published)
        names = model.config.id2label
        labels = tuple(str(names[index]) for index in range(model.config.num_labels))
    except LOADING_ERRORS as error:
        raise UnusableModel(f"{folder.path}: {type(error).__name__}: {error}") from error
    if info["missing_keys"]:  # such as a model that was never trained to classify, whose head would be random
        raise UnusableModel(f"{folder.path}: its weights lack {', '.join(sorted(info['missing_keys']))}")
    model = model.to(place.device).eval()
    # Two tokens less than there are positions: RoBERTa begins to count at 2.
    positions = getattr(model.config, "max_position_embeddings", MAX_TOKENS + 2)
    max_tokens = min(published.model_max_length, positions - 2, MAX_TOKENS)

    def forward(inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        logits: torch.Tensor = model(**inputs).logits
        return torch.softmax(logits.float(), dim=-1)

    shapes = shapes_for(place.device, max_tokens)
    padded = PaddedModel(forward, place.device, shapes, width=len(labels), pad_id=published.pad_token_id or 0)
    classifier = BertClassifier(padded, tokenizer, labels=labels, max_tokens=max_tokens, folder=folder, place=place)
    padded.warm_up()
    return classifier
