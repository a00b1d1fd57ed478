"""The logic without a window: prompts become segments, undone and redone with Slicer."""

from __future__ import annotations

import numpy as np
import pytest
from grey_model import dice
from logic_world import BACKGROUND, FIRST_BALL, SECOND_BALL, Heard, Loader, make_logic, paint, ras_of
from reading_model import Reader
from scene_building import shown, two_balls

slicer = pytest.importorskip("slicer")

BALLS = two_balls() > 100
FIRST = BALLS & (np.arange(32) < 16)
SECOND = BALLS & (np.arange(32) > 16)


@pytest.fixture
def loader():
    return Loader()


@pytest.fixture
def logic(scene, loader, volume_node):
    logic = make_logic(scene, loader)
    logic.setVolumeNode(volume_node)
    yield logic
    logic.close()


def test_one_click_is_enough_for_a_segmentation_a_segment_and_its_mask(logic, volume_node) -> None:
    answer = logic.segmentPoint(ras_of(volume_node, FIRST_BALL))
    segmentation = logic.segmentationNode
    assert segmentation.GetName() == "Image segmentation"
    assert list(segmentation.GetSegmentation().GetSegmentIDs()) == [answer.segment_id]
    assert logic.selectedSegmentId == answer.segment_id
    assert dice(shown(segmentation, answer.segment_id, volume_node), FIRST) > 0.97
    assert logic.lastAnswer is answer
    assert logic.confidence() == answer.confidence


@pytest.mark.parametrize("transformed", [False, True])
def test_a_click_lands_where_slicer_shows_it_on_an_oblique_and_moved_volume(
    scene, logic, oblique_volume_node, make_transform, transformed
) -> None:
    if transformed:
        node = make_transform([[0, -1, 0, 30], [1, 0, 0, -12], [0, 0, 1, 7], [0, 0, 0, 1]])
        oblique_volume_node.SetAndObserveTransformNodeID(node.GetID())
    logic.setVolumeNode(oblique_volume_node)
    logic.setSegmentationNode(None)
    answer = logic.segmentPoint(ras_of(oblique_volume_node, SECOND_BALL))
    assert logic.segmentationNode.GetTransformNodeID() == oblique_volume_node.GetTransformNodeID()
    assert dice(shown(logic.segmentationNode, answer.segment_id, oblique_volume_node), SECOND) > 0.97


def test_further_clicks_go_to_the_same_segment_and_correct_it(logic, volume_node) -> None:
    first = logic.segmentPoint(ras_of(volume_node, FIRST_BALL))
    outside = (9, 13, 8)
    second = logic.segmentPoint(ras_of(volume_node, outside), positive=False)
    assert second.segment_id == first.segment_id
    i, j, k = outside
    assert not shown(logic.segmentationNode, first.segment_id, volume_node)[k, j, i]


def test_an_accepted_segment_keeps_its_voxels_and_the_next_one_is_filled(logic, volume_node) -> None:
    first = logic.segmentPoint(ras_of(volume_node, FIRST_BALL)).segment_id
    before = shown(logic.segmentationNode, first, volume_node)
    logic.accept()
    second = logic.addSegment("tumor")
    assert logic.selectedSegmentId == second
    assert logic.segmentationNode.GetSegmentation().GetSegment(second).GetName() == "tumor"
    logic.segmentBox(ras_of(volume_node, (1, 4, 3)), ras_of(volume_node, (30, 22, 20)))
    segments = [shown(logic.segmentationNode, one, volume_node) for one in (first, second)]
    assert (segments[0] == before).all()
    assert (segments[1] & SECOND).sum() > 0.9 * SECOND.sum()
    with pytest.raises(Exception, match="accepted"):
        logic.segmentPoint(ras_of(volume_node, FIRST_BALL), segmentId=first)
    logic.reopen(first)
    logic.segmentPoint(ras_of(volume_node, FIRST_BALL), segmentId=first)


