"""`python -m loadtest.contender KIND OPTIONS`: one way of reading a text, in a process and an interpreter of its own.

OPTIONS: paths as a JSON object. Prints a line when it is loaded, then answers each line on its standard input, a list of
texts or of token ids, with the seconds that each took, in order. Imports nothing of the product but where that is measured.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

Ask = Callable[[Any], object]
"""Reads one text; where tokens are measured, one text's ids."""
Options = Mapping[str, str]

MIB = 1 << 20
WARM_UPS = 20
WARM_UP_TEXT = "Which of these two sentences is longer, and by how much?"
WARM_UP_IDS = tuple(range(2_000, 2_016))
ON_IDS = ("onnx", "openvino")
DISTRIBUTIONS = {
    "sentence-transformers": ("sentence-transformers", "transformers", "torch"),
    "semantic-router": ("semantic-router", "transformers", "torch"),
    "encoder": ("onnxruntime", "tokenizers"),
    "classification": ("onnxruntime", "tokenizers"),
    "openvino": ("openvino",),
    "onnx": ("onnxruntime",),
}
# Of one stream on one core; without the precision, some processors would do the rest in 16 bits.
OPENVINO = {
    "INFERENCE_NUM_THREADS": 1,
    "NUM_STREAMS": 1,
    "PERFORMANCE_HINT": "LATENCY",
    "INFERENCE_PRECISION_HINT": "f32",
    "DYNAMIC_QUANTIZATION_GROUP_SIZE": 128,
}


def sentence_transformers(options: Options) -> Ask:
    """MiniLM in float32 by sentence-transformers and torch."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(options["model"], device="cpu")
    return lambda text: model.encode([text], show_progress_bar=False)


def semantic_router(options: Options) -> Ask:
    """The router of the semantic-router library, with MiniLM in float32 and a route for each category."""
    from semantic_router import IndexedRouter, Route
    from semantic_router.encoders import HuggingFaceEncoder

    examples = json.loads(Path(options["examples"]).read_text(encoding="utf-8"))
    routes = [Route(name=name, utterances=texts) for name, texts in examples.items()]
    router = IndexedRouter(encoder=HuggingFaceEncoder(name=options["model"], device="cpu"), routes=routes)
    return lambda text: router(text)


def openvino(options: Options) -> Ask:
    """MiniLM in int8 by OpenVINO; of token ids."""
    from openvino import Core

    request = Core().compile_model(options["openvino_graph"], "CPU", OPENVINO).create_infer_request()
    return lambda ids: request.infer([[ids]])[0].copy()


def onnx(options: Options) -> Ask:
    """The classifier's encoder without its tokenizer; of token ids."""
    own = load_own_encoder(options)
    return lambda ids: own.encode([ids])


def encoder(options: Options) -> Ask:
    """The classifier's encoder: tokens, then a vector."""
    own = load_own_encoder(options)
    return lambda text: own.encode([own.tokenize(text)])


def classification(options: Options) -> Ask:
    """All that a classification is, but for the queue and the cache: rules, vector, features, n-grams, heads, examples."""
    from pointsman.classifier.adapters.artifact_file import read_artifact
    from pointsman.classifier.core.fusion import judge
    from pointsman.classifier.core.turn import Turn
    from pointsman.rules.rules_file import load_default_rules

    own, artifact, rules = load_own_encoder(options), read_artifact(), load_default_rules()

    def ask(text: str) -> object:
        matches = rules.match(text)
        (embedding,) = own.encode([own.tokenize(Turn(text).text_to_embed)])
        return judge(text, matches, embedding, artifact)

    return ask


def load_own_encoder(options: Options) -> Any:
    """The classifier's, warm."""
    from pointsman.classifier.adapters.encoder_loading import load_encoder

    return asyncio.run(load_encoder(Path(options["folder"]), thread_count=1, on_progress=lambda _share, _step: None))


KINDS = {
    "sentence-transformers": sentence_transformers,
    "semantic-router": semantic_router,
    "encoder": encoder,
    "classification": classification,
    "openvino": openvino,
    "onnx": onnx,
}


def seconds_of(ask: Ask, items: Sequence[Any]) -> list[float]:
    """How long each took."""
    taken = []
    for item in items:
        start_s = time.perf_counter()
        ask(item)
        taken.append(time.perf_counter() - start_s)
    return taken


def main() -> None:
    """Load, warm up, then answer until the input ends."""
    kind, options = sys.argv[1], json.loads(sys.argv[2])
    start_s = time.perf_counter()
    told, sys.stdout = sys.stdout, sys.stderr  # libraries print as they like
    ask = KINDS[kind](options)
    seconds_of(ask, [list(WARM_UP_IDS) if kind in ON_IDS else WARM_UP_TEXT] * WARM_UPS)
    loaded_s = time.perf_counter() - start_s
    print(json.dumps({"loaded_s": loaded_s, "installed_mib": installed_mib(DISTRIBUTIONS[kind])}), file=told, flush=True)
    for line in sys.stdin:
        taken_s = seconds_of(ask, json.loads(line))
        print(json.dumps({"taken_s": taken_s, "resident_mib": psutil.Process().memory_info().rss / MIB}), file=told, flush=True)


def installed_mib(names: Sequence[str]) -> float:
    """Size on disk of installed distributions, without what they need besides."""
    paths = [path.locate() for name in names for path in metadata.files(name) or ()]
    return sum(os.stat(path).st_size for path in paths if os.path.isfile(path)) / MIB


if __name__ == "__main__":
    main()
