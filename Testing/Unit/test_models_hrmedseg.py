"""HRMedSeg as a model of slices: from its folder into a session, an embedding kept, errors that help."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from slice_model import ball, volume_of
from slice_network import FLAT, SIZE, SLICES, tiny_network, write_slice_model

from LightSegLib.errors import ModelError
from LightSegLib.models.base import Capabilities
from LightSegLib.models.build_slices import build_any, build_slices, is_of_slices
from LightSegLib.models.expected import answer_numbers
from LightSegLib.models.hrmedseg_model import HRMedSegModel
from LightSegLib.models.promptable_slices import SlicePrompts
from LightSegLib.models.registry import load_model
from LightSegLib.models.slice_inputs import example_inputs
from LightSegLib.runtime.memory import estimate_peak_bytes
from LightSegLib.session import InteractiveSession
from LightSegLib.slicewise.segmenter import SliceSegmenter

NOTHING = (np.zeros((0, 2), np.float32), np.zeros(0, np.int64))
CLICK = (np.array([[20.0, 30.0]], np.float32), np.ones(1, np.int64))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_slice_model(tmp_path_factory.mktemp("models") / "flat")


@pytest.fixture
def model(folder: Path) -> HRMedSegModel:
    loaded = load_model(folder, device="cpu")
    assert isinstance(loaded, HRMedSegModel)
    return loaded


def noise(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, (1, SIZE, SIZE)).astype(np.float32)


# --- Loading ------------------------------------------------------------------------------------------------


def test_a_folder_gives_the_network_that_was_saved(model: HRMedSegModel) -> None:
    image, network = noise(), tiny_network().eval()
    with torch.inference_mode():
        wanted = network(
            torch.from_numpy(image)[None], points=torch.tensor(CLICK[0])[None], labels=torch.ones(1, 1)
        )
    logits, expected = model.decode(model.encode(image), *CLICK, None, None)
    # Measured at warm-up, bfloat16 may have been chosen.
    assert np.abs(logits - wanted.logits[0, 0].numpy()).max() < 0.05 * wanted.logits.abs().max()
    assert expected == pytest.approx(float(wanted.expected.sigmoid()[0]), abs=0.05)
    assert model.load_seconds > 0
    assert (model.size, model.device, model.capabilities.dimensions) == (SIZE, "cpu", 2)


def test_the_number_format_is_measured_once(model: HRMedSegModel) -> None:
    plan = model.plan
    assert plan.seconds > 0
    assert plan.dtype in (torch.float32, torch.bfloat16)
    model.encode(noise())
    assert model.plan is plan


def test_a_network_of_three_channels_sees_the_grey_ones_alike(tmp_path: Path) -> None:
    network = tiny_network(in_ch=3).eval()
    image = torch.from_numpy(noise())[None]
    with torch.inference_mode():
        same = network.network.encode(image.repeat(1, 3, 1, 1))
        assert torch.equal(network.encode(image), same)


def test_its_memory_is_known_beforehand() -> None:
    assert (estimate_peak_bytes(tiny_network(), example_inputs(SIZE)) or 0) > 10_000


# --- Prompts ------------------------------------------------------------------------------------------------


def test_logits_have_four_values_for_each_cell_and_dice_is_a_share(model: HRMedSegModel) -> None:
    logits, expected = model.decode(model.encode(noise()), *CLICK, None, None)
    assert logits.shape == (SIZE // 2, SIZE // 2)
    assert logits.dtype == np.float32
    assert 0 <= expected <= 1


def test_every_prompt_changes_the_answer_and_the_embedding_stays(model: HRMedSegModel) -> None:
    embedding = model.encode(noise())
    before = embedding.clone()
    box, shown = np.array([5, 6, 30, 31], np.float32), np.full((SIZE // 2, SIZE // 2), 8, np.float32)
    asked = [
        (*NOTHING, None, None),
        (*CLICK, None, None),
        (CLICK[0], np.zeros(1, np.int64), None, None),
        (*NOTHING, box, None),
        (*CLICK, box, None),
        (*CLICK, None, shown),
    ]
    answers = [model.decode(embedding, *prompts)[0] for prompts in asked]
    for number, answer in enumerate(answers):
        assert all(np.abs(answer - other).max() > 1e-6 for other in answers[:number])
    assert torch.equal(embedding, before)


def test_a_mask_of_any_resolution_is_understood(model: HRMedSegModel) -> None:
    embedding = model.encode(noise())
    fine, coarse = (np.full((n, n), -8, np.float32) for n in (SIZE, SIZE // 2))
    one, two = (model.decode(embedding, *CLICK, None, shown)[0] for shown in (fine, coarse))
    np.testing.assert_allclose(one, two, atol=0.02)


def test_different_prompts_in_a_batch_are_answered_like_each_alone() -> None:
    network = tiny_network().eval()
    points, labels = torch.tensor(CLICK[0]), torch.ones(1, dtype=torch.int64)
    two = SlicePrompts(torch.tensor([[3.0, 4.0], [30.0, 9.0]]), torch.tensor([1, 0]))
    box, shown = torch.tensor([2.0, 3.0, 20.0, 30.0]), torch.randn(SIZE, SIZE)
    nothing = SlicePrompts(torch.zeros(0, 2), torch.zeros(0, dtype=torch.int64), box)
    asked = [SlicePrompts(points, labels), two, nothing, SlicePrompts(points, labels, box, shown), two]
    image = torch.randn(len(asked), 1, SIZE, SIZE)
    with torch.inference_mode():
        embedding = network.encode(image)
        together = network.answer(embedding, asked)
        alone = [network.answer(embedding[n : n + 1], [prompts]) for n, prompts in enumerate(asked)]
    torch.testing.assert_close(together.logits, torch.cat([answer.logits for answer in alone]))
    torch.testing.assert_close(together.expected, torch.cat([answer.expected for answer in alone]))


def test_numbers_of_an_answer_mean_the_same_in_slices_and_volumes() -> None:
    features, logits = torch.randn(1, 3, 4, 4), torch.randn(1, 1, 16, 16)
    deep = features[:, :, None].repeat(1, 1, 2, 1, 1), logits[:, :, None].repeat(1, 1, 8, 1, 1)
    torch.testing.assert_close(
        answer_numbers(features, logits, 4), answer_numbers(*deep, 4), rtol=1e-2, atol=1e-2
    )


# --- Sessions -----------------------------------------------------------------------------------------------


@pytest.fixture
def encoded(model: HRMedSegModel, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The slices that the model looks at."""
    seen: list[bytes] = []
    encode = model.encode

    def look(image: np.ndarray) -> torch.Tensor:
        seen.append(image.tobytes())
        return encode(image)

    monkeypatch.setattr(model, "encode", look)
    return seen