def test_undo_and_redo_take_the_clicks_with_them(logic, volume_node) -> None:
    segment = logic.segmentPoint(ras_of(volume_node, FIRST_BALL)).segment_id
    logic.segmentPoint(ras_of(volume_node, (9, 13, 8)), positive=False)
    corrected = shown(logic.segmentationNode, segment, volume_node)
    assert logic.canUndo
    assert not logic.canRedo
    assert logic.undo()
    assert dice(shown(logic.segmentationNode, segment, volume_node), FIRST) > 0.97
    assert logic.canRedo
    assert logic.redo()
    assert (shown(logic.segmentationNode, segment, volume_node) == corrected).all()
    while logic.undo():
        pass
    assert not logic.canUndo
    assert not logic.undo()


def test_a_click_after_undo_starts_from_what_is_shown(logic, volume_node) -> None:
    segment = logic.segmentPoint(ras_of(volume_node, FIRST_BALL)).segment_id
    logic.segmentPoint(ras_of(volume_node, (9, 13, 8)), positive=False)
    logic.undo()
    logic.segmentPoint(ras_of(volume_node, FIRST_BALL))
    assert dice(shown(logic.segmentationNode, segment, volume_node), FIRST) > 0.97


def test_reset_empties_a_segment_and_can_be_undone(logic, volume_node) -> None:
    segment = logic.segmentPoint(ras_of(volume_node, FIRST_BALL)).segment_id
    logic.reset()
    assert not shown(logic.segmentationNode, segment, volume_node).any()
    logic.undo()
    assert dice(shown(logic.segmentationNode, segment, volume_node), FIRST) > 0.97


def test_a_box_takes_corners_in_any_order(logic, volume_node) -> None:
    answer = logic.segmentBox(ras_of(volume_node, (29, 20, 19)), ras_of(volume_node, (17, 6, 5)))
    assert dice(shown(logic.segmentationNode, answer.segment_id, volume_node), SECOND) > 0.97


def test_a_roi_is_a_box(scene, logic, volume_node) -> None:
    roi = scene.AddNewNodeByClass("vtkMRMLMarkupsROINode")
    roi.SetCenter(*ras_of(volume_node, SECOND_BALL))
    roi.SetSize(13, 13, 13)
    answer = logic.segmentBox(roiNode=roi.GetID())
    assert dice(shown(logic.segmentationNode, answer.segment_id, volume_node), SECOND) > 0.97


def test_a_scribble_follows_its_points(logic, volume_node) -> None:
    line = [ras_of(volume_node, (i, 13, 12)) for i in (21, 23, 25)]
    answer = logic.segmentScribble(line)
    assert dice(shown(logic.segmentationNode, answer.segment_id, volume_node), SECOND) > 0.97


def test_fiducials_are_clicks_of_one_action_with_the_sign_of_their_node(scene, logic, volume_node) -> None:
    inside = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode")
    for voxel in ((8, 13, 12), (10, 13, 12)):
        inside.AddControlPoint(*ras_of(volume_node, voxel))
    answer = logic.segmentFiducials(inside)
    assert dice(shown(logic.segmentationNode, answer.segment_id, volume_node), FIRST) > 0.97
    outside = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode")
    outside.SetAttribute("LightSeg.Sign", "negative")
    outside.AddControlPoint(*ras_of(volume_node, (9, 13, 8)))
    logic.segmentFiducials(outside.GetID())
    assert not shown(logic.segmentationNode, answer.segment_id, volume_node)[8, 13, 9]
    logic.undo()
    logic.undo()
    assert not shown(logic.segmentationNode, answer.segment_id, volume_node).any()


def test_a_model_that_takes_text_is_given_the_text(scene, volume_node, monkeypatch) -> None:
    model = Reader()
    logic = make_logic(scene, Loader(model))
    logic.setVolumeNode(volume_node)
    logic.prepare(wait=True)
    answer = logic.segmentText("left kidney")
    assert answer.segment_id == logic.selectedSegmentId
    assert set(model.told) == {"kidney_left"}
    logic.close()


