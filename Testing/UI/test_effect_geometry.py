"""Positions in slice views, boxes that drawn rectangles mean, and what a drag amounts to."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
from LightSegUI.EffectGeometry import SlicePlane, boxInVolume, toRas, toXy
from LightSegUI.EffectGestures import Click, Drag, Line, Rectangle

from LightSegLib.geometry import Volume


@pytest.fixture
def sliceNode():
    """An axial view, 200 x 200 pixels of 0.5 mm, around the origin."""
    node = slicer.vtkMRMLSliceNode()
    node.SetDimensions(200, 200, 1)
    node.SetFieldOfView(100, 100, 1)
    node.SetOrientationToAxial()
    node.UpdateMatrices()
    return node


def turned(node):
    """The same view, turned out of all axes."""
    node.SetSliceToRASByNTP(0.3, 0.4, 0.866, 0.9, -0.3, -0.2, 5.0, -7.0, 12.0, 0)
    node.UpdateMatrices()
    return node


def test_a_position_comes_back_as_the_same_pixel(sliceNode):
    for node in (sliceNode, turned(sliceNode)):
        assert toXy(node, toRas(node, (30, 150))) == pytest.approx(np.array([[30, 150]]))


def test_a_position_in_a_view_lies_on_its_slice(sliceNode):
    node = turned(sliceNode)
    assert SlicePlane(node).distance(toRas(node, (17, 44))) == pytest.approx(np.zeros(1), abs=1e-9)


def test_scrolling_makes_it_another_slice_but_zooming_and_panning_do_not(sliceNode):
    before = SlicePlane(sliceNode)
    sliceNode.SetFieldOfView(50, 50, 1)
    sliceNode.SetXYZOrigin(10, 5, 0)
    sliceNode.UpdateMatrices()
    assert before.isSameAs(SlicePlane(sliceNode))
    sliceNode.SetSliceOffset(3.0)
    assert not before.isSameAs(SlicePlane(sliceNode))


def test_a_drawn_box_is_as_deep_as_its_shorter_side_with_the_slice_in_the_middle(sliceNode):
    node = turned(sliceNode)
    plane = SlicePlane(node)
    corners = plane.boxCorners(toRas(node, (40, 60)), toRas(node, (100, 80)))  # 30 mm x 10 mm
    assert plane.distance(corners) == pytest.approx([-5.0] * 4 + [5.0] * 4)
    sides = np.linalg.norm(np.diff(corners[:4], axis=0), axis=1)
    assert sides == pytest.approx([30.0, 10.0, 30.0])


def test_it_does_not_matter_from_which_corner_a_box_is_drawn(sliceNode):
    plane = SlicePlane(sliceNode)
    ends = [toRas(sliceNode, xy) for xy in ((40, 60), (100, 80), (40, 80), (100, 60))]
    drawn = [plane.boxCorners(ends[a], ends[b]) for a, b in ((0, 1), (1, 0), (2, 3), (3, 2))]
    for corners in drawn:
        assert corners.min(0) == pytest.approx(drawn[0].min(0))
        assert corners.max(0) == pytest.approx(drawn[0].max(0))


def test_a_box_is_clipped_to_the_image_and_one_beside_it_is_none():
    volume = Volume(np.zeros((10, 20, 30), np.int16), np.diag([1.0, 1.0, 2.0, 1.0]))
    assert boxInVolume([[-5.0, 3.0, 4.0], [6.2, 8.0, 100.0]], volume) == ((0, 3, 2), (7, 9, 10))
    assert boxInVolume([[40.0, 3.0, 4.0], [50.0, 8.0, 6.0]], volume) is None


def test_a_drag_with_the_box_tool_gives_two_corners_and_a_dab_gives_nothing(sliceNode):
    drag = Drag.begin("box", False, sliceNode, (40, 60))
    drag.moveTo((70, 90))
    made = drag.end((100, 80))
    assert isinstance(made, Rectangle)
    assert toXy(sliceNode, [made.first, made.second]) == pytest.approx(np.array([[40, 60], [100, 80]]))
    assert Drag.begin("box", False, sliceNode, (40, 60)).end((90, 62)) is None


def test_a_scribble_keeps_its_way_and_its_sign(sliceNode):
    drag = Drag.begin("scribble", True, sliceNode, (40, 60))
    for xy in ((41, 60), (50, 60), (50, 70)):
        drag.moveTo(xy)
    made = drag.end((50, 70))
    assert isinstance(made, Line)
    assert not made.positive
    assert toXy(sliceNode, made.points) == pytest.approx(np.array([[40, 60], [50, 60], [50, 70]]))


def test_a_scribble_that_went_nowhere_is_a_click(sliceNode):
    made = Drag.begin("scribble", False, sliceNode, (40, 60)).end((41, 60))
    assert made == Click(toRas(sliceNode, (40, 60)), True)


def test_a_drag_notices_that_its_slice_is_gone(sliceNode):
    drag = Drag.begin("box", False, sliceNode, (40, 60))
    assert not drag.isOffItsSlice
    sliceNode.SetSliceOffset(2.0)
    assert drag.isOffItsSlice
