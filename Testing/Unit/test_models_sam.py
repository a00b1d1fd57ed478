"""Any SAM of transformers in a folder segments slices: from safetensors and without a connection."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

transformers = pytest.importorskip("transformers", reason="transformers is not installed")

import torch  # noqa: E402
from sam_cases import MEAN, SIZE, STD, tiny_sam, tiny_sam2, write_sam  # noqa: E402
from slice_model import tube, volume_of  # noqa: E402

from LightSegLib import cli  # noqa: E402
from LightSegLib.errors import DeviceError, ModelError, OutOfMemoryError  # noqa: E402
from LightSegLib.geometry import Volume  # noqa: E402
from LightSegLib.models import sam, sam_loading  # noqa: E402
from LightSegLib.models.registry import find_model, load_model  # noqa: E402
from LightSegLib.models.sam import SamSliceModel  # noqa: E402
from LightSegLib.session import InteractiveSession  # noqa: E402
from LightSegLib.slicewise.segmenter import SliceSegmenter  # noqa: E402

NO_POINTS = np.zeros((0, 2), np.float32), np.zeros(0, np.int64)
CLICK = np.array([[30, 20]], np.float32), np.ones(1, np.int64)
FRAME = np.array([10, 12, 40, 50], np.float32)


def network_of(kind: str) -> Any:
    if kind == "sam2" and not hasattr(transformers, "Sam2Model"):
        pytest.skip(f"transformers {transformers.__version__} has no SAM 2")
    return tiny_sam2() if kind == "sam2" else tiny_sam()


@pytest.fixture(params=["sam", "sam2"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def folder(tmp_path: Path, kind: str) -> Path:
    """One folder for each kind of SAM."""
    return write_sam(tmp_path / "tiny", network_of(kind))


@pytest.fixture
def model(folder: Path) -> SamSliceModel:
    loaded = load_model(folder, "cpu")
    assert isinstance(loaded, SamSliceModel)
    return loaded


@pytest.fixture
def one(tmp_path: Path) -> Path:
    """A folder of the first SAM, for what concerns folders of any kind."""
    return write_sam(tmp_path / "tiny", tiny_sam())


def slice_of(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, (1, SIZE, SIZE)).astype(np.float32)


# --- Answers ------------------------------------------------------------------------------------------------


def test_a_folder_loads_as_a_model_of_slices(model: SamSliceModel, folder: Path, kind: str) -> None:
    assert model.size == SIZE
    assert model.device == "cpu"
    assert model.load_seconds > 0
    assert model.capabilities.dimensions == 2
    assert model.capabilities.describe() == "points, boxes, scribbles and mask"
    assert model.card.id == "tiny"
    assert model.card.licence == "apache-2.0"
    assert model.card.architecture["network"] == kind
    assert model.card.weights.bytes == (folder / "model.safetensors").stat().st_size
    assert model.card.weights.parameters > 10_000


@pytest.mark.parametrize("points", [NO_POINTS, CLICK])
@pytest.mark.parametrize("box", [None, FRAME])
@pytest.mark.parametrize("previous", [None, (SIZE, SIZE), (SIZE // 4, SIZE // 4), (24, 24)])
def test_prompts_of_any_kind_and_together_are_answered(
    model: SamSliceModel, points: Any, box: Any, previous: tuple[int, int] | None
) -> None:
    prior = (
        None
        if previous is None
        else np.linspace(-8, 8, np.prod(previous), dtype=np.float32).reshape(previous)
    )
    embedding = model.encode(slice_of())
    logits, confidence = model.decode(embedding, *points, box, prior)
    assert logits.dtype == np.float32
    assert logits.shape[0] == logits.shape[1]
    assert logits.shape[0] in (SIZE // 2, SIZE // 4)
    assert 0.0 <= confidence <= 1.0


def test_each_prompt_and_the_slice_make_a_difference(model: SamSliceModel) -> None:
    embedding = model.encode(slice_of())
    logits, _ = model.decode(embedding, *CLICK, None, None)
    others = [
        model.decode(embedding, CLICK[0], np.zeros(1, np.int64), None, None),
        model.decode(embedding, CLICK[0] + 20, CLICK[1], None, None),
        model.decode(embedding, *CLICK, FRAME, None),
        model.decode(embedding, *CLICK, None, np.full((16, 16), 9.0, np.float32)),
        model.decode(model.encode(slice_of(1)), *CLICK, None, None),
    ]
    for other, _ in others:
        assert np.abs(other - logits).max() > 1e-4


def test_the_same_prompts_get_the_same_answer_and_leave_the_embedding_alone(model: SamSliceModel) -> None:
    embedding = model.encode(slice_of())
    first = model.decode(embedding, *CLICK, FRAME, None)
    second = model.decode(embedding, *CLICK, FRAME, None)
    again = model.decode(model.encode(slice_of()), *CLICK, FRAME, None)
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[0], again[0])
    assert first[1] == second[1] == again[1]


def test_the_answer_is_that_of_the_network_given_the_normalised_slice(folder: Path, kind: str) -> None:
    model = load_model(folder, "cpu")
    network = network_of(kind)
    grey = (torch.from_numpy(slice_of()) + 1) / 2
    mean, std = (torch.tensor(values)[:, None, None] for values in (MEAN, STD))
    with torch.inference_mode():
        answer = network(
            pixel_values=((grey - mean) / std)[None],
            input_points=torch.tensor([[[[30.0, 20.0]]]]),
            input_labels=torch.ones(1, 1, 1, dtype=torch.int64),
            multimask_output=False,
        )
    logits, confidence = model.decode(model.encode(slice_of()), *CLICK, None, None)
    expected = answer.pred_masks[0, 0, 0].numpy()
    assert np.abs(logits - expected).max() < 0.02 * np.abs(expected).max()
    overlap = min(max(float(answer.iou_scores), 0.0), 1.0)
    assert confidence == pytest.approx(2 * overlap / (1 + overlap), abs=0.02)


def test_embeddings_take_half_the_memory_of_full_precision(model: SamSliceModel) -> None:
    assert {tensor.dtype for tensor in model.encode(slice_of())} == {torch.float16}


def test_warming_up_tells_how_it_runs(model: SamSliceModel) -> None:
    assert model.warm_up().describe().startswith("float32, channels first")


@pytest.mark.parametrize("shape", [(SIZE, SIZE), (3, SIZE, SIZE), (1, SIZE, SIZE // 2)])
def test_a_slice_of_another_size_is_refused(model: SamSliceModel, shape: tuple[int, ...]) -> None:
    with pytest.raises(ModelError, match=r"takes \(1, 64, 64\)"):
        model.encode(np.zeros(shape, np.float32))


def test_a_slice_with_nan_is_an_error_and_the_model_stays_usable(model: SamSliceModel) -> None:
    with pytest.raises(ModelError, match="no finite answer"):
        model.encode(np.full((1, SIZE, SIZE), np.nan, np.float32))
    model.decode(model.encode(slice_of()), *CLICK, None, None)


def test_too_little_memory_is_said(model: SamSliceModel, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise RuntimeError("can't allocate memory: you tried to allocate 1 bytes")

    monkeypatch.setattr(model._network, "get_image_embeddings", full)
    with pytest.raises(OutOfMemoryError, match="tiny does not fit"):
        model.encode(slice_of())


def test_a_network_that_answers_in_another_way_is_an_error(
    model: SamSliceModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model._network, "get_image_embeddings", lambda pixels, wanted: pixels)
    with pytest.raises(ModelError, match="does not work as a SAM does"):
        model.warm_up()


# --- In a session -------------------------------------------------------------------------------------------


@pytest.fixture
def calls(model: SamSliceModel, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is asked of the network, in order."""
    asked: list[str] = []
    encode, decode = SamSliceModel.encode, SamSliceModel.decode

    def noted(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(self: SamSliceModel, *args: Any) -> Any:
            asked.append(name)
            return method(self, *args)

        return call

    monkeypatch.setattr(SamSliceModel, "encode", noted("encode", encode))
    monkeypatch.setattr(SamSliceModel, "decode", noted("decode", decode))
    return asked


def test_a_session_picks_slices_and_a_further_click_costs_the_decoder_only(
    model: SamSliceModel, calls: list[str]
) -> None:
    session = InteractiveSession(model)
    assert isinstance(session._segmenter, SliceSegmenter)
    session.set_image(volume_of(tube(), noise=5))
    session.add_point((19, 18, 10))
    assert session.mask[10, 18, 19]
    seen = set(session._segmenter.embeddings.windows)
    assert calls.count("encode") == len(seen)
    calls.clear()
    session.add_point((5, 5, 10), positive=False)
    assert not session.mask[10, 5, 5]
    assert calls[0] == "decode"
    # Slices seen before are not encoded again, wherever the structure goes this time.
    assert calls.count("encode") == len(set(session._segmenter.embeddings.windows) - seen)


def test_boxes_scribbles_and_masks_are_taken(model: SamSliceModel) -> None:
    session = InteractiveSession(model)
    session.set_image(volume_of(tube()))
    session.add_box((8, 8, 8), (34, 34, 14))
    session.add_scribble([(15, 18, 9), (22, 18, 12)])
    assert session.mask[9, 18, 15]
    session.set_mask(tube())
    session.add_point((19, 18, 10), positive=False)
    assert not session.mask[10, 18, 19]


def test_the_command_line_segments_a_file_with_the_model_of_a_folder(
    one: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image, mask = tmp_path / "image.nii.gz", tmp_path / "mask.nii.gz"
    volume_of(tube()).write(image)
    prompts = ["--ijk", "--point", "19,18,10", "--point", "5,5,10,-"]
    where = ["--model", str(one), "--device", "cpu", "-o", str(mask), "--json"]
    assert cli.main(["segment", str(image), *prompts, *where]) == 0
    assert json.loads(capsys.readouterr().out)["model"] == "tiny"
    written = Volume.read(mask).array
    assert written[10, 18, 19] == 1
    assert written[10, 5, 5] == 0


# --- Folders ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["cpu", "auto"])
def test_a_folder_is_taken_as_text_or_path(one: Path, place: str) -> None:
    assert load_model(str(one), place).card == load_model(one, place).card == find_model(one)[1]


def test_an_unknown_device_is_refused(one: Path) -> None:
    with pytest.raises(DeviceError):
        load_model(one, "abacus")


def test_loading_writes_nothing_to_the_console_and_leaves_the_settings_of_transformers(
    one: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    messages = transformers.utils.logging
    before = messages.get_verbosity(), messages.is_progress_bar_enabled()
    load_model(one, "cpu")
    assert capfd.readouterr() == ("", "")
    assert (messages.get_verbosity(), messages.is_progress_bar_enabled()) == before


def test_a_sam_2_kept_with_its_video_parts_segments_images(tmp_path: Path) -> None:
    folder = write_sam(tmp_path / "video", network_of("sam2"))
    edit(folder, lambda entries: entries.update(model_type="sam2_video", architectures=["Sam2VideoModel"]))
    model = load_model(folder, "cpu")
    assert model.card.architecture["network"] == "sam2_video"
    model.warm_up()


def edit(folder: Path, change: Callable[[dict[str, Any]], None], name: str = "config.json") -> None:
    entries = json.loads((folder / name).read_text(encoding="utf-8"))
    change(entries)
    (folder / name).write_text(json.dumps(entries), encoding="utf-8")


def test_weights_of_other_sizes_are_refused(one: Path) -> None:
    edit(one, lambda entries: entries["vision_config"].update(mlp_dim=48))
    with pytest.raises(ModelError, match="tiny") as caught:
        load_model(one, "cpu")
    assert caught.value.next_step


def test_weights_that_lack_a_part_are_refused_and_not_made_up(one: Path) -> None:
    from safetensors.torch import load_file, save_file

    state = {
        name: value for name, value in load_file(one / "model.safetensors").items() if "neck" not in name
    }
    save_file(state, one / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError, match=r"tensors are missing, vision_encoder\.neck") as caught:
        load_model(one, "cpu")
    assert caught.value.next_step


def test_weights_cut_short_are_refused(one: Path) -> None:
    weights = one / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_model(one, "cpu")


def test_weights_in_half_precision_are_taken(tmp_path: Path) -> None:
    folder = write_sam(tmp_path / "half", tiny_sam().half())
    model = load_model(folder, "cpu")
    assert model.card.weights.precision == "float16"
    model.warm_up()


def test_without_transformers_the_error_says_what_to_install(
    one: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    assert find_model(one)[1].patch == SIZE
    with pytest.raises(ModelError, match=r"needs the package transformers.*pip install"):
        load_model(one, "cpu")


def test_a_transformers_too_old_for_the_kind_says_so(one: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sam_loading.CLASSES, "sam", "SamModelOfTomorrow")
    with pytest.raises(ModelError, match=r"has no SamModelOfTomorrow.*--upgrade"):
        load_model(one, "cpu")


def test_a_model_too_large_for_the_memory_is_refused_before_it_is_read(
    one: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("LightSegLib.runtime.memory.available_bytes", lambda _: 1000)
    with pytest.raises(OutOfMemoryError):
        load_model(one, "cpu")


def test_the_module_of_the_network_does_not_import_transformers() -> None:
    assert not hasattr(sam, "transformers")
    assert not hasattr(sam_loading, "transformers")