def test_the_next_click_is_suggested_inside_the_image(logic, volume_node) -> None:
    logic.segmentPoint(ras_of(volume_node, FIRST_BALL))
    ras = logic.suggest()
    assert ras is None or len(ras) == 3


def test_nothing_is_suggested_before_the_first_answer(logic, volume_node) -> None:
    logic.addSegment()
    assert logic.suggest() is None


def test_prompts_go_on_from_what_was_painted_by_hand(logic, volume_node) -> None:
    segment = logic.addSegment()
    paint(logic, segment, FIRST)
    logic.segmentPoint(ras_of(volume_node, SECOND_BALL))
    held = shown(logic.segmentationNode, segment, volume_node)
    assert held[12, 13, 23]
    assert held[12, 13, 9]


def test_an_initial_mask_is_written_adopted_and_undone(logic, volume_node) -> None:
    segment = logic.addSegment()
    logic.setInitialMask(FIRST)
    assert (shown(logic.segmentationNode, segment, volume_node) == FIRST).all()
    logic.setInitialMask(SECOND.astype(np.uint8))
    assert (shown(logic.segmentationNode, segment, volume_node) == SECOND).all()
    logic.undo()
    assert (shown(logic.segmentationNode, segment, volume_node) == FIRST).all()
    with pytest.raises(Exception, match="shape"):
        logic.setInitialMask(FIRST[1:])
    logic.accept()
    with pytest.raises(Exception, match="accepted"):
        logic.setInitialMask(SECOND)


def test_segments_are_chosen_by_id_or_by_a_name_that_is_unique(logic, volume_node) -> None:
    logic.makeSegmentationNode("Mine")
    first, second = logic.addSegment("liver"), logic.addSegment("spleen")
    assert logic.segmentPoint(ras_of(volume_node, FIRST_BALL), segmentId="liver").segment_id == first
    assert logic.segmentPoint(ras_of(volume_node, SECOND_BALL), segmentId=[second]).segment_id == second
    logic.selectSegment("liver")
    assert logic.selectedSegmentId == first


def test_nodes_are_taken_by_id_too(scene, volume_node, make_segmentation) -> None:
    segmentation = make_segmentation(volume_node)
    logic = make_logic(scene)
    logic.setVolumeNode(volume_node.GetID())
    logic.setSegmentationNode(segmentation.GetID())
    assert logic.segmentPoint(ras_of(volume_node, FIRST_BALL), segmentId="B").segment_id == "B"
    assert dice(shown(segmentation, "B", volume_node), FIRST) > 0.97
    logic.close()


def test_a_segmentation_of_another_geometry_gets_the_mask_in_the_right_place(
    logic, volume_node, make_volume_node, make_segmentation
) -> None:
    cropped = np.eye(4)
    cropped[:3, 3] = (2, 4, 3)
    coarse = make_volume_node(np.zeros((20, 22, 28), np.int16), cropped, name="Cropped")
    segmentation = make_segmentation(coarse, ids=("A",))
    logic.setSegmentationNode(segmentation)
    logic.segmentPoint(ras_of(volume_node, FIRST_BALL))
    assert dice(shown(segmentation, "A", coarse), FIRST[3:23, 4:26, 2:30]) > 0.97


# --- The model ----------------------------------------------------------------------------------------------


def test_the_model_is_loaded_once_by_the_worker_and_only_when_it_is_needed(
    logic, loader, volume_node
) -> None:
    import threading

    heard = Heard(logic)
    logic.makeSegmentationNode()
    logic.addSegment()
    assert loader.asked == []
    assert not logic.modelLoaded
    logic.segmentPoint(ras_of(volume_node, FIRST_BALL))
    logic.segmentPoint(ras_of(volume_node, FIRST_BALL))
    assert loader.asked == [("veloxseg-small", "auto")]
    assert loader.threads[0] is not threading.current_thread()
    assert logic.modelLoaded
    assert "Loading the model veloxseg-small" in "".join(heard.progress) or heard.progress
    assert heard.answers[-1] is logic.lastAnswer


