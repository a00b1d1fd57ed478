"""Weights arrive as they were sent, or not at all."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from LightSegLib.errors import ModelError
from LightSegLib.models.cards import Weights
from LightSegLib.models.weights import WEIGHTS_NAME, load_weights, save_weights, sha256_of


def small_network(seed: int = 0, channels: int = 40) -> nn.Module:
    """Weights, a bias, running means and a whole number: everything a state dictionary may hold."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(nn.Conv3d(2, channels, 3), nn.BatchNorm3d(channels))


@pytest.fixture
def saved(tmp_path: Path) -> Weights:
    return save_weights(small_network().state_dict(), tmp_path)


@pytest.fixture
def usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def test_the_checksum_is_the_one_other_tools_compute(tmp_path: Path) -> None:
    path = tmp_path / "file"
    content = bytes(range(256)) * 5000  # more than one block
    path.write_bytes(content)
    assert sha256_of(path) == hashlib.sha256(content).hexdigest()


def test_what_the_card_says_of_the_file_is_true(tmp_path: Path, saved: Weights) -> None:
    path = tmp_path / WEIGHTS_NAME
    assert saved.file == WEIGHTS_NAME
    assert saved.sha256 == sha256_of(path)
    assert saved.bytes == path.stat().st_size
    assert saved.precision == "float16"
    assert saved.parameters == sum(value.numel() for value in small_network().state_dict().values())


def test_half_precision_weights_come_back_as_float32_and_rounded_once(tmp_path: Path, saved: Weights) -> None:
    network = small_network(seed=1)
    load_weights(network, tmp_path, saved)
    for name, value in small_network().state_dict().items():
        found = network.state_dict()[name]
        assert found.dtype == value.dtype
        expected = value.half().float() if value.is_floating_point() else value
        torch.testing.assert_close(found, expected, rtol=0, atol=0)


def test_full_precision_weights_come_back_exactly_and_take_twice_the_space(
    tmp_path: Path, saved: Weights
) -> None:
    whole = save_weights(small_network().state_dict(), tmp_path / "whole", precision="float32")
    network = small_network(seed=1)
    load_weights(network, tmp_path / "whole", whole)
    for name, value in small_network().state_dict().items():
        torch.testing.assert_close(network.state_dict()[name], value, rtol=0, atol=0)
    assert whole.bytes > 1.5 * saved.bytes


def test_saving_twice_gives_the_same_file(tmp_path: Path, saved: Weights) -> None:
    assert save_weights(small_network().state_dict(), tmp_path / "again") == saved


@pytest.mark.skipif(os.name != "posix", reason="file modes are a matter of POSIX systems")
@pytest.mark.usefixtures("usual_umask")
def test_everybody_may_read_the_weights_also_when_they_replace_private_ones(tmp_path: Path) -> None:
    path = tmp_path / WEIGHTS_NAME
    path.write_bytes(b"old")
    path.chmod(0o600)
    save_weights(small_network().state_dict(), tmp_path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert list(tmp_path.iterdir()) == [path]


def test_an_altered_file_is_refused_and_leaves_the_network_alone(tmp_path: Path, saved: Weights) -> None:
    path = tmp_path / WEIGHTS_NAME
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    network = small_network(seed=1)
    with pytest.raises(ModelError, match="SHA-256") as caught:
        load_weights(network, tmp_path, saved)
    assert "do not use" in caught.value.next_step
    for name, value in small_network(seed=1).state_dict().items():
        torch.testing.assert_close(network.state_dict()[name], value)


def test_a_truncated_file_is_refused(tmp_path: Path, saved: Weights) -> None:
    path = tmp_path / WEIGHTS_NAME
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ModelError, match="did not arrive whole"):
        load_weights(small_network(), tmp_path, saved)


def test_a_missing_file_is_named(tmp_path: Path, saved: Weights) -> None:
    (tmp_path / WEIGHTS_NAME).unlink()
    with pytest.raises(ModelError, match=r"model\.safetensors are missing") as caught:
        load_weights(small_network(), tmp_path, saved)
    assert caught.value.next_step


def test_a_file_that_cannot_be_read_is_refused_with_the_reason(
    tmp_path: Path, saved: Weights, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, mode: str = "r") -> None:
        raise PermissionError("Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(ModelError, match="Permission denied"):
        load_weights(small_network(), tmp_path, saved)


@pytest.mark.parametrize("other", [small_network(channels=5), nn.Linear(2, 2)], ids=["size", "kind"])
def test_weights_of_another_architecture_are_refused(
    tmp_path: Path, saved: Weights, other: nn.Module
) -> None:
    with pytest.raises(ModelError, match="do not fit the card's architecture"):
        load_weights(other, tmp_path, saved)


@pytest.mark.parametrize("content", [b"", b"no weights at all", b"\xff" * 64])
def test_a_file_that_is_no_safetensors_is_refused_even_if_its_checksum_fits(
    tmp_path: Path, saved: Weights, content: bytes
) -> None:
    path = tmp_path / WEIGHTS_NAME
    path.write_bytes(content)
    with pytest.raises(ModelError):
        load_weights(small_network(), tmp_path, replace(saved, sha256=sha256_of(path)))


def test_pickled_weights_are_never_opened(tmp_path: Path, saved: Weights) -> None:
    path = tmp_path / WEIGHTS_NAME
    torch.save(small_network().state_dict(), path)
    with pytest.raises(ModelError):
        load_weights(small_network(), tmp_path, replace(saved, sha256=sha256_of(path)))
