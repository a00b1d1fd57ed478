"""What an installation would do is decided beforehand: from what is missing, the computer and the choice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from LightSegUI.Dependencies import BROKEN, NEW, OLD
from LightSegUI.InstallPlan import GPU, Choice, Plan, makePlan
from LightSegUI.PyTorchExtension import ABSENT, DISABLED, RESTART

from install_stand_ins import DEEP_WINDOWS, INTEL_MAC, LINUX, WINDOWS, lacking


def kinds(plan: Plan) -> list[str]:
    return [step.kind for step in plan.steps]


def test_nothing_missing_means_nothing_to_do() -> None:
    assert makePlan([], LINUX, Choice()) == Plan()


def test_packages_come_before_torch() -> None:
    plan = makePlan(lacking("safetensors", "psutil", "torch"), LINUX, Choice())
    assert kinds(plan) == ["packages", "torch"]
    assert plan.steps[0].requirements == ("safetensors>=0.4.2", "psutil>=5.9")
    assert plan.steps[1].requirements == (">=2.2",)
    assert plan.problems == ()


def test_without_the_extension_it_is_installed_first() -> None:
    assert kinds(makePlan(lacking("torch"), LINUX, Choice(), ABSENT)) == ["extension", "torch"]


def test_an_extension_that_waits_for_a_restart_or_is_switched_off_is_a_problem() -> None:
    (restart,) = makePlan(lacking("torch"), LINUX, Choice(), RESTART).problems
    assert "Restart Slicer" in restart
    (disabled,) = makePlan(lacking("torch"), LINUX, Choice(), DISABLED).problems
    assert "switched off" in disabled


def test_the_extension_does_not_matter_where_torch_is_there() -> None:
    plan = makePlan(lacking("safetensors"), LINUX, Choice(), RESTART)
    assert plan.problems == ()
    assert kinds(plan) == ["packages"]


def test_the_gpu_is_used_only_where_there_is_one() -> None:
    wanted = Choice(computeOn=GPU)
    with_gpu = makePlan(lacking("torch"), replace(LINUX, hasNvidia=True), wanted)
    without = makePlan(lacking("torch"), LINUX, wanted)
    assert "GPU" in with_gpu.steps[0].title
    assert "CPU" in without.steps[0].title


def test_a_short_folder_on_windows_takes_any_torch() -> None:
    plan = makePlan(lacking("torch"), WINDOWS, Choice())
    assert plan.steps[0].requirements == (">=2.2",)
    assert plan.notices == ()


def test_slicers_usual_folder_on_windows_takes_a_torch_before_2_13() -> None:
    plan = makePlan(lacking("torch"), DEEP_WINDOWS, Choice())
    assert plan.steps[0].requirements == (">=2.2,<2.13",)
    assert plan.problems == ()
    (notice,) = plan.notices
    assert "C:\\Slicer" in notice
    assert str(len(DEEP_WINDOWS.sitePackages)) in notice


def test_a_very_long_folder_on_windows_takes_no_torch() -> None:
    plan = makePlan(lacking("torch"), replace(WINDOWS, sitePackages="C:\\" + "x" * 140), Choice())
    (problem,) = plan.problems
    assert "Install Slicer into a short folder" in problem


def test_the_length_of_a_path_does_not_matter_elsewhere() -> None:
    plan = makePlan(lacking("torch"), replace(LINUX, sitePackages="/" + "x" * 300), Choice())
    assert plan.steps[0].requirements == (">=2.2",)


def test_an_intel_mac_gets_torch_2_2_and_numpy_below_2_as_the_last_step() -> None:
    plan = makePlan(lacking("safetensors", "torch"), INTEL_MAC, Choice())
    assert kinds(plan) == ["packages", "torch", "numpy"]
    assert plan.steps[1].requirements == (">=2.2,<2.3",)
    assert plan.steps[2].requirements == ("numpy<2",)
    assert any("Slicer has to restart" in notice for notice in plan.notices)


def test_an_arm_mac_gets_what_others_get() -> None:
    plan = makePlan(lacking("torch"), replace(INTEL_MAC, processor="arm64"), Choice())
    assert kinds(plan) == ["torch"]


def test_a_numpy_that_is_too_new_for_torch_is_replaced() -> None:
    plan = makePlan(lacking("numpy", problem=NEW, found="2.4.6"), INTEL_MAC, Choice())
    assert kinds(plan) == ["numpy"]


def test_what_slicer_brings_is_not_replaced_when_old() -> None:
    plan = makePlan(lacking("numpy", problem=OLD, found="1.20"), LINUX, Choice())
    assert plan.steps == ()
    (problem,) = plan.problems
    assert "only 1.20 is installed" in problem
    assert "Slicer 5.10 or later" in problem


def test_broken_packages_are_replaced_without_touching_others() -> None:
    plan = makePlan(lacking("scipy", "torch", problem=BROKEN), LINUX, Choice())
    assert plan.steps[0].options == ("--force-reinstall", "--no-deps")
    assert all(step.repair for step in plan.steps if step.kind == "torch")


def test_a_folder_that_cannot_be_written_to_is_a_problem() -> None:
    (problem,) = makePlan(lacking("psutil"), replace(LINUX, canWrite=False), Choice()).problems
    assert LINUX.sitePackages in problem


def test_little_room_on_the_disk_is_said() -> None:
    plan = makePlan(lacking("torch"), replace(LINUX, freeBytes=500_000_000), Choice())
    assert any("0.5 GB free" in notice for notice in plan.notices)


def wheels(folder: Path, *names: str) -> Choice:
    for name in names:
        (folder / f"{name}-9.9-py3-none-any.whl").touch()
    return Choice(wheelFolder=str(folder))


def test_a_folder_of_wheels_installs_torch_too_and_needs_no_extension(tmp_path: Path) -> None:
    choice = wheels(tmp_path, "safetensors", "torch")
    plan = makePlan(lacking("safetensors", "torch"), LINUX, choice, ABSENT)
    (step,) = plan.steps
    assert step.requirements == ("safetensors>=0.4.2", "torch>=2.2")
    assert step.options == ("--no-index", "--find-links", str(tmp_path))
    assert plan.problems == ()


def test_wheels_are_compared_as_pip_compares_names(tmp_path: Path) -> None:
    assert makePlan(lacking("SimpleITK"), LINUX, wheels(tmp_path, "simpleitk")).problems == ()


def test_wheels_that_lack_are_named_with_the_command_that_gets_them(tmp_path: Path) -> None:
    choice = wheels(tmp_path, "safetensors")
    (problem,) = makePlan(lacking("safetensors", "torch"), DEEP_WINDOWS, choice).problems
    assert "no wheel of torch" in problem
    assert 'pip download --dest wheels --only-binary=:all: "safetensors>=0.4.2" "torch>=2.2,<2.13"' in problem


def test_wheels_for_linux_are_fetched_without_cuda(tmp_path: Path) -> None:
    (problem,) = makePlan(lacking("torch"), LINUX, wheels(tmp_path)).problems
    assert "https://download.pytorch.org/whl/cpu" in problem


@pytest.mark.parametrize("machine", [LINUX, WINDOWS])
def test_a_folder_that_does_not_exist_is_said(machine, tmp_path: Path) -> None:
    (problem,) = makePlan(lacking("torch"), machine, Choice(wheelFolder=str(tmp_path / "none"))).problems
    assert "does not exist" in problem


def test_an_intel_mac_takes_numpy_from_the_folder_too(tmp_path: Path) -> None:
    plan = makePlan(lacking("torch"), INTEL_MAC, wheels(tmp_path, "torch", "numpy"))
    assert kinds(plan) == ["packages", "numpy"]
    assert plan.steps[1].options[0] == "--no-index"
    assert plan.problems == ()
