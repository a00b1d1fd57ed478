"""What does not fit on the GPU runs on the CPU, and says so."""

from __future__ import annotations

import logging
import warnings
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from LightSegLib.errors import OutOfMemoryError
from LightSegLib.runtime.fallback import FallbackRunner, FallbackWarning, is_out_of_memory, run_with_fallback

CPU = torch.device("cpu")
GPU = torch.device("cuda:0")  # a name only: no test touches a real one


class GpuWithLittleMemory(FallbackRunner):
    """A runner whose GPU is imagined: it notes where things move and leaves them where they are."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        self.places: list[torch.device] = []
        super().__init__(*args, **settings)

    def _move(self, value: Any, device: torch.device) -> Any:
        if isinstance(value, nn.Module):
            self.places.append(device)
        return value


def full_on_the_gpu(device: torch.device) -> str:
    if device.type == "cuda":
        raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 3 GiB")
    return "done"


def always_full(device: torch.device) -> str:
    raise torch.cuda.OutOfMemoryError("out of memory")


def test_a_step_that_fits_stays_on_the_gpu_without_a_word() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert run_with_fallback(lambda device: device.type, GPU) == ("cuda", GPU)


def test_a_step_that_does_not_fit_runs_on_the_cpu_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    with (
        caplog.at_level(logging.WARNING),
        pytest.warns(FallbackWarning, match=r"This click did not fit .*cuda:0.* runs on the CPU"),
    ):
        assert run_with_fallback(full_on_the_gpu, GPU, "This click") == ("done", CPU)
    assert "runs on the CPU" in caplog.text


def test_a_step_that_fits_nowhere_is_an_error_with_advice() -> None:
    with pytest.warns(FallbackWarning), pytest.raises(OutOfMemoryError, match="does not fit") as caught:
        run_with_fallback(always_full, GPU)
    assert caught.value.next_step


def test_a_step_that_does_not_fit_on_the_cpu_is_tried_once_and_gives_no_warning() -> None:
    tries: list[torch.device] = []

    def attempt(device: torch.device) -> None:
        tries.append(device)
        raise MemoryError

    with pytest.raises(OutOfMemoryError):
        run_with_fallback(attempt, CPU)
    assert tries == [CPU]


@pytest.mark.parametrize("device", [GPU, CPU])
def test_other_errors_come_through_and_are_not_repeated(device: torch.device) -> None:
    tries: list[torch.device] = []

    def attempt(place: torch.device) -> None:
        tries.append(place)
        raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes"):
        run_with_fallback(attempt, device)
    assert tries == [device]


@pytest.mark.parametrize(
    ("error", "memory"),
    [
        (torch.cuda.OutOfMemoryError("CUDA out of memory"), True),
        (RuntimeError("MPS backend out of memory (allocated 9 GB)"), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"), True),
        (RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes"), True),
        (MemoryError(), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_running_out_of_memory_is_recognised_on_every_device(error: Exception, memory: bool) -> None:
    assert is_out_of_memory(error) is memory


def test_a_runner_moves_to_the_cpu_once_and_stays_there() -> None:
    module = nn.Identity()
    attempts: list[str] = []

    def forward(_module: nn.Module, value: Tensor) -> Tensor:
        attempts.append(runner.device.type)
        if runner.device.type == "cuda":
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return value + 1

    runner = GpuWithLittleMemory(module, GPU, forward)
    with pytest.warns(FallbackWarning):
        assert runner(torch.zeros(1)).item() == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert runner(torch.zeros(1)).item() == 1
    assert attempts == ["cuda", "cpu", "cpu"]
    assert runner.places == [GPU, CPU]
    assert runner.device == CPU


def test_a_runner_can_be_sent_back_to_the_gpu() -> None:
    runner = GpuWithLittleMemory(nn.Identity(), CPU)
    runner.use(GPU)
    assert runner.device == GPU
    assert runner(torch.ones(1)).item() == 1


def test_weights_that_do_not_fit_start_on_the_cpu() -> None:
    class NoRoom(GpuWithLittleMemory):
        def _move(self, value: Any, device: torch.device) -> Any:
            if device.type == "cuda":
                raise torch.cuda.OutOfMemoryError("CUDA out of memory")
            return value

    with pytest.warns(FallbackWarning, match="This model"):
        runner = NoRoom(nn.Identity(), GPU, what="This model")
    assert runner.device == CPU


def test_a_real_module_runs_without_gradients() -> None:
    runner = FallbackRunner(nn.Conv3d(1, 2, 1), CPU)
    assert not runner(torch.zeros(1, 1, 2, 2, 2)).requires_grad


def test_a_module_can_be_run_in_another_way_with_the_same_fallback() -> None:
    runner = GpuWithLittleMemory(nn.Conv3d(1, 2, 1), GPU)

    def weights(module: nn.Module, image: Tensor) -> int:
        if runner.device == GPU and runner.places[-1] == GPU:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return sum(weight.numel() for weight in module.parameters()) + image.numel()

    with pytest.warns(FallbackWarning):
        assert runner.run(weights, torch.zeros(1, 1, 2, 2, 2)) == 4 + 8
    assert runner.device == CPU