def test_a_session_segments_slice_by_slice(model: HRMedSegModel, encoded: list[bytes]) -> None:
    session = InteractiveSession(model)
    assert isinstance(session._segmenter, SliceSegmenter)
    session.set_image(volume_of(ball((12, 40, 40), (6, 20, 20), 6)))
    change = session.add_point((20, 20, 6))
    assert session.mask[6, 20, 20]
    assert 0 <= change.confidence <= 1
    session.add_point((24, 20, 6), positive=False)
    assert not session.mask[6, 20, 24]
    session.add_box((10, 10, 3), (30, 30, 9))
    session.undo()
    assert not session.mask[6, 20, 24]
    assert {window.axis for window in session._segmenter.embeddings.windows} == {2}


def test_a_further_click_in_a_slice_does_not_encode_it_again(
    model: HRMedSegModel, encoded: list[bytes]
) -> None:
    session = InteractiveSession(model)
    session.set_image(volume_of(ball((12, 40, 40), (6, 20, 20), 6), noise=9))
    session.add_point((20, 20, 6))
    first = encoded[0]
    for i in (10, 25, 30):
        session.add_point((i, 22, 6), positive=i == 25)
    session.undo()
    session.add_point((21, 18, 6))
    assert encoded.count(first) == 1
    assert len(set(encoded)) == len(encoded)  # nor any other slice


# --- Errors -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [40 + 4, 7])
def test_a_size_that_the_patch_does_not_divide_is_refused_with_those_that_fit(
    folder: Path, size: int
) -> None:
    with pytest.raises(ModelError, match=f"{size} is no multiple of 8"):
        build_slices(SLICES, size)


def test_a_card_of_such_a_size_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no multiple of 8; 40 or 48 works"):
        load_model(write_slice_model(tmp_path / "flat", patch=44), device="cpu")


def test_a_card_that_calls_it_a_model_of_volumes_is_refused(tmp_path: Path) -> None:
    solid = Capabilities(**{**FLAT.to_dict(), "dimensions": 3})
    with pytest.raises(ModelError, match="3 dimensions, and the network hrmedseg has 2"):
        load_model(write_slice_model(tmp_path / "flat", capabilities=solid), device="cpu")


def test_a_card_that_calls_a_network_of_volumes_one_of_slices_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="2 dimensions, and the network veloxseg has 3"):
        load_model(write_slice_model(tmp_path / "flat", architecture={"network": "veloxseg", "config": {}}))


def test_a_slice_of_another_shape_is_refused(model: HRMedSegModel) -> None:
    with pytest.raises(ModelError, match=r"takes \(1, 48, 48\)"):
        model.encode(np.zeros((1, 40, 48), np.float32))


def test_an_answer_that_is_not_finite_is_an_error(model: HRMedSegModel) -> None:
    with pytest.raises(ModelError, match="no finite answer"):
        model.encode(np.full((1, SIZE, SIZE), np.nan, np.float32))
    with pytest.raises(ModelError, match="no finite answer"):
        model.decode(model.encode(noise()) * np.nan, *CLICK, None, None)


@pytest.mark.parametrize("changes", [{"dims": 8}, {"dim": 7}, {"depths": [1]}])
def test_settings_that_fit_nothing_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ModelError, match="settings of the network hrmedseg"):
        tiny_network(**changes)


def test_several_image_channels_are_refused() -> None:
    with pytest.raises(ModelError, match="one image channel, not 2"):
        build_slices({**SLICES, "channels": 2}, SIZE)


def test_networks_of_slices_and_volumes_are_told_apart() -> None:
    assert is_of_slices(SLICES)
    assert not is_of_slices({"network": "veloxseg"})
    assert type(build_any(SLICES, SIZE)) is type(tiny_network())
    with pytest.raises(ModelError, match="Unknown network"):
        build_any({"network": "none"}, SIZE)
