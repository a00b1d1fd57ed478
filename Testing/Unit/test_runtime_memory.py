"""Memory is estimated before a forward pass, and refused with advice when there is too little."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from LightSegLib.errors import OutOfMemoryError
from LightSegLib.runtime import memory
from LightSegLib.runtime.memory import (
    WORKSPACE,
    available_bytes,
    check_memory,
    estimate_peak_bytes,
    measure_peak_bytes,
    mib,
)

MIB = 2**20


class Steps(nn.Module):
    """Makes tensors of 16 channels one after the other: two live at a time, with `keep` four at the end."""

    def __init__(self, keep: bool) -> None:
        super().__init__()
        self.first = nn.Conv3d(1, 16, 1)
        self.second = nn.Conv3d(16, 16, 1)
        self.third = nn.Conv3d(16, 16, 1)
        self.keep = keep

    def forward(self, x: Tensor) -> Tensor:
        a = self.first(x)
        b = self.second(a)
        if not self.keep:
            del a
            return self.third(b)
        return self.third(b) + a


class Undecided(nn.Module):
    """Looks at values to decide what to do, which a rehearsal without values cannot."""

    def forward(self, x: Tensor) -> Tensor:
        return x if bool(x.sum() > 0) else -x


def voxels(edge: int) -> Tensor:
    return torch.zeros(1, 1, edge, edge, edge)


def test_the_estimate_counts_what_lives_at_the_same_time() -> None:
    tensor = 16 * 32**3 * 4
    assert estimate_peak_bytes(Steps(keep=False), [voxels(32)]) == 2 * tensor * WORKSPACE
    assert estimate_peak_bytes(Steps(keep=True), [voxels(32)]) == 4 * tensor * WORKSPACE


def test_the_estimate_grows_with_the_patch() -> None:
    small, large = (estimate_peak_bytes(Steps(keep=True), [voxels(edge)]) for edge in (16, 32))
    assert small is not None
    assert large == 8 * small


def test_a_huge_patch_is_estimated_without_taking_the_memory() -> None:
    huge = torch.empty(1, 1, 1, 1, 1).expand(1, 1, 1000, 1000, 1000)
    needed = estimate_peak_bytes(Steps(keep=True), [huge])
    assert needed == 4 * 16 * 1000**3 * 4 * WORKSPACE


def test_views_and_in_place_steps_cost_nothing() -> None:
    module = nn.Sequential(nn.Conv3d(1, 8, 1), nn.ReLU(inplace=True), nn.Flatten())
    assert estimate_peak_bytes(module, [voxels(16)]) == 8 * 16**3 * 4 * WORKSPACE


def test_the_module_is_left_as_it_was() -> None:
    module = Steps(keep=True).train()
    before = [weight.clone() for weight in module.parameters()]
    estimate_peak_bytes(module, [voxels(8)])
    assert module.training
    assert all(torch.equal(a, b) for a, b in zip(before, module.parameters(), strict=True))


def test_a_network_that_decides_by_values_has_no_estimate_and_is_let_through() -> None:
    needed = estimate_peak_bytes(Undecided(), [voxels(4)])
    assert needed is None
    check_memory(needed)


def test_what_fits_is_let_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available_bytes", lambda device: 100 * MIB)
    check_memory(90 * MIB)


def test_what_does_not_fit_is_refused_with_numbers_and_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available_bytes", lambda device: 100 * MIB)
    with pytest.raises(OutOfMemoryError, match=r"This click does not fit.*91 MiB.*100 MiB") as caught:
        check_memory(91 * MIB, "cpu", "This click")
    assert "smaller model" in caught.value.next_step


def test_on_a_gpu_the_advice_is_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available_bytes", lambda device: MIB)
    with pytest.raises(OutOfMemoryError, match="cuda:0") as caught:
        check_memory(2 * MIB, "cuda:0")
    assert "cpu" in caught.value.next_step


def test_a_container_limit_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text("3000000\n", encoding="ascii")
    (tmp_path / "memory.current").write_text("1000000\n", encoding="ascii")
    monkeypatch.setattr(memory, "_CGROUP", tmp_path)
    assert available_bytes("cpu") == 2_000_000


def test_without_a_container_limit_free_memory_is_the_machines(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(memory, "_CGROUP", tmp_path)
    assert 0 < available_bytes() < 2**62


def test_measuring_returns_the_result_and_never_a_negative_rise() -> None:
    result, rise = measure_peak_bytes(lambda: sum(range(10)))
    assert result == 45
    assert rise >= 0


def test_measuring_sees_an_allocation() -> None:
    _, rise = measure_peak_bytes(lambda: torch.ones(64 * MIB // 4))
    assert rise > 32 * MIB


def test_an_error_while_measuring_comes_through() -> None:
    with pytest.raises(ZeroDivisionError):
        measure_peak_bytes(lambda: 1 // 0)


@pytest.mark.parametrize(("size", "text"), [(340 * MIB, "340 MiB"), (int(2.1 * 2**30), "2.1 GiB")])
def test_sizes_are_written_for_people(size: int, text: str) -> None:
    assert mib(size) == text
