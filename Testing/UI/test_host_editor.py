"""The stand-in's Segment Editor: selection, two histories, effects and what reaches them."""

from __future__ import annotations

import numpy as np
import pytest
import qSlicerSegmentationsEditorEffectsPythonQt as effects
import qt
import slicer
import vtk

EFFECT = """
import qt, vtk
from SegmentEditorEffects import *

class ProbeEffect(AbstractScriptedSegmentEditorEffect):
    def __init__(self, scriptedEffect):
        scriptedEffect.name = "Probe"
        scriptedEffect.title = "A probe"
        AbstractScriptedSegmentEditorEffect.__init__(self, scriptedEffect)
        self.seen, self.calls, self.answer = [], [], False

    def clone(self):
        import qSlicerSegmentationsEditorEffectsPythonQt as effects
        copy = effects.qSlicerSegmentEditorScriptedEffect(None)
        copy.setPythonSource({path!r})
        return copy

    def setMRMLDefaults(self):
        self.scriptedEffect.setParameterDefault("Size", 3)

    def setupOptionsFrame(self):
        self.scriptedEffect.addOptionsWidget(qt.QPushButton("Option"))

    def activate(self): self.calls.append("activate")
    def deactivate(self): self.calls.append("deactivate")
    def updateGUIFromMRML(self): self.calls.append("update")

    def processInteractionEvents(self, interactor, eventId, view):
        self.seen.append((vtk.vtkCommand.GetStringFromEventId(eventId), view.className()))
        if eventId == vtk.vtkCommand.LeftButtonPressEvent:
            image = self.scriptedEffect.sourceVolumeImageData()
            self.ras = self.xyToRas(interactor.GetEventPosition(), view)
            self.ijk = self.xyToIjk(interactor.GetEventPosition(), view, image)
            self.control = bool(interactor.GetControlKey())
        return self.answer
"""


@pytest.fixture
def scene(host, tmp_path):
    """(host, editor, effect's Python half, volume, segmentation), the effect active."""
    folder = tmp_path / "ProbeLib"
    folder.mkdir()
    path = folder / "ProbeEffect.py"
    path.write_text(EFFECT.replace("{path!r}", repr(str(path))), encoding="utf-8")
    registered = effects.qSlicerSegmentEditorScriptedEffect(None)
    assert registered.setPythonSource(str(path))
    registered.self().register()
    volume = host.addVolume()
    segmentation = host.addSegmentation(volume, "A", "B")
    editor = host.segmentEditor()
    editor.setSegmentationNode(segmentation)
    editor.setSourceVolumeNode(volume)
    editor.setActiveEffectByName("Probe")
    return host, editor, editor.activeEffect().self(), volume, segmentation


def cube(start, stop):
    image = slicer.vtkOrientedImageData()
    image.SetExtent(start, stop, start, stop, start, stop)
    image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
    image.GetPointData().GetScalars().Fill(1)
    return image


def voxels(segmentation, name, volume):
    return int(np.count_nonzero(slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, name, volume)))


def test_an_edit_of_an_effect_is_undone_and_redone_by_the_editor(scene):
    _, editor, probe, volume, segmentation = scene
    effect = probe.scriptedEffect
    effect.saveStateForUndo()
    effect.modifySelectedSegmentByLabelmap(cube(5, 9), effect.ModificationModeAdd)
    assert voxels(segmentation, "A", volume) == 125
    undo, redo = (slicer.util.findChild(editor, f"{name}Button") for name in ("Undo", "Redo"))
    assert undo.enabled
    undo.click()
    assert voxels(segmentation, "A", volume) == 0
    redo.click()
    assert voxels(segmentation, "A", volume) == 125


def test_another_logic_has_another_history(scene):
    _, editor, probe, _, _ = scene
    logic = slicer.vtkSlicerSegmentEditorLogic()
    logic.SetMRMLScene(slicer.mrmlScene)
    logic.SetSegmentEditorNode(editor.mrmlSegmentEditorNode())
    probe.scriptedEffect.saveStateForUndo()
    assert not logic.CanUndo()


def test_a_wrong_extent_writes_nothing(scene):
    _, _, probe, volume, segmentation = scene
    effect = probe.scriptedEffect
    effect.modifySelectedSegmentByLabelmap(cube(5, 9), effect.ModificationModeAdd, [0, 1, 2])
    assert voxels(segmentation, "A", volume) == 0
    effect.modifySelectedSegmentByLabelmap(cube(5, 9), effect.ModificationModeAdd, [5, 6, 5, 6, 5, 6], False)
    assert voxels(segmentation, "A", volume) == 8


@pytest.mark.parametrize("view", ["Red", "Green", "Yellow"])
def test_a_click_reaches_the_effect_at_the_place_it_was_meant_for(scene, view):
    host, _, probe, volume, _ = scene
    ras = host.worldOf(volume, (30, 25, 20))
    host.mouse.click(view, ras, modifiers=["Ctrl"])
    assert probe.ijk == [30, 25, 20]
    assert probe.ras == pytest.approx(ras, abs=0.2)
    assert probe.control
    names = [name for name, _ in probe.seen]
    assert names == ["EnterEvent", "MouseMoveEvent", "LeftButtonPressEvent", "LeftButtonReleaseEvent"]


