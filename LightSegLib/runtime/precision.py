"""Choose number format and memory layout by measurement.

Which of float32, bfloat16 and float16, channels first or last, is fastest depends on the network, the patch
and the chip; guesses are often wrong. So at warm-up each candidate runs the real module on a real input, and
the fastest that still gives float32's answer is kept.
"""

from __future__ import annotations

import contextlib
import logging
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from LightSegLib.runtime.devices import set_thread_count
from LightSegLib.runtime.processor import has_fast_bfloat16

_LOG = logging.getLogger(__name__)
TOLERANCE = 0.05
"""Largest accepted relative difference (L2) from float32; bfloat16 alone causes about 0.01 in a U-Net."""
_TIMED_RUNS = 2
_HOPELESS = 3.0  # a warm run this many times slower than the best timed one is not run again


@dataclass(frozen=True)
class Candidate:
    """One way to run a network: number format of the convolutions, and channels last or not."""

    dtype: torch.dtype
    channels_last: bool


@dataclass(frozen=True)
class Plan:
    """The way to run a network on this machine.

    Attributes:
        dtype: float32, or the format that autocast uses for convolutions and matrix products.
        channels_last: whether the weights and 5D inputs lie channels-last in memory.
        seconds: measured time of one forward pass.
        threads: CPU threads it was measured with.
        device: the kind of device it was measured on ("cpu", "cuda", "mps").
    """

    dtype: torch.dtype
    channels_last: bool
    seconds: float
    threads: int
    device: str = "cpu"

    @contextmanager
    def running(self) -> Iterator[None]:
        """Context for a forward pass: inference mode, and autocast when the plan says so."""
        with torch.inference_mode(), _autocast(self.device, self.dtype):
            yield

    def arrange(self, value: Tensor) -> Tensor:
        """Give a 5D input the memory layout of the plan; other tensors pass through."""
        return _arranged(value, self.channels_last)

    def prepare(self, module: nn.Module) -> nn.Module:
        """Give the module's weights the memory layout of the plan, in place; returns the module."""
        return _laid_out(module, self.channels_last)

    def describe(self) -> str:
        """One line for reports, for example "bfloat16, channels last, 1 thread"."""
        layout = "channels last" if self.channels_last else "channels first"
        threads = f"{self.threads} thread{'s' if self.threads != 1 else ''}"
        return f"{str(self.dtype).removeprefix('torch.')}, {layout}" + (
            f", {threads}" if self.device == "cpu" else ""
        )


def default_candidates(device: torch.device) -> tuple[Candidate, ...]:
    """The candidates worth a measurement on a device; plain float32 comes first."""
    dtypes = [torch.float32]
    if device.type == "cpu" and has_fast_bfloat16():
        dtypes.append(torch.bfloat16)
    elif device.type == "cuda":
        dtypes.append(torch.float16)
        if torch.cuda.is_bf16_supported():
            dtypes.append(torch.bfloat16)
    elif device.type == "mps":
        return (Candidate(torch.float32, False), Candidate(torch.float16, False))
    return tuple(Candidate(dtype, layout) for dtype in dtypes for layout in (False, True))


def choose_precision(
    module: nn.Module,
    example_inputs: Sequence[Tensor],
    device: torch.device,
    candidates: Sequence[Candidate] | None = None,
    tolerance: float = TOLERANCE,
) -> Plan:
    """Measure each candidate on the module and keep the fastest that answers as float32 does.

    Per candidate one warm run and two timed ones, of which the faster counts; a candidate whose warm run is
    hopelessly slow is not timed. A candidate is rejected when its outputs are not finite, differ from
    float32's by more than `tolerance`, or when it fails.

    Args:
        module: the network, on `device`; it is put in evaluation mode for the measurement, and its weights
            are left in the memory layout of the returned plan.
        example_inputs: float32 tensors of the size that will be run, on `device`; their content should look
            like an image.
        device: where the module is.
        candidates: default: `default_candidates(device)`.
        tolerance: accepted relative difference, || out - ref || / || ref ||.

    Returns:
        The plan; float32, channels first, when everything else is rejected.

    Raises:
        RuntimeError: the network fails in plain float32 too (out of memory comes through as torch raises it).
    """
    threads = set_thread_count() if device.type == "cpu" else torch.get_num_threads()
    training = module.training
    module.eval()
    try:
        plain = Candidate(torch.float32, False)
        reference, seconds = _measure(module, example_inputs, device, plain, math.inf)
        best, best_seconds = plain, seconds
        for candidate in default_candidates(device) if candidates is None else candidates:
            if candidate == plain:
                continue
            seconds = _try(module, example_inputs, device, candidate, reference, best_seconds, tolerance)
            if seconds < best_seconds:
                best, best_seconds = candidate, seconds
    finally:
        module.train(training)
    _laid_out(module, best.channels_last)
    plan = Plan(best.dtype, best.channels_last, best_seconds, threads, device.type)
    _LOG.info("One forward pass takes %.3f s in %s", plan.seconds, plan.describe())
    return plan


