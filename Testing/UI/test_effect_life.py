"""How the effect comes into being and goes: registering, copies, and whose undo history it works on."""

from __future__ import annotations

import slicer
from LightSegUI.Editing import Editing
from LightSegUI.EffectRegistration import newEffect, registerEffect
from LightSegUI.SceneEditing import EditorWidgetUndo, EffectUndo, hostingEditor

import effect_bench
from effect_bench import FIRST

bench, makeBench = effect_bench.bench, effect_bench.makeBench


def factory():
    return slicer.qSlicerSegmentEditorEffectFactory.instance()


def test_the_effect_is_registered_once_however_often_it_is_asked_for(host):
    names = []
    factory().connect("effectRegistered(QString)", names.append)
    registerEffect()
    registerEffect()
    assert names == ["LightSeg"]


def test_registering_leaves_the_package_whole(host):
    registerEffect()
    import LightSegUI
    from LightSegUI import EffectGeometry

    assert hasattr(LightSegUI, "__path__")
    assert EffectGeometry.toRas


def test_an_editor_that_exists_already_gets_the_effect_too(host):
    editor = host.segmentEditor()
    assert editor.effectByName("LightSeg") is None
    registerEffect()
    assert editor.effectByName("LightSeg") is not None


def test_the_registered_effect_can_be_cleaned_up_though_it_has_no_options(host):
    effect = newEffect()
    effect.cleanup()
    assert effect.self().controller is None


def test_each_editor_has_an_effect_of_its_own(bench):
    other = slicer.qMRMLSegmentEditorWidget()
    effect = other.effectByName("LightSeg")
    assert effect != bench.effect
    assert effect.self().controller is not bench.controller


def test_the_effect_can_be_chosen_before_there_is_a_segment(makeBench):
    bench = makeBench(segments=())
    button = slicer.util.findChild(bench.editor, "LightSeg")
    assert button.enabled


def test_the_tool_has_a_default_and_is_kept_in_the_scene(bench):
    assert bench.node.GetAttribute("LightSeg.Tool") == "inside"
    bench.useTool("box")
    bench.editor.setActiveEffect(None)
    bench.activate()
    assert bench.controller.currentTool() == "box"


def test_an_unknown_tool_counts_as_the_usual_one(bench):
    bench.useTool("hammer")
    assert bench.controller.currentTool() == "inside"


def test_the_editor_of_an_effect_is_found_wherever_it_is_embedded(bench):
    assert hostingEditor(bench.effect) == bench.editor
    assert hostingEditor(newEffect()) is None


def test_effect_and_widget_are_one_history(bench):
    fromEffect, fromWidget = EffectUndo(bench.effect), EditorWidgetUndo(bench.editor)
    assert fromEffect == fromWidget
    assert hash(fromEffect) == hash(fromWidget)
    assert Editing(fromEffect, bench.node) == Editing(fromWidget, bench.node)
    assert fromEffect != EditorWidgetUndo(slicer.qMRMLSegmentEditorWidget())
    assert EffectUndo(newEffect()) != EffectUndo(newEffect())


def test_both_adapters_save_undo_and_redo_in_the_widget(bench):
    for owner in (EffectUndo(bench.effect), EditorWidgetUndo(bench.editor)):
        assert not owner.can_undo
        owner.save_state()
        bench.segmentation.GetSegmentation().RemoveSegment("B")
        assert owner.can_undo
        assert not owner.can_redo
        owner.undo()
        assert bench.segmentation.GetSegmentation().GetSegment("B") is not None
        assert owner.can_redo
        owner.redo()
        assert bench.segmentation.GetSegmentation().GetSegment("B") is None
        owner.undo()
        bench.editor.setSegmentationNode(None)
        bench.editor.setSegmentationNode(bench.segmentation)


def test_a_history_whose_editor_is_gone_does_nothing(bench):
    editor = slicer.qMRMLSegmentEditorWidget()
    owner = EditorWidgetUndo(editor)
    editor.delete()
    for step in (owner.save_state, owner.undo, owner.redo):
        step()
    assert not owner.can_undo
    assert not owner.can_redo


def test_an_editor_that_goes_takes_its_history_from_the_logic(bench):
    bench.click(FIRST)
    bench.settle()
    assert bench.logic.editing is not None
    bench.effect.cleanup()
    assert bench.logic.editing is None


def test_going_from_the_widgets_history_to_the_effects_keeps_the_session(bench):
    bench.click(FIRST)
    bench.settle()
    bench.logic.setEditing(Editing(EditorWidgetUndo(bench.editor), bench.node))
    assert bench.logic.confidence("A") is not None
    bench.click(FIRST)
    bench.settle()
    assert len(bench.strokes()) == 2