def test_another_device_loads_anew_and_the_segment_goes_on(logic, loader, volume_node) -> None:
    segment = logic.segmentPoint(ras_of(volume_node, FIRST_BALL)).segment_id
    logic.setDevice("cpu")
    logic.segmentPoint(ras_of(volume_node, SECOND_BALL), segmentId=segment)
    assert [device for _, device in loader.asked] == ["auto", "cpu"]
    held = shown(logic.segmentationNode, segment, volume_node)
    assert held[12, 13, 9]
    assert held[12, 13, 23]


def test_prepare_loads_ahead(logic, loader) -> None:
    logic.prepare()
    assert logic.modelLoaded
    assert logic.deviceInUse == "cpu"
    assert logic.prepare() is None


def test_a_measured_model_tells_its_speed_and_is_remembered(scene) -> None:
    from LightSegLib.commands.trial import Trial

    def try_model(name, device):
        return Trial(name, "cpu", None, 0.5, 1.0, "float32", 0.1, 0.25, 8, 300_000_000)

    logic = make_logic(scene, tryModel=try_model)
    measured = []
    logic.measured.connect(measured.append)
    assert logic.measurement() is None
    found = logic.measure()
    assert found.clickSeconds == 0.25
    assert measured == [found]
    assert logic.measurement() == found
    assert logic.measurement(device="cuda") is None
    logic.close()


def test_a_model_that_does_not_run_here_says_why(scene) -> None:
    from LightSegLib.commands.trial import Trial

    logic = make_logic(scene, tryModel=lambda name, device: Trial(name, device, error="no room"))
    with pytest.raises(Exception, match="does not run here"):
        logic.measure()
    logic.close()


def test_devices_are_looked_for_in_the_background(logic) -> None:
    assert [one.name for one in logic.devices()] == ["auto", "cpu"]
    logic.lookForDevices()
    assert "cpu" in [one.name for one in logic.devices()]
    assert any("cores" in one.title for one in logic.devices() if one.name == "cpu")


# --- Masking ------------------------------------------------------------------------------------------------


def test_the_masking_of_the_editor_in_use_holds_and_its_undo_is_used(
    logic, volume_node, make_segmentation, make_editor
) -> None:
    from LightSegUI.Editing import Editing

    from LightSegLib import mrml

    segmentation = make_segmentation(volume_node)
    editor = make_editor(segmentation, volume_node)
    editor.SetMaskMode(slicer.vtkMRMLSegmentationNode.EditAllowedOutsideAllSegments)
    editor.SetSelectedSegmentID("B")
    owner = mrml.LogicUndo(editor)
    logic.setSegmentationNode(segmentation)
    paint(logic, "A", FIRST & (np.arange(28)[:, None] < 13))
    logic.setEditing(Editing(owner, editor))
    logic.segmentPoint(ras_of(volume_node, (9, 16, 12)))
    rest = FIRST & (np.arange(28)[:, None] >= 13)
    assert dice(shown(segmentation, "B", volume_node), rest) > 0.97
    assert owner.can_undo
    logic.undo()
    assert not shown(segmentation, "B", volume_node).any()
    logic.setEditing(None)
    owner.close()


def test_going_to_another_editor_keeps_the_clicks_of_the_segment(
    logic, loader, volume_node, make_segmentation, make_editor
) -> None:
    from LightSegUI.Editing import Editing

    from LightSegLib import mrml

    segmentation = make_segmentation(volume_node)
    editor = make_editor(segmentation, volume_node)
    editor.SetSelectedSegmentID("A")
    logic.setSegmentationNode(segmentation)
    owners = [mrml.LogicUndo(editor) for _ in range(2)]
    logic.setEditing(Editing(owners[0], editor))
    logic.segmentPoint(ras_of(volume_node, FIRST_BALL))
    logic.segmentPoint(ras_of(volume_node, (9, 13, 8)), positive=False)
    logic.setEditing(Editing(owners[1], editor))
    logic.segmentPoint(ras_of(volume_node, BACKGROUND), positive=False)
    assert not shown(segmentation, "A", volume_node)[8, 13, 9]
    for owner in owners:
        owner.close()
