"""`python -m loadtest.openvino_graph MODEL TARGET`: MiniLM for OpenVINO, with weights in int8.

Run by the interpreter of the peers. OpenVINO cannot read the classifier's own graph, whose fused operators are ONNX Runtime's:
so it gets the same weights, put into int8 by its own tool, one scale for each output. Inputs are put into int8 as they
come, in blocks of 128 with scales of their own, which is what the compared figures are measured with: `contender.py`.
"""

import sys
from pathlib import Path

import nncf
import openvino
import torch
from transformers import AutoModel

EXAMPLE = ((101, 2000, 2001, 102),)
ANY_SHAPE = [-1, -1]


class SentenceEncoder(torch.nn.Module):  # type: ignore[misc]  # untyped where torch is not installed
    """`ids` int64 (n, length) -> float32 (n, d), rows of unit length; as the classifier's graph, without padding or mask."""

    def __init__(self, model: Path) -> None:
        super().__init__()
        self.transformer = AutoModel.from_pretrained(model)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """The mean of the last layer."""
        hidden = self.transformer(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
        return torch.nn.functional.normalize(hidden.mean(1), p=2.0, dim=1)


def main() -> None:
    """Convert, compress and save."""
    model, target = map(Path, sys.argv[1:])
    with torch.no_grad():
        graph = openvino.convert_model(SentenceEncoder(model).eval(), example_input=torch.tensor(EXAMPLE))
    graph.reshape({0: ANY_SHAPE})
    compressed = nncf.compress_weights(graph, mode=nncf.CompressWeightsMode.INT8_SYM)
    openvino.save_model(compressed, target, compress_to_fp16=False)


if __name__ == "__main__":
    main()
