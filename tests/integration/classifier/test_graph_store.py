"""The graph on disk: built, verified, rebuilt, refused."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from pointsman.classifier.adapters.encoder_files import EncoderFiles, UntrustedModelFile
from pointsman.classifier.adapters.graph_store import GraphNotBuilt, ensure_graph, graph_path, is_intact


class Progress:
    """What a listener was told."""

    def __init__(self) -> None:
        self.shares: list[float] = []
        self.steps: list[str] = []

    def __call__(self, share: float, step: str) -> None:
        self.shares.append(share)
        self.steps.append(step)


def suffixes_in(folder: Path) -> set[str]:
    return {path.suffix for path in folder.iterdir()}


async def test_graph_is_built_once_and_progress_is_told(tmp_path: Path, minilm_files: EncoderFiles) -> None:
    first, second = Progress(), Progress()
    built = await ensure_graph(tmp_path, minilm_files, first)
    assert is_intact(built)
    assert first.shares == sorted(first.shares)
    assert (first.shares[0], first.shares[-1], first.steps[-1]) == (0.0, 1.0, "done")
    assert await ensure_graph(tmp_path, minilm_files, second) == built
    assert second.shares == []
    assert suffixes_in(tmp_path) == {".onnx", ".sha256"}


async def test_damaged_graph_is_built_anew(tmp_path: Path, minilm_files: EncoderFiles) -> None:
    graph = graph_path(tmp_path, minilm_files)
    graph.write_bytes(b"not a graph")
    graph.with_name(f"{graph.name}.sha256").write_text("0" * 64)
    assert not is_intact(graph)
    assert is_intact(await ensure_graph(tmp_path, minilm_files, Progress()))


async def test_weights_that_are_not_the_pinned_ones_are_refused(tmp_path: Path, minilm_files: EncoderFiles) -> None:
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(minilm_files.weights.read_bytes()[:-1] + b"\x00")
    with pytest.raises(UntrustedModelFile):
        await ensure_graph(tmp_path / "var", replace(minilm_files, weights=weights), Progress())
    assert list((tmp_path / "var").iterdir()) == []


async def test_folder_that_cannot_be_made_is_told(tmp_path: Path, minilm_files: EncoderFiles) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(GraphNotBuilt, match="minilm-int8"):
        await ensure_graph(tmp_path / "file" / "folder", minilm_files, Progress())


async def test_builder_that_fails_is_told_with_its_last_words(tmp_path: Path, minilm_files: EncoderFiles) -> None:
    graph_path(tmp_path, minilm_files).mkdir()
    with pytest.raises(GraphNotBuilt, match=r"exit status 1: IsADirectoryError"):
        await ensure_graph(tmp_path, minilm_files, Progress())


async def test_of_several_that_come_at_once_one_builds(tmp_path: Path, minilm_files: EncoderFiles) -> None:
    listeners = [Progress() for _ in range(3)]
    graphs = await asyncio.gather(*(ensure_graph(tmp_path, minilm_files, listener) for listener in listeners))
    assert len(set(graphs)) == 1
    assert is_intact(graphs[0])
    steps = sorted(listener.steps[-1] for listener in listeners)
    assert steps == ["done", "done by another process", "done by another process"]
    assert suffixes_in(tmp_path) == {".onnx", ".sha256"}


async def test_builder_goes_on_where_another_was_killed_and_clears_up_after_it(tmp_path: Path, minilm_files: EncoderFiles) -> None:
    started = asyncio.Event()
    killed = asyncio.create_task(ensure_graph(tmp_path, minilm_files, lambda _share, _step: started.set()))
    await started.wait()
    waiting = asyncio.create_task(ensure_graph(tmp_path, minilm_files, Progress()))
    part = graph_path(tmp_path, minilm_files).with_name(f"{graph_path(tmp_path, minilm_files).name}.0123.part")
    part.write_bytes(b"half a graph")
    await asyncio.sleep(0.3)
    killed.cancel()
    assert is_intact(await waiting)
    assert not part.exists()
    with pytest.raises(asyncio.CancelledError):
        await killed


async def test_cancelled_build_leaves_nothing_behind(tmp_path: Path, minilm_files: EncoderFiles) -> None:
    started = asyncio.Event()
    task = asyncio.create_task(ensure_graph(tmp_path, minilm_files, lambda _share, _step: started.set()))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert suffixes_in(tmp_path) == set()
