"""The installation window says what it would do, does it when told, stays alive meanwhile, and resumes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import qt
import slicer
from LightSegUI import InstallDialog as module
from LightSegUI.InstallDialog import InstallDialog, openDialog, resumeIfPending
from LightSegUI.InstallError import InstallError
from LightSegUI.InstallMemory import InstallMemory
from LightSegUI.InstallPlan import GPU, Choice
from LightSegUI.PyTorchExtension import ABSENT, READY, RESTART
from LightSegUI.Settings import Settings

from install_stand_ins import (
    DEEP_WINDOWS,
    INTEL_MAC,
    LINUX,
    Extension,
    Packages,
    lacking,
    makeInstaller,
    memory,
)

OK = qt.QMessageBox.Ok
CANCEL = qt.QMessageBox.Cancel


def dialog(packages: Packages, **options) -> InstallDialog:
    forDialog = {name: options.pop(name) for name in ("onDone", "restart", "chooseFolder") if name in options}
    return InstallDialog(makeInstaller(packages, **options), **forDialog)


def status(window: InstallDialog) -> str:
    return window.form.statusLabel.text


# --- Before -------------------------------------------------------------------------------------------------


def test_opening_says_what_is_missing_and_does_nothing(host) -> None:
    packages = Packages(lacking("safetensors", "torch"))
    window = dialog(packages)
    window.show()
    assert packages.done == []
    text = window.form.introLabel.text
    assert "safetensors 0.4.2 or later: not installed" in text
    assert "PyTorch for the CPU: torch>=2.2" in text
    assert window.form.installButton.text == "Install"
    assert window.form.installButton.isEnabled()
    assert not window.form.stopButton.isEnabled()
    assert not window.form.restartButton.isVisible()
    window.form.close()


def test_without_a_gpu_there_is_no_choice_of_one(host) -> None:
    window = dialog(Packages(lacking("torch")))
    window.setChoice(Choice(computeOn=GPU))
    window.show()
    assert not window.form.devices.isVisible()
    assert window.choice().computeOn == "cpu"


def test_with_a_gpu_the_cpu_is_chosen_unless_the_user_wants_the_gpu(host) -> None:
    window = dialog(Packages(lacking("torch")), machine=replace(LINUX, hasNvidia=True))
    window.show()
    assert window.form.devices.isVisible()
    assert window.choice().computeOn == "cpu"
    window.form.gpuButton.setChecked(True)
    assert window.choice().computeOn == "gpu"
    assert "PyTorch for the NVIDIA GPU" in window.form.introLabel.text


@pytest.mark.parametrize(("machine", "words"), [(DEEP_WINDOWS, "too long"), (INTEL_MAC, "numpy")])
def test_what_is_special_here_is_said(host, machine, words: str) -> None:
    window = dialog(Packages(lacking("torch")), machine=machine)
    window.show()
    assert words in window.form.noticeLabel.text
    assert window.form.noticeLabel.isVisible()


def test_a_problem_disables_the_button_and_is_its_tooltip(host) -> None:
    window = dialog(Packages(lacking("torch")), machine=replace(LINUX, canWrite=False))
    assert not window.form.installButton.isEnabled()
    assert "cannot be written to" in window.form.installButton.toolTip
    assert "cannot be written to" in window.form.noticeLabel.text


def test_a_folder_of_wheels_is_chosen_and_looked_into(host, tmp_path: Path) -> None:
    (tmp_path / "torch-2.13.0-py3-none-any.whl").touch()
    window = dialog(Packages(lacking("torch")), chooseFolder=lambda parent, before: str(tmp_path))
    assert not window.form.folderButton.isEnabled()
    window.form.wheelsBox.setChecked(True)
    window.form.folderButton.click()
    assert window.choice().wheelFolder == str(tmp_path)
    assert "Packages from the folder of wheels" in window.form.introLabel.text
    assert window.form.installButton.isEnabled()


def test_a_folder_that_lacks_wheels_shows_the_command_that_gets_them(host, tmp_path: Path) -> None:
    window = dialog(Packages(lacking("torch")))
    window.setChoice(Choice(wheelFolder=str(tmp_path)))
    assert not window.form.installButton.isEnabled()
    assert "pip download" in window.form.noticeLabel.text


# --- While it runs ------------------------------------------------------------------------------------------


def test_one_press_installs_tries_and_shows_versions(host) -> None:
    packages, told = Packages(lacking("safetensors", "torch")), []
    window = dialog(packages, onDone=lambda: told.append(1))
    window.show()
    window.form.installButton.click()
    assert packages.done == ["safetensors>=0.4.2", "torch"]
    assert "Everything is there and works" in status(window)
    assert "torch 1.0" in status(window)
    assert "LightSeg has all the packages it needs." in window.form.introLabel.text
    assert window.form.installButton.text == "Check again"
    assert told


def test_the_window_answers_while_it_runs(host) -> None:
    packages = Packages(lacking("safetensors"))
    seen = {}

    def look(requirements, watch, options=(), keep=()) -> None:
        watch.say("Downloading")
        form = window.form
        seen.update(
            install=form.installButton.isEnabled(),
            stop=form.stopButton.isEnabled(),
            status=form.statusLabel.text,
            bar=form.progressBar.isVisible(),
            closes=form.close(),
            log=form.logView.toPlainText(),
        )
        Packages.install(packages, requirements, watch, options, keep)

    packages.install = look
    window = dialog(packages)
    window.show()
    window.form.installButton.click()
    assert seen["install"] is False
    assert seen["stop"] is True
    assert seen["bar"] is True
    assert seen["closes"] is False
    assert "Step 1 of 2: Packages (0:0" in seen["status"]
    assert "Downloading" in seen["log"]
    assert not window.form.progressBar.isVisible()
    assert window.form.isVisible()


def test_without_a_log_the_texts_stay_together_at_the_top(host) -> None:
    window = dialog(Packages([]))
    window.show()
    host.pump()
    form = window.form
    assert not form.logView.isVisible()
    assert form.introLabel.height < form.height / 4
    assert form.wheelsBox.y < form.height / 3


def test_nothing_else_can_be_worked_on_meanwhile(host) -> None:
    window = dialog(Packages(lacking("torch")))
    window.show()
    assert window.form.windowModality == qt.Qt.ApplicationModal


def test_stop_ends_it_and_says_how_to_go_on(host) -> None:
    packages = Packages(lacking("safetensors", "torch"))

    def stopMeanwhile(requirements, watch, options=(), keep=()) -> None:
        window.form.stopButton.click()
        watch.checkStopped()

    packages.install = stopMeanwhile
    window = dialog(packages)
    window.show()
    window.form.installButton.click()
    assert "The installation was stopped" in status(window)
    assert "Press Install to go on" in status(window)
    assert window.form.installButton.isEnabled()


def test_progress_of_a_download_is_shown(host) -> None:
    window = dialog(Packages())
    window.show()
    window._showProgress(0.0)
    assert window.form.progressBar.maximum == 0
    window._showProgress(0.5)
    assert window.form.progressBar.value == 50


# --- When it fails ------------------------------------------------------------------------------------------


def failing(packages: Packages) -> InstallDialog:
    def fail(requirements, watch, options=(), keep=()) -> None:
        watch.say("ERROR: No matching distribution found for safetensors")
        raise InstallError("safetensors could not be installed", "ERROR: No matching distribution", "Do this")

    packages.install = fail
    return dialog(packages)


def test_a_failure_shows_what_why_and_the_next_step(host) -> None:
    window = failing(Packages(lacking("safetensors")))
    window.form.installButton.click()
    assert status(window) == ("safetensors could not be installed. ERROR: No matching distribution. Do this.")
    assert window.form.installButton.isEnabled()


def test_the_log_is_copied_with_versions_at_its_top(host) -> None:
    window = failing(Packages(lacking("safetensors")))
    window.form.installButton.click()
    window.form.copyButton.click()
    copied = slicer.app.clipboard().text()
    assert copied.startswith("Slicer      5.12.3")
    assert LINUX.sitePackages in copied
    assert "numpy " in copied
    assert "ERROR: No matching distribution found for safetensors" in copied


# --- Restart ------------------------------------------------------------------------------------------------


def test_after_the_extension_a_restart_is_offered_and_asked_for(host) -> None:
    packages, settings, restarts = Packages(lacking("torch")), memory(), []
    extension = Extension(packages, ABSENT)
    window = dialog(packages, extension=extension, settings=settings, restart=lambda: restarts.append(1))
    window.show()
    window.form.installButton.click()
    assert packages.done == ["PyTorch extension"]
    assert window.form.restartButton.isVisible()
    assert "restarts" in status(window)
    host.dialogs.answer(CANCEL)
    window.form.restartButton.click()
    assert restarts == []
    host.dialogs.answer(OK)
    window.form.restartButton.click()
    assert restarts == [1]
    assert InstallMemory(settings).recall() == Choice()


def test_after_the_restart_the_window_is_where_it_was(host) -> None:
    packages, settings = Packages(lacking("torch")), memory()
    InstallMemory(settings).keep(Choice(computeOn=GPU))
    window = dialog(packages, settings=settings, machine=replace(LINUX, hasNvidia=True))
    assert window.choice() == Choice(computeOn=GPU)
    assert "Slicer has restarted" in status(window)
    assert packages.done == []
    window.form.installButton.click()
    assert packages.done == ["torch"]
    assert InstallMemory(settings).recall() is None


def test_closing_the_window_forgets_unless_a_restart_is_due(host) -> None:
    settings = memory()
    InstallMemory(settings).keep(Choice())
    window = dialog(Packages(lacking("torch")), settings=settings)
    window.show()
    window.form.closeButton.click()
    assert InstallMemory(settings).recall() is None

    InstallMemory(settings).keep(Choice())
    packages = Packages(lacking("torch"))
    window = dialog(packages, settings=settings, extension=Extension(packages, RESTART))
    window.show()
    assert window.form.restartButton.isVisible()
    window.form.closeButton.click()
    assert InstallMemory(settings).recall() == Choice()


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Packages:
    """openDialog and resumeIfPending work on stand-ins."""
    packages = Packages(lacking("torch"))
    monkeypatch.setattr(
        module.Installer,
        "forSlicer",
        lambda: makeInstaller(packages, Extension(packages, READY), settings=Settings()),
    )
    monkeypatch.setattr(module.Installer, "missing", staticmethod(packages.look))
    return packages


def test_the_window_is_shown_once(host, stand_in: Packages) -> None:
    first = openDialog()
    assert openDialog() is first
    first.form.close()
    assert openDialog() is not first
    module._open[0].form.close()


def test_nothing_opens_at_start_unless_an_installation_waits(host, stand_in: Packages) -> None:
    assert resumeIfPending() is None
    InstallMemory(Settings()).keep(Choice())
    window = resumeIfPending()
    assert window is not None
    assert window.form.isVisible()
    window.form.close()


def test_nothing_opens_if_everything_has_come_meanwhile(host, stand_in: Packages) -> None:
    InstallMemory(Settings()).keep(Choice())
    stand_in.missing.clear()
    assert resumeIfPending() is None
    assert InstallMemory(Settings()).recall() is None