@pytest.mark.parametrize(("answer", "consumed"), [(True, True), (False, False), (1, False), (None, False)])
def test_only_a_real_true_consumes_an_event(scene, answer, consumed):
    host, _, probe, volume, _ = scene
    probe.answer = answer
    host.mouse.passed("Red")
    host.mouse.click("Red", host.worldOf(volume, (30, 25, 20)))
    assert ("LeftButtonPressEvent" not in host.mouse.passed("Red")) is consumed
    assert bool(host.expectErrors()) is not isinstance(answer, bool)


def test_callbacks_are_bound_when_the_source_is_set(scene):
    host, _, probe, volume, _ = scene
    probe.processInteractionEvents = lambda *arguments: pytest.fail("Slicer would not call this")
    host.mouse.click("Red", host.worldOf(volume, (30, 25, 20)))
    assert probe.seen


def test_parameters_live_in_the_editor_node_and_changes_are_told(scene):
    _, editor, probe, _, _ = scene
    effect = probe.scriptedEffect
    assert editor.mrmlSegmentEditorNode().GetAttribute("Probe.Size") == "3"
    probe.calls.clear()
    effect.setParameter("Size", 4.5)
    assert (effect.parameter("Size"), effect.doubleParameter("Size"), effect.integerParameter("Size")) == (
        "4.5",
        4.5,
        0,
    )
    effect.setParameter("Size", "4.5")
    assert probe.calls == ["update"]


def test_the_effect_is_left_when_placing_starts_the_segmentation_changes_or_the_scene_closes(scene):
    host, editor, probe, volume, _ = scene
    interaction = slicer.mrmlScene.GetNodeByID("vtkMRMLInteractionNodeSingleton")
    interaction.SetCurrentInteractionMode(interaction.Place)
    assert editor.activeEffect() is None
    editor.setActiveEffectByName("Probe")
    assert interaction.GetCurrentInteractionMode() == interaction.ViewTransform
    editor.setSegmentationNode(host.addSegmentation(volume, "C"))
    assert editor.activeEffect() is None
    editor.setActiveEffectByName("Probe")
    slicer.mrmlScene.Clear(0)
    assert editor.activeEffect() is None
    assert probe.calls.count("deactivate") == 3
    assert editor.mrmlSegmentEditorNode() is not None


def test_what_c_keeps_to_itself_is_not_reached_from_python(scene):
    _, editor, probe, _, _ = scene
    for thing, name in (
        (probe.scriptedEffect, "processInteractionEvents"),
        (probe.scriptedEffect, "clone"),
        (editor, "logic"),
        (editor, "segmentEditorLogic"),
    ):
        assert not hasattr(thing, name)


def test_a_hidden_segment_is_asked_about_also_in_testing_mode(scene):
    host, _, probe, _, segmentation = scene
    host.setTesting()
    assert probe.scriptedEffect.confirmCurrentSegmentVisible() == 1
    segmentation.GetDisplayNode().SetSegmentVisibility("A", False)
    host.dialogs.answer(qt.QMessageBox.Cancel, qt.QMessageBox.Yes)
    assert probe.scriptedEffect.confirmCurrentSegmentVisible() == 0
    assert probe.scriptedEffect.confirmCurrentSegmentVisible() == 2
    assert segmentation.GetDisplayNode().GetSegmentVisibility("A")


def test_keys_over_a_view_go_to_the_shortcuts_of_the_editor_first(scene):
    host, editor, probe, volume, _ = scene
    host.mouse.move("Red", host.worldOf(volume, (30, 25, 20)))
    host.mouse.key("Red", "a")
    editor.installKeyboardShortcuts(slicer.util.mainWindow())
    probe.seen.clear()
    host.mouse.key("Red", "z")
    assert [name for name, _ in probe.seen] == ["KeyReleaseEvent"]
    host.keyboard.press("W")
    assert editor.currentSegmentID() == "B"
    host.keyboard.press("Esc")
    assert editor.activeEffect() is None
    editor.uninstallKeyboardShortcuts()
    assert host.keyboard.owners("Z") == []


def test_each_editor_has_its_own_copy_of_an_effect(scene):
    host, editor, probe, volume, segmentation = scene
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentEditorNode")
    other = slicer.qMRMLSegmentEditorWidget()
    other.setMRMLScene(slicer.mrmlScene)
    other.setMRMLSegmentEditorNode(node)
    other.setSegmentationNode(segmentation)
    other.setSourceVolumeNode(volume)
    other.setActiveEffectByName("Probe")
    assert other.activeEffect().self() is not probe
    editor.setActiveEffect(None)
    assert other.activeEffect() is not None
    host.mouse.click("Red", host.worldOf(volume, (30, 25, 20)))
    assert other.activeEffect().self().ijk == [30, 25, 20]
