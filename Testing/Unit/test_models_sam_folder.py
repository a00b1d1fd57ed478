"""What folders with a SAM, and the cache of the hub, say of their models; transformers is not needed."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest

from LightSegLib import cli
from LightSegLib.errors import ModelError
from LightSegLib.models.hub_cache import cache_folder, find_in_cache, list_cached_sams
from LightSegLib.models.registry import find_model
from LightSegLib.models.sam_config import input_size, mask_edge, read_normalisation
from LightSegLib.models.sam_folder import is_sam_folder, read_licence, read_sam_card
from LightSegLib.resources import VARIABLE

CARD = "---\nlicense: apache-2.0\ntags:\n- vision\n---\n# A SAM\n"
CACHES = ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME")


def write_folder(folder: Path, kind: str = "sam", card: str | None = CARD, **config: Any) -> Path:
    """A folder whose weights are the header of a file only."""
    folder.mkdir(parents=True)
    entries = {"model_type": kind, "prompt_encoder_config": {"image_size": 256, "patch_size": 16}, **config}
    (folder / "config.json").write_text(json.dumps(entries), encoding="utf-8")
    header = json.dumps({"a": {"dtype": "F32", "shape": [3, 4], "data_offsets": [0, 48]}}).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(48))
    if card is not None:
        (folder / "README.md").write_text(card, encoding="utf-8")
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "some-sam")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the hub, and no bundled model."""
    for variable in CACHES:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    (tmp_path / "Models").mkdir()
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    return tmp_path / "hf" / "hub"


def add(cache: Path, name: str, commit: str = "abc", main: str | None = "abc", **content: Any) -> Path:
    """A model in the cache."""
    root = cache / f"models--{name.replace('/', '--')}"
    if main is not None:
        (root / "refs").mkdir(parents=True, exist_ok=True)
        (root / "refs" / "main").write_text(main, encoding="utf-8")
    return write_folder(root / "snapshots" / commit, **content)


# --- Folders ------------------------------------------------------------------------------------------------


def test_a_folder_says_what_its_model_is(folder: Path) -> None:
    card = read_sam_card(folder)
    assert (card.id, card.licence, card.patch) == ("some-sam", "apache-2.0", 256)
    assert card.capabilities.dimensions == 2
    assert (card.weights.parameters, card.weights.precision) == (12, "float32")
    assert find_model(folder) == (folder, card)
    assert is_sam_folder(folder)


@pytest.mark.parametrize(
    ("text", "licence"),
    [
        (CARD, "apache-2.0"),
        ("---\nlicence: 'mit'\n---\n", "mit"),
        ("---\ntags: [a]\nlicense: other # see below\n---\n", "other"),
        ("---\nlicense: other\nlicense_name: sam-license\n---\n", "sam-license"),
        ("---\ntags: [a]\n---\nlicense: mit\n", "unknown"),
        ("# A SAM\nlicense: mit\n", "unknown"),
        ("---\nlicense: mit\n", "unknown"),
        ("", "unknown"),
        (None, "unknown"),
    ],
)
def test_the_licence_is_that_of_the_front_matter(tmp_path: Path, text: str | None, licence: str) -> None:
    assert read_licence(write_folder(tmp_path / "sam", card=text)) == licence


@pytest.mark.parametrize("names", [["pytorch_model.bin"], ["sam_vit_b.pth"], ["a.ckpt", "b.pt"]])
def test_pickled_weights_are_refused_with_the_way_to_convert_them(folder: Path, names: list[str]) -> None:
    (folder / "model.safetensors").unlink()
    for name in names:
        (folder / name).write_bytes(b"pickle")
    with pytest.raises(ModelError, match=names[0]) as caught:
        find_model(folder)
    assert "safetensors only" in caught.value.why
    assert "save_pretrained" in caught.value.next_step


