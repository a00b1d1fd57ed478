"""When a GPU runs out of memory, the same step is repeated on the CPU, and the user is told."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from LightSegLib.runtime.memory import out_of_memory

_LOG = logging.getLogger(__name__)
_CPU = torch.device("cpu")
_CPU_SIGNS = ("can't allocate memory", "not enough memory", "std::bad_alloc")
T = TypeVar("T")


class FallbackWarning(RuntimeWarning):
    """A step did not fit on the GPU and ran on the CPU."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that memory ran out, on whatever device; each device says it in its own way."""
    if isinstance(error, (MemoryError, torch.cuda.OutOfMemoryError)):
        return True
    if not isinstance(error, RuntimeError):
        return False
    text = str(error)
    return "out of memory" in text.lower() or any(sign in text for sign in _CPU_SIGNS)


def run_with_fallback(
    attempt: Callable[[torch.device], T], device: torch.device, what: str = "This step"
) -> tuple[T, torch.device]:
    """Run a step on a device, and on the CPU if the device has too little memory for it.

    Args:
        attempt: the step; called with the device to use, at most twice. It must be repeatable.
        device: where to try first.
        what: the step, as the subject of a sentence, for the messages.

    Returns:
        What the step returned, and the device it ran on.

    Raises:
        OutOfMemoryError: the CPU has too little memory as well. Other errors of the step come through
        unchanged.
    """
    if device.type != "cpu":
        try:
            return attempt(device), device
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            detail = _first_line(error)
        # Only outside the handler, where no traceback holds the failed step's tensors, can they be freed.
        _release(device)
        _warn(f"{what} did not fit into the memory of {device} and runs on the CPU instead. {detail}")
    try:
        return attempt(_CPU), _CPU
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise out_of_memory(what, _CPU, "stopped while it asked for more than there is") from error


class FallbackRunner:
    """Runs a module on its device and moves it to the CPU for good once the device has run out of memory.

    Staying on the CPU costs time on every later click, but trying the GPU again would cost a failed attempt
    on every one; `use(device)` goes back.

    Args:
        module: the network; the runner moves it between devices, so nobody else should.
        device: where to run it first.
        forward: how to run it, called as forward(module, *inputs); default: module(*inputs) in inference
            mode.
        what: the network, as the subject of a sentence, for the messages.
    """

    def __init__(
        self,
        module: nn.Module,
        device: torch.device,
        forward: Callable[..., Any] | None = None,
        what: str = "The network",
    ) -> None:
        self._module = module
        self._forward = forward or _plain_forward
        self._what = what
        _, self._device = run_with_fallback(lambda place: self._move(module, place), device, what)

    @property
    def device(self) -> torch.device:
        """Where the next run happens."""
        return self._device

    def use(self, device: torch.device) -> None:
        """Run on this device from now on."""
        self._move(self._module, device)
        self._device = device

    def __call__(self, *inputs: Tensor) -> Any:
        """Run the module on the inputs; see `run`."""
        return self.run(self._forward, *inputs)

    def run(self, forward: Callable[..., Any], *inputs: Tensor) -> Any:
        """Run the module in another way than usual.

        Args:
            forward: called as forward(module, *inputs), at most twice.
            inputs: tensors on any device; they are moved to where the module runs.

        Returns:
            What `forward` returns, on the device that `device` names afterwards.

        Raises:
            OutOfMemoryError: the CPU has too little memory as well.
        """

        def attempt(device: torch.device) -> Any:
            if device != self._device:
                self.use(device)
            return forward(self._module, *(self._move(value, device) for value in inputs))

        result, _device = run_with_fallback(attempt, self._device, self._what)
        return result

    def _move(self, value: Any, device: torch.device) -> Any:
        return value.to(device)


def _plain_forward(module: nn.Module, *inputs: Tensor) -> Any:
    with torch.inference_mode():
        return module(*inputs)


def _warn(message: str) -> None:
    _LOG.warning(message)
    warnings.warn(message, FallbackWarning, stacklevel=4)


def _release(device: torch.device) -> None:
    """Give the cached memory of a GPU back, so that other programs (Slicer's own rendering) can have it."""
    if device.type == "cuda" and torch.cuda.is_available():
        torch.cuda.empty_cache()
    elif device.type == "mps" and torch.backends.mps.is_available():
        torch.mps.empty_cache()


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