def _try(
    module: nn.Module,
    inputs: Sequence[Tensor],
    device: torch.device,
    candidate: Candidate,
    reference: list[Tensor],
    best_seconds: float,
    tolerance: float,
) -> float:
    """Seconds of a candidate, infinite when it is rejected."""
    try:
        outputs, seconds = _measure(module, inputs, device, candidate, best_seconds)
    except (RuntimeError, TypeError) as error:  # the device or the network does not support the format
        _LOG.debug("%s fails: %s", candidate, error)
        return math.inf
    difference = relative_difference(outputs, reference)
    if not difference <= tolerance:  # also refuses NaN
        _LOG.info("%s differs from float32 by %.3g and is not used", candidate, difference)
        return math.inf
    return seconds


def _measure(
    module: nn.Module,
    inputs: Sequence[Tensor],
    device: torch.device,
    candidate: Candidate,
    best_seconds: float,
) -> tuple[list[Tensor], float]:
    """Outputs (float32) and seconds of the fastest of a few runs."""
    _laid_out(module, candidate.channels_last)
    arranged = [_arranged(value, candidate.channels_last) for value in inputs]
    with torch.inference_mode(), _autocast(device.type, candidate.dtype):
        start = time.perf_counter()
        outputs = tensors_of(module(*arranged))
        _synchronise(device)
        fastest = time.perf_counter() - start
        if fastest < _HOPELESS * best_seconds:
            times = []
            for _ in range(_TIMED_RUNS):
                start = time.perf_counter()
                module(*arranged)
                _synchronise(device)
                times.append(time.perf_counter() - start)
            fastest = min(times)
    return [value.float() for value in outputs], fastest


def relative_difference(outputs: Sequence[Tensor], reference: Sequence[Tensor]) -> float:
    """|| outputs - reference || / || reference || over all tensors; infinite if not finite or not alike."""
    if [value.shape for value in outputs] != [value.shape for value in reference]:
        return math.inf
    error = sum(
        float((a.float() - b.float()).square().sum()) for a, b in zip(outputs, reference, strict=True)
    )
    size = sum(float(b.float().square().sum()) for b in reference)
    if not (math.isfinite(error) and math.isfinite(size)):
        return math.inf
    return math.sqrt(error / max(size, 1e-20))


def tensors_of(value: Any) -> list[Tensor]:
    """All floating point tensors in a network's output, through tuples, lists and mappings, in order."""
    if isinstance(value, Tensor):
        return [value] if value.is_floating_point() else []
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, (tuple, list)):
        return [tensor for item in value for tensor in tensors_of(item)]
    return []


def _autocast(device: str, dtype: torch.dtype) -> contextlib.AbstractContextManager[Any]:
    if dtype == torch.float32:
        return contextlib.nullcontext()
    return torch.autocast(device_type=device, dtype=dtype)


def _arranged(value: Tensor, channels_last: bool) -> Tensor:
    if value.ndim != 5:
        return value
    return value.contiguous(
        memory_format=torch.channels_last_3d if channels_last else torch.contiguous_format
    )


def _laid_out(module: nn.Module, channels_last: bool) -> nn.Module:
    """Change the layout of 5D weights only: 4D and smaller ones are left alone."""
    for weight in module.parameters():
        if weight.ndim == 5:
            weight.data = _arranged(weight.data, channels_last)
    return module


def _synchronise(device: torch.device) -> None:
    """Wait for a GPU, which returns before it has finished."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