def test_pickled_weights_beside_safetensors_are_passed_over(folder: Path) -> None:
    (folder / "pytorch_model.bin").write_bytes(b"pickle")
    assert read_sam_card(folder).weights.file == "model.safetensors"


def test_a_folder_without_weights_is_refused(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="holds no weights"):
        find_model(folder)


def headed(header: bytes) -> bytes:
    return struct.pack("<Q", len(header)) + header


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"nonsense",
        headed(b"[1, 2"),
        headed(b"[1, 2]"),
        headed(b'{"a": 1}'),
        headed(b'{"a": {"dtype": "F32"}}'),
        struct.pack("<Q", 9**18),
    ],
)
def test_damaged_weights_are_refused(folder: Path, content: bytes) -> None:
    (folder / "model.safetensors").write_bytes(content)
    with pytest.raises(ModelError, match="damaged"):
        find_model(folder)


@pytest.mark.parametrize("content", ["", "{", "[]"])
def test_a_damaged_configuration_is_refused(folder: Path, content: str) -> None:
    (folder / "config.json").write_text(content, encoding="utf-8")
    assert not is_sam_folder(folder)
    with pytest.raises(ModelError, match=r"config\.json"):
        find_model(folder)


def test_another_model_of_transformers_is_refused_by_its_kind(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"of the kind bert.*sam, sam2"):
        find_model(write_folder(tmp_path / "bert", "bert"))


