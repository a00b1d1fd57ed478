"""Choosing precision and memory layout by measurement. Which candidate is fastest is never asserted."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from LightSegLib.runtime import precision
from LightSegLib.runtime.precision import (
    Candidate,
    Plan,
    choose_precision,
    default_candidates,
    relative_difference,
    tensors_of,
)

CPU = torch.device("cpu")
BF16 = Candidate(torch.bfloat16, False)
LAST = Candidate(torch.float32, True)


class Slow(nn.Module):
    """A convolution whose answer and speed a test can change by number format."""

    def __init__(self, in_bf16: str = "fine") -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv3d(1, 2, 3, padding=1)
        self.in_bf16 = in_bf16

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x)
        if y.dtype == torch.bfloat16:
            if self.in_bf16 == "fails":
                raise RuntimeError("no kernel for bfloat16")
            return {"fine": y, "wrong": y + 1, "not finite": y * math.nan}[self.in_bf16]
        return y


@pytest.fixture
def image() -> Tensor:
    return torch.linspace(-1, 1, 8**3).reshape(1, 1, 8, 8, 8)


@pytest.fixture
def bf16_is_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measured times that decrease from candidate to candidate, whatever the machine does meanwhile."""
    real = precision._measure
    clock = iter(range(1000, 0, -1))

    def measured(*args: object) -> tuple[list[Tensor], float]:
        outputs, _seconds = real(*args)  # type: ignore[arg-type]
        return outputs, float(next(clock))

    monkeypatch.setattr(precision, "_measure", measured)


def test_the_plan_says_what_was_measured(image: Tensor) -> None:
    plan = choose_precision(Slow(), [image], CPU)
    assert Candidate(plan.dtype, plan.channels_last) in default_candidates(CPU)
    assert plan.seconds > 0
    assert plan.threads == torch.get_num_threads()


@pytest.mark.usefixtures("bf16_is_faster")
def test_a_faster_candidate_with_the_same_answer_is_taken(image: Tensor) -> None:
    plan = choose_precision(Slow(), [image], CPU, [BF16])
    assert (plan.dtype, plan.channels_last) == (torch.bfloat16, False)


@pytest.mark.usefixtures("bf16_is_faster")
@pytest.mark.parametrize("fault", ["wrong", "not finite", "fails"])
def test_a_faster_candidate_with_a_bad_answer_is_refused(image: Tensor, fault: str) -> None:
    plan = choose_precision(Slow(fault), [image], CPU, [BF16])
    assert (plan.dtype, plan.channels_last) == (torch.float32, False)


@pytest.mark.usefixtures("bf16_is_faster")
def test_the_weights_are_left_in_the_layout_of_the_plan(image: Tensor) -> None:
    module = Slow()
    assert choose_precision(module, [image], CPU, [LAST]).channels_last
    assert module.conv.weight.is_contiguous(memory_format=torch.channels_last_3d)
    assert not choose_precision(module, [image], CPU, []).channels_last
    assert module.conv.weight.is_contiguous()


def test_the_module_keeps_its_mode(image: Tensor) -> None:
    module = Slow().train()
    choose_precision(module, [image], CPU, [])
    assert module.training


def test_a_network_that_fails_in_float32_too_says_so() -> None:
    with pytest.raises(RuntimeError):
        choose_precision(Slow(), [torch.zeros(1, 5, 4, 4, 4)], CPU)


def test_a_plan_runs_a_module_in_its_precision_without_gradients(image: Tensor) -> None:
    module = Slow()
    plan = Plan(torch.bfloat16, True, 0.1, 1)
    plan.prepare(module)
    with plan.running():
        output = module(plan.arrange(image))
    assert output.dtype == torch.bfloat16
    assert not output.requires_grad


def test_arranging_changes_layout_but_not_values(image: Tensor) -> None:
    wide = image.expand(1, 3, 8, 8, 8)
    plan = Plan(torch.float32, True, 0.1, 1)
    assert torch.equal(plan.arrange(wide), wide)
    assert plan.arrange(wide).is_contiguous(memory_format=torch.channels_last_3d)
    flat = torch.zeros(4)
    assert plan.arrange(flat) is flat


def test_bfloat16_is_tried_only_where_the_cpu_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "has_fast_bfloat16", lambda: False)
    assert {candidate.dtype for candidate in default_candidates(CPU)} == {torch.float32}
    monkeypatch.setattr(precision, "has_fast_bfloat16", lambda: True)
    assert {candidate.dtype for candidate in default_candidates(CPU)} == {torch.float32, torch.bfloat16}


def test_the_difference_of_outputs_is_relative_and_refuses_what_is_not_alike() -> None:
    ones = torch.ones(4)
    assert relative_difference([ones * 1.1], [ones]) == pytest.approx(0.1, rel=1e-5)
    assert relative_difference([ones], [ones, ones]) == math.inf
    assert relative_difference([ones * math.nan], [ones]) == math.inf
    assert relative_difference([ones * math.inf], [ones]) == math.inf


def test_tensors_are_found_in_nested_outputs() -> None:
    a, b, c = torch.zeros(1), torch.zeros(2), torch.zeros(3)
    found = tensors_of((a, [b, {"c": c, "count": torch.zeros(1, dtype=torch.long)}], None))
    assert [len(value) for value in found] == [1, 2, 3]


def test_a_plan_describes_itself() -> None:
    assert Plan(torch.bfloat16, True, 0.1, 1).describe() == "bfloat16, channels last, 1 thread"
    assert Plan(torch.float16, False, 0.1, 4, "cuda").describe() == "float16, channels first"
