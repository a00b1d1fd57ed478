"""Model, device, measurement, report and installation in the panel."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import qt

from panel_world import World

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def world(host: Any) -> Any:
    """The module open, with an image in the slice views."""
    world = World(host)
    world.addBall()
    yield world.open()
    world.gate.set()


@pytest.fixture
def textModel(tmp_path: Path) -> Path:
    """A model folder whose card says that it understands names, under another license."""
    source = ROOT / "Resources" / "Models" / "veloxseg-small"
    folder = tmp_path / "speaking"
    folder.mkdir()
    card = json.loads((source / "card.json").read_text(encoding="utf-8"))
    card["id"], card["licence"], card["limits"] = "speaking", "Apache-2.0", "Bones."
    card["capabilities"]["text"] = True
    (folder / "card.json").write_text(json.dumps(card), encoding="utf-8")
    shutil.copy(source / "model.safetensors", folder)
    return folder


# --- Model and device -------------------------------------------------------------------------------------


def test_the_model_is_shown_with_its_license_and_what_it_takes(world: World) -> None:
    assert world.ui.modelChooser.currentText == world.logic.modelCard.id
    assert world.logic.modelCard.licence in world.ui.licenceLabel.text
    assert "points" in world.ui.modelChooser.toolTip


def test_another_model_brings_its_license_and_its_abilities(world: World, textModel: Path) -> None:
    assert not world.panel.tools.textLine.isEnabled()
    world.logic.setModel(str(textModel))
    world.host.pump()
    assert world.ui.modelChooser.currentText == "speaking"
    assert "Apache-2.0" in world.ui.licenceLabel.text
    assert "Bones" in world.ui.modelChooser.toolTip
    assert world.panel.tools.textLine.isEnabled()


def test_choosing_in_the_list_changes_the_logics_model(world: World, textModel: Path) -> None:
    first = world.logic.modelName
    world.logic.setModel(str(textModel))
    world.host.pump()
    world.ui.modelChooser.setCurrentIndex(0)
    world.host.pump()
    assert world.logic.modelName == first
    assert not world.panel.tools.textLine.isEnabled()


def test_a_name_is_given_to_a_model_that_understands_names(world: World, textModel: Path) -> None:
    from LightSegLib.models.base import Capabilities

    world.logic.setModel(str(textModel))
    world.capabilities = Capabilities(True, True, True, True, False)  # the loaded one then refuses
    world.host.pump()
    world.host.keyboard.press("E")
    assert world.panel.tools.textLine.hasFocus()
    world.panel.tools.textLine.setText("liver")
    world.panel.tools.textLine.returnPressed.emit()
    world.settle()
    assert world.segmentation is not None, "a segment was made for it"
    assert world.panel.lastError is not None, "and what the model says to it is shown"


def test_devices_are_looked_for_when_the_section_is_opened_and_only_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from LightSegUI import Devices

    looks: list[int] = []

    def look() -> dict[str, str]:
        looks.append(1)
        return {"cuda:0": "Some GPU, 8 GiB", "cpu": "Some CPU"}

    monkeypatch.setattr(Devices, "lookForDevices", look)
    for collapsed in (False, True, False):
        world.ui.advancedSection.collapsed = collapsed
        world.settle()
    assert looks == [1]
    titles = [world.ui.deviceChooser.itemText(row) for row in range(world.ui.deviceChooser.count)]
    assert "GPU: Some GPU, 8 GiB" in titles
    world.ui.deviceChooser.setCurrentIndex(titles.index("GPU: Some GPU, 8 GiB"))
    assert world.logic.device == "cuda:0"


def test_a_chosen_device_that_is_not_there_is_shown_as_such(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from LightSegUI import Devices

    monkeypatch.setattr(Devices, "lookForDevices", lambda: {"cpu": "Some CPU"})
    world.logic.setDevice("cuda:1")
    world.ui.advancedSection.collapsed = False
    world.settle()
    assert "not found on this computer" in world.ui.deviceChooser.currentText


def test_choices_are_remembered_over_a_restart(world: World, textModel: Path) -> None:
    world.logic.setModel(str(textModel))
    world.logic.setDevice("cpu")
    world.host.restartSettings()
    world.widget = world.host.reload("LightSeg")
    assert world.ui.modelChooser.currentText == "speaking"
    assert world.logic.device == "cpu"
    assert "CPU" in world.ui.deviceChooser.currentText


# --- Measuring --------------------------------------------------------------------------------------------


def test_measuring_shows_seconds_and_memory_and_keeps_them(world: World) -> None:
    assert "Not measured" in world.ui.measuredLabel.text
    world.ui.measureButton.click()
    world.settle()
    assert world.tried == [(world.logic.modelName, "auto")]
    for part in ("0.21 s", "310 MB"):
        assert part in world.ui.measuredLabel.text
    world.host.restartSettings()
    world.widget = world.host.reload("LightSeg")
    assert "0.21 s" in world.ui.measuredLabel.text


def test_a_model_that_does_not_run_says_why_after_measuring(world: World) -> None:
    world.trialError = "The GPU has 2 GiB, the model needs 3"
    world.ui.measureButton.click()
    world.settle()
    assert "needs 3" in world.message
    assert "Not measured" in world.ui.measuredLabel.text


def test_measuring_waits_while_something_runs(world: World) -> None:
    world.press("inside")
    world.gate.clear()
    world.host.mouse.click("Red", world.host.worldOf(world.logic.volumeNode, (24, 24, 24)))
    world.host.pump()
    assert not world.ui.measureButton.isEnabled()
    assert "Wait" in world.ui.measureButton.toolTip
    world.gate.set()
    world.settle()
    assert world.ui.measureButton.isEnabled()


# --- Report -----------------------------------------------------------------------------------------------


def test_the_report_tells_versions_model_and_the_last_error_and_names_no_image(world: World) -> None:
    from LightSegLib.errors import LightSegError

    world.panel.showError(LightSegError("Something odd", "for a reason"))
    world.ui.reportButton.click()
    text = qt.QApplication.clipboard().text()
    for part in ("Slicer      5.12.3", "Python", "torch", world.logic.modelCard.id, "Something odd"):
        assert part in text
    assert "CT" not in text
    assert "clipboard" in world.message


# --- Installation -----------------------------------------------------------------------------------------


@pytest.fixture
def lacking(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the installer finds missing; a test may change it."""
    from LightSegUI import Installer

    found = [SimpleNamespace(name="torch"), SimpleNamespace(name="scipy")]
    monkeypatch.setattr(Installer, "missing", lambda: list(found))
    return found


def test_with_everything_installed_the_installation_is_not_in_the_way(world: World) -> None:
    assert not world.ui.installFrame.isVisible()


def test_missing_packages_are_named_at_the_top_and_nothing_else_can_be_done(host: Any, lacking: list) -> None:
    world = World(host)
    world.addBall()
    world.open()
    assert world.ui.installFrame.isVisible()
    assert "torch, scipy" in world.ui.installLabel.text
    for button in (*world.panel.tools.buttons.values(), world.ui.newSegmentButton, world.ui.measureButton):
        assert not button.isEnabled()
    assert "torch, scipy" in world.panel.tools.buttons["inside"].toolTip
    assert "Install the missing packages" in world.message


def test_after_the_installation_the_area_goes_and_the_tools_come(
    host: Any, lacking: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    from LightSegUI import InstallDialog

    world = World(host)
    world.addBall()
    world.open()
    opened: list[Any] = []
    monkeypatch.setattr(InstallDialog, "openDialog", opened.append)
    world.ui.installButton.click()
    assert len(opened) == 1
    lacking.clear()
    opened[0]()
    assert not world.ui.installFrame.isVisible()
    assert world.panel.tools.buttons["inside"].isEnabled()
    assert "Press Inside" in world.message