def test_a_folder_without_configuration_is_no_model_of_transformers(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no config"):
        read_sam_card(tmp_path)


@pytest.mark.parametrize(
    ("prompts", "size", "mask"),
    [
        ({"image_size": 256, "patch_size": 16}, 256, 64),
        ({"image_size": [1008, 1008], "patch_size": [14, 14]}, 1008, 288),
        ({}, 1024, 256),
        (None, 1024, 256),
    ],
)
def test_sizes_come_from_the_configuration(
    tmp_path: Path, prompts: dict[str, Any] | None, size: int, mask: int
) -> None:
    config = {"prompt_encoder_config": prompts}
    assert input_size(config, tmp_path) == size
    assert mask_edge(config, size) == mask


@pytest.mark.parametrize("size", [[256, 512], "large", 0, -1, [], None, ["a"]])
def test_a_size_that_is_no_square_is_refused(tmp_path: Path, size: Any) -> None:
    with pytest.raises(ModelError, match="image size"):
        input_size({"prompt_encoder_config": {"image_size": size}}, tmp_path)


def normalisation(folder: Path, name: str = "preprocessor_config.json", **entries: Any) -> Any:
    (folder / name).write_text(json.dumps(entries), encoding="utf-8")
    return read_normalisation(folder)


def test_grey_values_are_normalised_as_the_folder_says(folder: Path) -> None:
    mean, std = normalisation(
        folder, image_mean=[0.1, 0.2, 0.3], image_std=[0.4, 0.5, 0.6], rescale_factor=1 / 255
    )
    assert mean == pytest.approx([0.1, 0.2, 0.3])
    assert std == pytest.approx([0.4, 0.5, 0.6])


def test_without_scaling_the_numbers_are_for_values_up_to_255(folder: Path) -> None:
    mean, std = normalisation(folder, image_mean=[51.0] * 3, image_std=[25.5] * 3, do_rescale=False)
    assert mean == pytest.approx([0.2] * 3)
    assert std == pytest.approx([0.1] * 3)


def test_without_normalisation_values_are_from_0_to_1(folder: Path) -> None:
    assert normalisation(folder, do_normalize=False) == ([0.0] * 3, [1.0] * 3)


def test_the_processor_of_newer_versions_is_read(folder: Path) -> None:
    found = normalisation(
        folder, "processor_config.json", image_processor={"image_mean": [0.5] * 3, "image_std": [0.5] * 3}
    )
    assert found[0] == pytest.approx([0.5] * 3)


def test_a_folder_that_says_nothing_gets_what_sam_was_trained_with(folder: Path) -> None:
    assert read_normalisation(folder)[0] == pytest.approx([0.485, 0.456, 0.406])


@pytest.mark.parametrize(
    "entries",
    [
        {"image_mean": [0.5]},
        {"image_std": [0.0, 1.0, 1.0]},
        {"image_std": "wide"},
        {"image_mean": None},
        {"rescale_factor": 0},
        {"image_mean": [float("nan")] * 3},
    ],
)
def test_a_normalisation_that_cannot_be_is_refused(folder: Path, entries: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match="normalisation"):
        normalisation(folder, **entries)


# --- The cache of the hub -----------------------------------------------------------------------------------


def test_without_a_cache_there_are_no_models_in_it(cache: Path) -> None:
    assert list_cached_sams() == []
    assert find_in_cache("facebook/sam-vit-base") is None


def test_models_in_the_cache_are_listed_with_their_licence(cache: Path) -> None:
    add(cache, "owner/sam-b")
    add(cache, "owner/sam-a", kind="sam2_video", card=None)
    add(cache, "owner/bert", kind="bert")
    assert [(card.id, card.licence) for card in list_cached_sams()] == [
        ("owner/sam-a", "unknown"),
        ("owner/sam-b", "apache-2.0"),
    ]


def test_a_model_in_the_cache_is_found_by_its_name(cache: Path) -> None:
    snapshot = add(cache, "owner/sam-b")
    folder, card = find_model("owner/sam-b")
    assert folder == snapshot
    assert card.id == "owner/sam-b"


def test_the_version_of_main_is_taken_and_the_newest_where_there_is_none(cache: Path) -> None:
    main = add(cache, "owner/sam", "old", main="old")
    newer = add(cache, "owner/sam", "new", main=None)
    assert find_in_cache("owner/sam") == main
    (cache / "models--owner--sam" / "refs" / "main").unlink()
    assert find_in_cache("owner/sam") in (main, newer)


def test_a_download_that_was_stopped_is_not_listed_and_an_error_when_asked_for(cache: Path) -> None:
    (add(cache, "owner/sam") / "model.safetensors").unlink()
    assert list_cached_sams() == []
    with pytest.raises(ModelError, match="holds no weights"):
        find_model("owner/sam")


@pytest.mark.parametrize("name", ["a/b/c", "/etc", "../..", "owner/..", "owner/", ""])
def test_names_that_leave_the_cache_are_no_models(cache: Path, name: str) -> None:
    assert find_in_cache(name) is None


def test_an_unknown_name_is_an_error_as_before(cache: Path) -> None:
    with pytest.raises(ModelError, match="no model owner/nothing"):
        find_model("owner/nothing")


@pytest.mark.parametrize(
    ("variable", "below"),
    [
        ("HF_HUB_CACHE", ""),
        ("HUGGINGFACE_HUB_CACHE", ""),
        ("HF_HOME", "hub"),
        ("XDG_CACHE_HOME", "huggingface/hub"),
    ],
)
def test_the_cache_is_where_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, below: str
) -> None:
    for other in CACHES:
        monkeypatch.delenv(other, raising=False)
    assert cache_folder() == Path.home() / ".cache" / "huggingface" / "hub"
    monkeypatch.setenv(variable, str(tmp_path))
    assert cache_folder() == tmp_path / below


def test_the_command_lists_what_is_in_the_cache(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add(cache, "owner/sam")
    assert cli.main(["models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "cache of the Hugging Face hub" in lines[-3]
    assert lines[-1].split()[0] == "owner/sam"
    assert "apache-2.0" in lines[-1]
    assert cli.main(["models", "--json"]) == 0
    (facts,) = json.loads(capsys.readouterr().out)
    assert (facts["id"], facts["licence"]) == ("owner/sam", "apache-2.0")
    assert facts["capabilities"]["dimensions"] == 2


def test_the_command_is_silent_about_a_cache_that_is_not_there(
    cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["models"]) == 0
    assert "cache" not in capsys.readouterr().out
