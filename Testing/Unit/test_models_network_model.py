"""A loaded model answers for regions of its patch, singly or in batches, and never with nonsense."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_model import PATCH, tiny_model, write_tiny_model  # noqa: F401 - a fixture
from torch import Tensor, nn

from LightSegLib.errors import ModelError, OutOfMemoryError
from LightSegLib.models import network_model
from LightSegLib.models.guidance import GUIDANCE_CHANNELS, POSITIVE, draw_balls, empty_guidance
from LightSegLib.models.network_model import NetworkModel, best_threshold, load_network_model
from LightSegLib.models.promptable import PromptableOutput
from LightSegLib.models.registry import find_model, load_model
from LightSegLib.runtime.fallback import FallbackRunner, FallbackWarning
from LightSegLib.runtime.precision import Plan

SHAPE = (PATCH,) * 3
CPU, GPU = torch.device("cpu"), torch.device("cuda:0")  # the GPU is a name only


@pytest.fixture(scope="module")
def model(tiny_model: Path) -> NetworkModel:  # noqa: F811
    return load_model(tiny_model, device="cpu")


def region(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Noise with one click."""
    generator = np.random.default_rng(seed)
    guidance = empty_guidance(SHAPE)
    draw_balls(guidance[POSITIVE], [generator.uniform(8, PATCH - 8, 3)])
    return generator.uniform(-1, 1, (1, *SHAPE)).astype(np.float32), guidance


def test_the_answer_has_the_shape_of_the_region_and_a_confidence(model: NetworkModel) -> None:
    answer = model.predict(*region(0))
    assert answer.logits.shape == SHAPE
    assert answer.logits.dtype == np.float32
    assert np.isfinite(answer.logits).all()
    assert 0 < answer.confidence < 1


def test_the_same_region_gets_the_same_answer(model: NetworkModel) -> None:
    first, second = model.predict(*region(0)), model.predict(*region(0))
    np.testing.assert_array_equal(first.logits, second.logits)
    assert first.confidence == second.confidence


def test_the_inputs_are_left_as_they_were(model: NetworkModel) -> None:
    image, guidance = region(0)
    model.predict(image, guidance)
    np.testing.assert_array_equal(image, region(0)[0])
    np.testing.assert_array_equal(guidance, region(0)[1])


def test_a_batch_gives_the_answers_of_its_regions_one_by_one(model: NetworkModel) -> None:
    regions = [region(seed) for seed in range(3)]
    model._plan = Plan(torch.float32, False, 0.0, 1)
    singles = [model.predict(*one) for one in regions]
    for one, other in zip(singles, model.predict_batch(regions), strict=True):
        np.testing.assert_allclose(other.logits, one.logits, atol=1e-4)
        assert other.confidence == pytest.approx(one.confidence, abs=1e-4)
    assert model.predict_batch([]) == []


@pytest.mark.parametrize(
    ("image", "guidance"),
    [
        ((1, PATCH, PATCH, PATCH - 2), (GUIDANCE_CHANNELS, *SHAPE)),
        ((2, *SHAPE), (GUIDANCE_CHANNELS, *SHAPE)),
        (SHAPE, (GUIDANCE_CHANNELS, *SHAPE)),
        ((1, *SHAPE), (GUIDANCE_CHANNELS - 1, *SHAPE)),
    ],
)
def test_arrays_of_another_shape_are_refused_and_the_right_one_is_told(
    model: NetworkModel, image: tuple[int, ...], guidance: tuple[int, ...]
) -> None:
    with pytest.raises(ModelError) as caught:
        model.predict(np.zeros(image, np.float32), np.zeros(guidance, np.float32))
    assert str(image) in caught.value.what
    assert str(guidance) in caught.value.what
    assert str((1, *SHAPE)) in caught.value.why


def test_other_number_formats_and_layouts_are_taken(model: NetworkModel) -> None:
    image, guidance = region(1)
    expected = model.predict(image, guidance).logits
    turned = np.ascontiguousarray(image[:, :, ::-1])[:, :, ::-1]
    np.testing.assert_array_equal(model.predict(turned.astype(np.float64), guidance).logits, expected)


def test_an_image_with_nan_is_an_error_and_the_model_stays_usable(model: NetworkModel) -> None:
    image, guidance = region(0)
    image[0, 3, 4, 5] = np.nan
    with pytest.raises(ModelError, match="no finite answer") as caught:
        model.predict(image, guidance)
    assert "doctor" in caught.value.next_step
    assert np.isfinite(model.predict(*region(0)).logits).all()


