"""Estimate what a forward pass needs before running it, and refuse with advice rather than crash.

The estimate comes from a rehearsal on torch's "meta" device: the real module runs on tensors that have shapes
but no content, and every tensor it makes is counted while it lives. That takes milliseconds and no memory,
but the first rehearsal of a process imports torch's shape rules, which takes about two seconds: rehearse when
a model is made or examined, keep the number (a model card is the place), and compare it with what is free at
every load.
"""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import psutil
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from LightSegLib.errors import OutOfMemoryError

_LOG = logging.getLogger(__name__)
T = TypeVar("T")
WORKSPACE = 2.5
"""Real over rehearsed peak: convolutions reorder their inputs and keep scratch space that no tensor shows
(1.2 to 2.3 times the rehearsed peak on CPUs, measured on five networks)."""
_HEADROOM = 0.9  # share of the free memory that may be planned with
_SAMPLING_SECONDS = 0.002
_CGROUP = Path("/sys/fs/cgroup")


def estimate_peak_bytes(module: nn.Module, example_inputs: Sequence[Tensor]) -> int | None:
    """Memory that one forward pass takes above the weights, in bytes, with scratch space allowed for.

    Inputs are not counted (they exist already), outputs are. The estimate is for the inputs' number format;
    autocast to a 16-bit format needs about half to two thirds of it.

    Args:
        module: the network, on any device; it is neither changed nor run on real data.
        example_inputs: tensors of the size that will be run; only shape and dtype are used.

    Returns:
        The estimate, or None when the network cannot be rehearsed (its control flow depends on values).
    """
    state: dict[str, Tensor] = dict(module.named_parameters(remove_duplicate=False))
    state |= dict(module.named_buffers(remove_duplicate=False))
    rehearsed = {name: torch.empty_like(value, device="meta") for name, value in state.items()}
    inputs = tuple(torch.empty(value.shape, dtype=value.dtype, device="meta") for value in example_inputs)
    training = module.training
    module.eval()
    try:
        with torch.no_grad(), _LiveBytes() as live:
            torch.func.functional_call(module, rehearsed, inputs)
    except (RuntimeError, NotImplementedError, TypeError, ValueError) as error:
        _LOG.debug("The network cannot be rehearsed, so its memory is not known: %s", error)
        return None
    finally:
        module.train(training)
    return int(live.peak * WORKSPACE)


def measure_peak_bytes(work: Callable[[], T], device: torch.device | str = "cpu") -> tuple[T, int]:
    """Run something and see how far memory rises meanwhile.

    On the CPU the process's resident memory is sampled every two milliseconds, so what other threads allocate
    counts too, and memory that an earlier run left with the allocator does not. On CUDA torch's own counter
    is read.

    Returns:
        What `work` returned, and the rise in bytes, at least 0. On Apple's GPU the rise of the process.
    """
    device = torch.device(device)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        result = work()
        torch.cuda.synchronize(device)
        return result, max(0, torch.cuda.max_memory_allocated(device) - before)
    process = psutil.Process()
    before = highest = process.memory_info().rss
    finished = threading.Event()

    def watch() -> None:
        nonlocal highest
        while not finished.wait(_SAMPLING_SECONDS):
            highest = max(highest, process.memory_info().rss)

    watcher = threading.Thread(target=watch, name="lightseg-memory", daemon=True)
    watcher.start()
    try:
        result = work()
        highest = max(highest, process.memory_info().rss)
    finally:
        finished.set()
        watcher.join()
    return result, highest - before


def available_bytes(device: torch.device | str = "cpu") -> int:
    """Memory that can be had on a device now: free memory of the machine, its container, or the GPU."""
    device = torch.device(device)
    if device.type == "cuda":
        free, _total = torch.cuda.mem_get_info(device)
        cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(free + cached)
    if device.type == "mps":
        return int(torch.mps.recommended_max_memory() - torch.mps.current_allocated_memory())
    return min(int(psutil.virtual_memory().available), _container_bytes())


def check_memory(
    needed_bytes: int | None, device: torch.device | str = "cpu", what: str = "This step"
) -> None:
    """Refuse work that will not fit, before it starts.

    Args:
        needed_bytes: estimate of `estimate_peak_bytes`; None (not known) is let through.
        device: where the work will run.
        what: the work, as the subject of the message's first sentence.

    Raises:
        OutOfMemoryError: more is needed than 90 % of what is free; says both numbers and what to do.
    """
    if needed_bytes is None:
        return
    free = available_bytes(device)
    if needed_bytes <= _HEADROOM * free:
        return
    raise out_of_memory(
        what, torch.device(device), f"needs about {mib(needed_bytes)}, and {mib(free)} are free"
    )


def out_of_memory(what: str, device: torch.device, detail: str) -> OutOfMemoryError:
    """The error that says what did not fit where, with advice that suits the device."""
    place = "this computer's memory" if device.type == "cpu" else f"the memory of {device}"
    advice = "Close other programs or images, or choose a smaller model"
    if device.type != "cpu":
        advice = "Choose the CPU (device='cpu') or a smaller model, or close other programs that use the GPU"
    return OutOfMemoryError(f"{what} does not fit into {place}", f"It {detail}", advice)


def mib(size: int) -> str:
    """A size in bytes as a person reads it: "340 MiB", "2.1 GiB"."""
    return f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{size / 2**20:.0f} MiB"


class _LiveBytes(TorchFunctionMode):
    """Counts the bytes of storages that torch functions make, while they live; `peak` is the largest sum."""

    def __init__(self) -> None:
        super().__init__()
        self.peak = 0
        self._now = 0
        self._known: set[int] = set()

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        inputs = {_storage_key(value) for value in _flat(args)}  # views and in-place results make no storage
        for value in _flat(result):
            key = _storage_key(value)
            if key not in self._known and key not in inputs:
                self._add(value, key)
        return result

    def _add(self, value: Tensor, key: int) -> None:
        storage = value.untyped_storage()
        size = storage.nbytes()
        self._known.add(key)
        self._now += size
        self.peak = max(self.peak, self._now)
        weakref.finalize(storage, self._remove, key, size).atexit = False

    def _remove(self, key: int, size: int) -> None:
        self._known.discard(key)
        self._now -= size


def _storage_key(value: Tensor) -> int:
    return int(value.untyped_storage()._cdata)


def _flat(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, (tuple, list)):
        return [tensor for item in value for tensor in _flat(item)]
    return []


def _container_bytes() -> int:
    """What a Linux container (cgroup v2) may still take; practically unlimited where there is no limit."""
    try:
        limit = (_CGROUP / "memory.max").read_text(encoding="ascii").strip()
        used = (_CGROUP / "memory.current").read_text(encoding="ascii").strip()
    except OSError:
        return 2**62
    return max(0, int(limit) - int(used)) if limit.isdecimal() and used.isdecimal() else 2**62
