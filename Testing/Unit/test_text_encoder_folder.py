"""An encoder's folder is checked before anything of it is loaded: whole, not pickled, of a known kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from LightSegLib.errors import ModelError
from LightSegLib.text.encoder_folder import read_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that looks whole."""
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    (tmp_path / "model.safetensors").write_bytes(b"")
    (tmp_path / "tokenizer.json").write_text("{}")
    return tmp_path


def test_a_whole_folder_is_taken(folder: Path) -> None:
    assert read_folder(folder).kind == "bert"


@pytest.mark.parametrize("missing", ["config.json", "model.safetensors", "tokenizer.json"])
def test_an_incomplete_folder_is_refused_with_what_is_missing(folder: Path, missing: str) -> None:
    (folder / missing).unlink()
    with pytest.raises(ModelError, match=missing) as caught:
        read_folder(folder)
    assert "tokenizer.json" in caught.value.next_step


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "weights.ckpt"])
def test_pickled_weights_are_refused(folder: Path, name: str) -> None:
    (folder / "model.safetensors").rename(folder / name)
    with pytest.raises(ModelError, match="may run code"):
        read_folder(folder)


@pytest.mark.parametrize(
    "config", ['{"model_type": "t5"}', "{}", '{"auto_map": {"AutoModel": "evil.Model"}}']
)
def test_another_architecture_is_refused_with_those_that_are_known(folder: Path, config: str) -> None:
    (folder / "config.json").write_text(config)
    with pytest.raises(ModelError, match=r"known are bert, clip"):
        read_folder(folder)


@pytest.mark.parametrize("config", ["{", "[]", "\x00"])
def test_a_damaged_config_is_an_error_that_names_the_file(folder: Path, config: str) -> None:
    (folder / "config.json").write_text(config)
    with pytest.raises(ModelError, match=r"config\.json"):
        read_folder(folder)


def test_another_pooling_is_refused(folder: Path) -> None:
    (folder / "1_Pooling").mkdir()
    pooling = folder / "1_Pooling" / "config.json"
    pooling.write_text('{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false}')
    with pytest.raises(ModelError, match="mean"):
        read_folder(folder)
    pooling.write_text('{"pooling_mode_mean_tokens": true}')
    assert read_folder(folder).kind == "bert"