class Answering(nn.Module):
    """Answers with fixed numbers; notes what it was run with; may claim that memory is full."""

    def __init__(self, logit: float = 1.0, expected: float = 1.0, fails: int = 0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.logit = logit
        self.expected = expected
        self.fails = fails
        self.runs: list[tuple[int, ...]] = []

    def forward(self, image: Tensor, guidance: Tensor) -> PromptableOutput:
        if self.fails:
            self.fails -= 1
            raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 3 GiB")
        self.runs.append(tuple(image.shape))
        logits = torch.full_like(image, self.logit)
        return PromptableOutput(logits, torch.full(image.shape[:1], self.expected), logits)


class ImaginedGpu(FallbackRunner):
    """Moves nothing, so that a device which is not there can be named."""

    def _move(self, value: Any, device: torch.device) -> Any:
        return value


def wrapped(network: nn.Module, folder: Path, device: torch.device = CPU, **card: object) -> NetworkModel:
    write_tiny_model(folder, **card)
    return NetworkModel(find_model(folder)[1], network, device)


@pytest.mark.parametrize(("logit", "expected"), [(np.nan, 0.0), (np.inf, 0.0), (1.0, np.nan)])
def test_an_answer_that_is_not_finite_is_an_error(tmp_path: Path, logit: float, expected: float) -> None:
    with pytest.raises(ModelError, match="no finite answer"):
        wrapped(Answering(logit, expected), tmp_path).predict(*region(0))


def test_the_confidence_is_the_expected_dice_between_0_and_1(tmp_path: Path) -> None:
    assert wrapped(Answering(expected=0.0), tmp_path).predict(*region(0)).confidence == 0.5
    assert wrapped(Answering(expected=20.0), tmp_path).predict(*region(0)).confidence == pytest.approx(1)


@pytest.mark.parametrize(
    "use",
    [lambda model: model.predict(*region(0)), lambda model: model.warm_up(), lambda model: model.plan],
    ids=["predict", "warm_up", "plan"],
)
def test_a_gpu_that_runs_out_of_memory_leaves_the_work_to_the_cpu_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, use: Callable[[NetworkModel], Any]
) -> None:
    monkeypatch.setattr(network_model, "FallbackRunner", ImaginedGpu)
    model = wrapped(Answering(fails=1), tmp_path, GPU)
    assert model.device == "cuda:0"
    with pytest.warns(FallbackWarning, match=r"The model tiny did not fit .*cuda:0.* runs on the CPU"):
        use(model)
    assert model.device == "cpu"
    answer = model.predict(*region(0))
    np.testing.assert_allclose(answer.logits, 1 - best_threshold(answer.confidence), rtol=1e-6)
    assert model.plan.device == "cpu"


def test_memory_that_is_full_everywhere_is_an_error_with_advice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network_model, "FallbackRunner", ImaginedGpu)
    model = wrapped(Answering(fails=100), tmp_path, GPU)
    with pytest.warns(FallbackWarning), pytest.raises(OutOfMemoryError) as caught:
        model.predict(*region(0))
    assert caught.value.next_step


def test_a_model_that_needs_more_memory_than_there_is_is_refused_before_it_runs(tmp_path: Path) -> None:
    network = Answering()
    with pytest.raises(OutOfMemoryError, match="The model tiny does not fit"):
        wrapped(network, tmp_path, memory_bytes=10**15)
    assert network.runs == []


def test_the_way_to_run_is_measured_once(tmp_path: Path) -> None:
    network = Answering()
    model = wrapped(network, tmp_path)
    model.predict(*region(0))
    measured = len(network.runs)
    model.predict(*region(1))
    model.predict(*region(2))
    assert len(network.runs) == measured + 2


def test_warming_up_measures_before_the_first_click_and_again_when_asked(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    network = Answering()
    model = wrapped(network, tmp_path)
    with caplog.at_level(logging.INFO, logger="LightSegLib"):
        plan = model.warm_up()
    assert plan is model.plan
    assert "One forward pass takes" in caplog.text
    assert model.warm_up() is not plan


def test_bfloat16_answers_much_like_float32(model: NetworkModel) -> None:
    answers = []
    for dtype in (torch.float32, torch.bfloat16):
        model._plan = Plan(dtype, False, 0.0, 1)
        answers.append(model.predict(*region(0)))
    one, other = answers
    assert other.logits.dtype == np.float32
    assert np.linalg.norm(one.logits - other.logits) < 0.05 * np.linalg.norm(one.logits)
    assert other.confidence == pytest.approx(one.confidence, abs=0.05)


def test_loading_fills_the_network_and_freezes_it(tiny_model: Path) -> None:  # noqa: F811
    folder, card = find_model(tiny_model)
    model = load_network_model(folder, card, "cpu")
    parameters = list(model._network.parameters())
    assert not any(parameter.requires_grad for parameter in parameters)
    assert not model._network.training
    stored = sum(value.numel() for value in model._network.state_dict().values())
    assert stored == card.weights.parameters


@pytest.mark.parametrize(("expected", "probability"), [(0.8, 0.4), (0.5, 0.25), (0.05, 0.1), (1.0, 0.49)])
def test_a_voxel_counts_as_inside_from_half_the_expected_dice(expected: float, probability: float) -> None:
    assert 1 / (1 + np.exp(-best_threshold(expected))) == pytest.approx(probability)


def test_a_model_shows_what_it_sees_where_nothing_was_said(model: NetworkModel) -> None:
    image, _ = region(0)
    features = model.features(image)
    cells = PATCH // model.feature_stride
    assert features.shape[1:] == (cells,) * 3
    assert features.dtype == np.float32
    np.testing.assert_array_equal(features, model.features(image))
    assert np.abs(features - model.features(region(1)[0])).max() > 0.01


def test_features_are_of_all_steps_of_the_decoder(model: NetworkModel) -> None:
    assert len(model.features(region(0)[0])) == sum(model._network.network.config.conv_channels[:3])


def test_features_of_another_patch_are_refused(model: NetworkModel) -> None:
    with pytest.raises(ModelError, match="shape"):
        model.features(np.zeros((1, PATCH, PATCH, PATCH - 2), np.float32))


def test_features_that_are_not_finite_are_refused(tiny_model: Path) -> None:  # noqa: F811
    broken = load_model(tiny_model, device="cpu")
    broken._network.network.decoder.path.stages[0].register_forward_hook(
        lambda *_: torch.full((1, 8, 16, 16, 16), torch.nan)
    )
    with pytest.raises(ModelError, match="no finite answer"):
        broken.features(region(0)[0])
