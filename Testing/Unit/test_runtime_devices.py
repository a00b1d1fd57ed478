"""Choosing a device and a number of threads."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from LightSegLib.errors import DeviceError
from LightSegLib.runtime import devices
from LightSegLib.runtime.devices import (
    available_devices,
    choose_device,
    describe_device,
    set_thread_count,
    thread_count,
)
from LightSegLib.runtime.processor import cpu_flags


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that claims two CUDA devices which compute, and no other accelerator."""
    monkeypatch.setattr(devices, "_cuda_count", lambda: 2)
    monkeypatch.setattr(devices, "_computes", lambda name: True)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with a CPU only."""
    monkeypatch.setattr(devices, "_cuda_count", lambda: 0)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


def test_the_cpu_is_always_there_and_listed_last() -> None:
    assert available_devices()[-1] == "cpu"


@pytest.mark.usefixtures("no_gpu")
def test_auto_takes_the_cpu_where_there_is_no_gpu() -> None:
    assert choose_device() == torch.device("cpu")


@pytest.mark.usefixtures("two_gpus")
def test_auto_takes_the_first_gpu_where_there_is_one() -> None:
    assert choose_device("auto") == torch.device("cuda:0")


@pytest.mark.usefixtures("two_gpus")
@pytest.mark.parametrize(
    ("name", "device"), [("cuda", "cuda:0"), ("cuda:1", "cuda:1"), (" CUDA:1 ", "cuda:1"), ("CPU", "cpu")]
)
def test_a_named_device_is_taken_as_named(name: str, device: str) -> None:
    assert choose_device(name) == torch.device(device)


@pytest.mark.usefixtures("two_gpus")
def test_a_gpu_that_is_not_there_is_refused_with_what_is() -> None:
    with pytest.raises(DeviceError, match="cuda:0, cuda:1, cpu"):
        choose_device("cuda:2")


@pytest.mark.usefixtures("no_gpu")
@pytest.mark.parametrize("name", ["cuda", "cuda:0", "mps"])
def test_a_gpu_on_a_machine_without_one_is_refused_with_the_way_out(name: str) -> None:
    with pytest.raises(DeviceError, match="auto") as caught:
        choose_device(name)
    assert caught.value.next_step


@pytest.mark.parametrize("name", ["", "gpu", "cuda:x", "cuda:-1", "tpu"])
def test_a_name_that_means_nothing_is_refused_with_the_names_that_do(name: str) -> None:
    with pytest.raises(DeviceError, match="auto, cpu, cuda"):
        choose_device(name)


def test_a_gpu_that_is_listed_but_does_not_compute_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "_cuda_count", lambda: 1)
    monkeypatch.setattr(devices, "_computes", lambda name: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert available_devices() == ("cpu",)


def test_one_core_is_left_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(devices, "usable_cores", lambda: 8)
    assert thread_count() == 7


def test_a_single_core_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(devices, "usable_cores", lambda: 1)
    assert thread_count() == 1


def test_the_environment_may_say_how_many_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert thread_count() == 3


def test_a_container_quota_limits_the_cores(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    quota = tmp_path / "cpu.max"
    quota.write_text("250000 100000\n", encoding="ascii")
    monkeypatch.setattr(devices, "_CGROUP_QUOTA", quota)
    assert devices._container_cores(otherwise=64) == 2
    quota.write_text("max 100000\n", encoding="ascii")
    assert devices._container_cores(otherwise=64) == 64
    monkeypatch.setattr(devices, "_CGROUP_QUOTA", tmp_path / "missing")
    assert devices._container_cores(otherwise=64) == 64


def test_threads_are_set_for_torch() -> None:
    before = torch.get_num_threads()
    try:
        assert set_thread_count(1) == 1
        assert torch.get_num_threads() == 1
        assert set_thread_count(0) == 1
    finally:
        torch.set_num_threads(before)


def test_the_cpu_is_described_with_its_cores() -> None:
    assert "cores" in describe_device("cpu")


@pytest.mark.parametrize("key", ["flags\t\t", "Features\t"])
def test_instruction_sets_are_read_from_the_system(tmp_path: Path, key: str) -> None:
    source = tmp_path / "cpuinfo"
    source.write_text(f"processor\t: 0\n{key}: fpu AVX512_BF16 amx_bf16\n", encoding="ascii")
    assert {"avx512_bf16", "amx_bf16"} <= cpu_flags(source)


def test_a_system_that_lists_no_instruction_sets_gives_none(tmp_path: Path) -> None:
    assert cpu_flags(tmp_path / "missing") == frozenset()
