"""The stand-in host starts, and its parts hold together."""

from __future__ import annotations

import numpy as np
import pytest
import qt
import slicer
import vtk


def test_properties_are_attributes_and_setters_exist_too(host):
    button = qt.QPushButton("Go")
    button.text = "Stop"
    assert button.text == "Stop"
    button.setText("Go")
    assert button.text == "Go"
    with pytest.raises(TypeError):
        button.text()
    with pytest.raises(AttributeError):
        button.txt = "typo"


def test_an_edit_through_the_editor_can_be_undone(host):
    volume = host.addVolume()
    segmentation = host.addSegmentation(volume, "A")
    editor = host.segmentEditor()
    editor.setSegmentationNode(segmentation)
    editor.setSourceVolumeNode(volume)
    assert editor.currentSegmentID() == "A"
    logic = editor._d.logic
    editor.saveStateForUndo()
    modifier = slicer.vtkOrientedImageData()
    modifier.SetExtent(5, 9, 5, 9, 5, 9)
    modifier.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
    modifier.GetPointData().GetScalars().Fill(1)
    logic.ModifySegmentByLabelmap(segmentation, "A", modifier, logic.ModificationModeAdd, True, False)
    assert np.count_nonzero(slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, "A", volume)) > 0
    assert slicer.util.findChild(editor, "UndoButton").enabled
    slicer.util.findChild(editor, "UndoButton").click()
    assert np.count_nonzero(slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, "A", volume)) == 0
