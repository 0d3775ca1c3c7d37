"""A sentence encoder by sentence-transformers: any local folder of its kind, on a GPU where there is one."""

from collections.abc import Sequence

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer

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
from pointsman.classifier.core.ports import Embeddings, EncoderFailed, TokenIds

LEAST_NORM = 1e-12


class TorchEncoder:
    """The Encoder port over a sentence-transformers model.

    What else is in a batch moves a vector by rounding alone. In single precision on the CPU where it was measured (x86 with
    AVX-512, MiniLM, texts of 3 to 250 tokens) not one bit changed between a text alone and in mixed batches of up to 64,
    padded to the same or to the longest shape; other processors may choose kernels by shape, so 1e-6 is what is tested.
    In bf16 a step of rounding is 4e-3 of a number; there the cosine is tested to be 0.995.
    """

    def __init__(
        self, model: PaddedModel, tokenizer: Tokenizer, *, prompt: str, max_tokens: int, folder: ModelFolder, place: Placement
    ) -> None:
        """Take the parts. prompt: what the model wants to read before every text."""
        self._model = model
        self._tokenizer = tokenizer
        self._prompt = prompt
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

    def tokenize(self, text: str) -> TokenIds:
        """First and last tokens of a text, as the model reads them."""
        return without_middle(self._tokenizer.encode(f"{self._prompt}{text}").ids, self._max_tokens)

    def encode(self, batch: Sequence[TokenIds]) -> Embeddings:
        """Unit vectors, computed in batches of fixed shapes."""
        rows = self._model.compute(batch)
        norms = np.linalg.norm(rows, axis=1, keepdims=True)
        if (norms < LEAST_NORM).any():
            raise EncoderFailed(f"encode {len(batch)} texts: a vector without length")
        unit: Embeddings = rows / norms
        return unit


def load_torch_encoder(folder: ModelFolder, *, thread_count: int) -> TorchEncoder:
    """The encoder of a folder, warm. Raises UnusableModel, EncoderFailed."""
    place = placement(thread_count)
    try:
        with quietly():
            model = SentenceTransformer(
                str(folder.path),
                device=place.device,
                local_files_only=True,
                trust_remote_code=False,
                model_kwargs={"dtype": place.dtype, "use_safetensors": True},
            ).eval()
        tokenizer = bare_tokenizer(model.tokenizer)
    except LOADING_ERRORS as error:
        raise UnusableModel(f"{folder.path}: {type(error).__name__}: {error}") from error
    max_tokens = min(model.max_seq_length or MAX_TOKENS, MAX_TOKENS)
    prompt = model.prompts.get(model.default_prompt_name or "", "")

    def forward(inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        vectors: torch.Tensor = model(inputs)["sentence_embedding"]
        return vectors

    shapes, pad_id = shapes_for(place.device, max_tokens), model.tokenizer.pad_token_id or 0
    padded = PaddedModel(forward, place.device, shapes, width=model.get_embedding_dimension(), pad_id=pad_id)
    encoder = TorchEncoder(padded, tokenizer, prompt=prompt, max_tokens=max_tokens, folder=folder, place=place)
    padded.warm_up()
    return encoder
