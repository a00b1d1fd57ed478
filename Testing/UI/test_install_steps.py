"""An installation takes its steps, tries what it installed, remembers where it was, says what went wrong."""

from __future__ import annotations

import pytest
from LightSegUI.Dependencies import BROKEN
from LightSegUI.InstallError import InstallError, InstallStopped
from LightSegUI.InstallMemory import RESUME, InstallMemory
from LightSegUI.InstallPlan import GPU, Choice
from LightSegUI.ProcessWatch import ProcessWatch
from LightSegUI.PyTorchExtension import ABSENT, READY
from LightSegUI.Verification import Verified

from install_stand_ins import INTEL_MAC, Extension, Packages, lacking, makeInstaller, memory, works


def test_what_is_missing_is_installed_and_tried() -> None:
    packages = Packages(lacking("safetensors", "psutil", "torch"))
    steps: list[tuple[int, int, str]] = []
    outcome = makeInstaller(packages).install(Choice(), ProcessWatch(), lambda *step: steps.append(step))
    assert packages.done == ["safetensors>=0.4.2", "psutil>=5.9", "torch"]
    assert outcome.isComplete
    assert outcome.restart == ""
    assert "torch 1.0" in outcome.versions
    assert [(number, count) for number, count, _ in steps] == [(1, 3), (2, 3), (3, 3)]


def test_torch_is_asked_for_as_a_cpu_build() -> None:
    packages = Packages(lacking("torch"))
    extension = Extension(packages)
    makeInstaller(packages, extension).install(Choice(computeOn=GPU), ProcessWatch())
    assert extension.asked == [{"requirement": ">=2.2", "cpuOnly": True, "removeFirst": False}]


def test_what_slicer_brings_keeps_its_version() -> None:
    packages = Packages(lacking("safetensors"))
    makeInstaller(packages).install(Choice(), ProcessWatch())
    assert packages.kept == [("numpy", "scipy", "SimpleITK")]


def test_on_an_intel_mac_numpy_is_replaced_last() -> None:
    packages = Packages(lacking("torch"))
    makeInstaller(packages, machine=INTEL_MAC).install(Choice(), ProcessWatch())
    assert packages.done == ["torch", "numpy<2"]
    assert packages.kept == [("scipy", "SimpleITK")]


def test_after_the_extension_slicer_restarts_and_the_installation_goes_on() -> None:
    packages, settings = Packages(lacking("psutil", "torch")), memory()
    extension = Extension(packages, ABSENT)
    choice = Choice(computeOn=GPU)
    outcome = makeInstaller(packages, extension, settings=settings).install(choice, ProcessWatch())
    assert packages.done == ["psutil>=5.9", "PyTorch extension"]
    assert not outcome.isComplete
    assert "restarts" in outcome.restart

    extension.now = READY  # Slicer has restarted
    again = makeInstaller(packages, extension, settings=settings)
    assert again.memory.recall() == choice
    assert again.install(choice, ProcessWatch()).isComplete
    assert packages.done[-1] == "torch"
    assert again.memory.recall() is None


def test_a_damaged_memory_is_forgotten() -> None:
    settings = memory()
    for text in ("{", '{"unknown": 1}', "[1]"):
        settings.setText(RESUME, text)
        assert InstallMemory(settings).recall() is None


def test_a_plan_with_a_problem_is_not_begun() -> None:
    packages = Packages(lacking("torch"))
    with pytest.raises(InstallError, match="does not exist"):
        makeInstaller(packages).install(Choice(wheelFolder="/no/such/folder"), ProcessWatch())
    assert packages.done == []


def test_what_does_not_import_is_named_and_installed_anew_the_next_time() -> None:
    packages = Packages()
    extension = Extension(packages)
    answers = [
        Verified(errors={"torch": "OSError: [WinError 126] c10.dll"}),
        works(["torch"], ProcessWatch()),
    ]
    installer = makeInstaller(packages, extension, check=lambda names, watch: answers.pop(0))
    with pytest.raises(InstallError) as caught:
        installer.install(Choice(), ProcessWatch())
    assert "WinError 126" in caught.value.why
    assert "Visual C++" in caught.value.next_step
    assert [(item.name, item.problem) for item in installer.lacking()] == [("torch", BROKEN)]
    assert installer.install(Choice(), ProcessWatch()).isComplete
    assert extension.asked[0]["removeFirst"] is True
    assert installer.lacking() == []


def test_what_is_still_missing_afterwards_is_an_error() -> None:
    packages = Packages(lacking("safetensors"))
    packages.supply = lambda name: None
    with pytest.raises(InstallError, match=r"not complete.*safetensors"):
        makeInstaller(packages).install(Choice(), ProcessWatch())


def test_an_error_stands_in_the_log_as_well() -> None:
    packages, lines = Packages(lacking("torch")), []
    extension = Extension(packages)
    extension.installTorch = lambda *arguments, **options: 1 / 0
    with pytest.raises(InstallError, match="ZeroDivisionError"):
        makeInstaller(packages, extension).install(Choice(), ProcessWatch(lines.append))
    assert any("ZeroDivisionError" in line for line in lines)


def test_stopping_leaves_the_rest_undone() -> None:
    packages = Packages(lacking("safetensors", "torch"))
    watch = ProcessWatch(isStopped=lambda: bool(packages.done))
    with pytest.raises(InstallStopped):
        makeInstaller(packages).install(Choice(), watch)
    assert packages.done == ["safetensors>=0.4.2"]


def test_with_nothing_missing_the_packages_are_only_tried() -> None:
    packages = Packages()
    outcome = makeInstaller(packages).install(Choice(), ProcessWatch())
    assert packages.done == []
    assert outcome.isComplete


def test_a_package_in_use_that_was_replaced_asks_for_a_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    packages = Packages(lacking("torch"))
    versions = {"numpy": "2.4.6"}
    monkeypatch.setattr("LightSegUI.Installer.installedVersion", lambda name: versions.get(name, "1"))
    monkeypatch.setitem(__import__("sys").modules, "numpy", __import__("numpy"))
    supply = packages.supply
    packages.supply = lambda name: (versions.update(numpy="1.26.4"), supply(name))
    outcome = makeInstaller(packages, machine=INTEL_MAC).install(Choice(), ProcessWatch())
    assert outcome.isComplete
    assert "numpy" in outcome.restart
