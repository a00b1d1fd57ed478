"""Models are found by name or by folder, and load without a network connection."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_model import PATCH, tiny_model, write_tiny_model  # noqa: F401 - a fixture

from LightSegLib.errors import DataError, DeviceError, ModelError
from LightSegLib.models.build import build_network
from LightSegLib.models.cards import CARD_NAME
from LightSegLib.models.registry import DEFAULT_MODEL, find_model, list_models, load_model
from LightSegLib.models.weights import WEIGHTS_NAME
from LightSegLib.resources import VARIABLE

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Resources folder of our own, with three models."""
    for name in ("zebra", DEFAULT_MODEL, "aardvark"):
        write_tiny_model(tmp_path / "Models" / name, name=name)
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    return tmp_path


def test_the_default_model_is_listed_first_and_the_others_by_name(bundle: Path) -> None:
    assert [card.id for card in list_models()] == [DEFAULT_MODEL, "aardvark", "zebra"]


def test_no_name_means_the_default_model(bundle: Path) -> None:
    folder, card = find_model()
    assert card.id == DEFAULT_MODEL
    assert folder == bundle / "Models" / DEFAULT_MODEL
    assert load_model().card == card


def test_a_bundled_model_is_found_by_its_name(bundle: Path) -> None:
    model = load_model("zebra", device="cpu")
    assert model.card.id == "zebra"
    assert model.device == "cpu"
    assert model.load_seconds > 0


@pytest.mark.parametrize("kind", [str, Path])
def test_a_model_is_found_by_its_folder(tiny_model: Path, kind: Callable[[Path], Any]) -> None:  # noqa: F811
    model = load_model(kind(tiny_model), device="cpu")
    assert model.card.id == "tiny"
    assert model.patch_kji == (PATCH,) * 3
    assert model.capabilities.points
    assert not model.capabilities.text


def test_an_unknown_name_is_an_error_that_lists_the_known_ones(bundle: Path) -> None:
    with pytest.raises(
        ModelError, match=rf"no model veloxseg-huge.*{DEFAULT_MODEL}, aardvark, zebra"
    ) as caught:
        load_model("veloxseg-huge")
    assert caught.value.next_step


def test_a_checkout_without_models_lists_none_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    assert list_models() == []
    with pytest.raises(ModelError, match="bundled: none"):
        load_model()


def test_a_resources_folder_that_is_not_there_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "away"))
    with pytest.raises(DataError, match=VARIABLE):
        list_models()


def test_a_folder_without_a_card_is_not_a_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="not a model"):
        load_model(tmp_path)


def test_a_folder_without_weights_is_refused(tmp_path: Path) -> None:
    folder = write_tiny_model(tmp_path / "tiny")
    (folder / WEIGHTS_NAME).unlink()
    with pytest.raises(ModelError, match="missing"):
        load_model(folder)


def test_an_unknown_device_is_refused(tiny_model: Path) -> None:  # noqa: F811
    with pytest.raises(DeviceError):
        load_model(tiny_model, device="abacus")


@pytest.mark.parametrize(
    ("architecture", "named"),
    [
        (
            {"network": "resnet", "config": {}},
            "Known networks are refineformer3d, refsam3d, segmaformer, veloxseg",
        ),
        ({"config": {}}, "Unknown network None"),
        ({"network": "veloxseg", "config": {"colour": "green"}}, "colour"),
        ({"network": "veloxseg", "config": {"patch_size": "two"}}, "cannot be used"),
        ({"network": "veloxseg", "config": None}, "cannot be used"),
        ({"network": "veloxseg", "config": {"patch_size": 2}, "detail": "many"}, "many"),
    ],
)
def test_an_architecture_that_cannot_be_built_is_refused(architecture: dict[str, Any], named: str) -> None:
    with pytest.raises(ModelError, match=named):
        build_network(architecture, PATCH)


def test_a_patch_that_the_network_cannot_tile_is_refused(tmp_path: Path) -> None:
    folder = write_tiny_model(tmp_path / "tiny")
    entries = json.loads((folder / CARD_NAME).read_text(encoding="utf-8"))
    entries["patch"] = 37
    (folder / CARD_NAME).write_text(json.dumps(entries), encoding="utf-8")
    with pytest.raises(ModelError, match="cannot be used"):
        load_model(folder)


OFFLINE = """
import socket, sys

def refuse(*args, **kwargs):
    raise SystemExit("a connection was tried")

socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
from LightSegLib import list_models, load_model
assert [card.id for card in list_models()] == ["tiny"]
assert "torch" not in sys.modules, "listing models imports torch"
import numpy as np
model = load_model("tiny", device="cpu")
patch = model.patch_kji
answer = model.predict(np.zeros((1, *patch), np.float32), np.zeros((4, *patch), np.float32))
print(float(answer.logits.sum()))
"""


def test_a_fresh_process_lists_without_torch_and_loads_without_a_connection(tmp_path: Path) -> None:
    folder = write_tiny_model(tmp_path / "Models" / "tiny")
    environment = {**os.environ, VARIABLE: str(tmp_path), "PYTHONPATH": str(ROOT)}
    run = subprocess.run(
        [sys.executable, "-c", OFFLINE], env=environment, capture_output=True, text=True, timeout=300
    )
    assert run.returncode == 0, run.stderr
    patch = (PATCH,) * 3
    here = load_model(folder, device="cpu").predict(
        np.zeros((1, *patch), np.float32), np.zeros((4, *patch), np.float32)
    )
    assert float(run.stdout) == pytest.approx(float(here.logits.sum()), rel=0.05)
