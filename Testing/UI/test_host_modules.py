"""The stand-in's modules: loading, entering, leaving, reloading, .ui files and parameter nodes."""

from __future__ import annotations

import enum
import pathlib
import sys
from typing import Annotated

import numpy as np
import pytest
import qt
import slicer
from slicer.parameterNodeWrapper import Choice, Default, WithinRange, parameterNodeWrapper

MODULE = """
import slicer
from slicer.ScriptedLoadableModule import *
from slicer.util import VTKObservationMixin

class ProbeModule(ScriptedLoadableModule):
    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = "Probe"
        parent.categories = ["Testing"]
        slicer.app.connect("startupCompleted()", self.onStartup)
    def onStartup(self):
        slicer.probeStarted = True

class ProbeModuleWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.calls = []
    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        top = slicer.util.loadUI(self.resourcePath("UI/ProbeModule.ui"))
        self.layout.addWidget(top)
        self.ui = slicer.util.childWidgetVariables(top)
        top.setMRMLScene(slicer.mrmlScene)
        self.logic = ProbeModuleLogic()
    def enter(self): self.calls.append("enter")
    def exit(self): self.calls.append("exit")
    def cleanup(self):
        self.removeObservers()
        self.calls.append("cleanup")

class ProbeModuleLogic(ScriptedLoadableModuleLogic):
    pass
"""
UI = """<ui version="4.0"><class>ProbeModule</class>
<widget class="qMRMLWidget" name="ProbeModule"><layout class="QFormLayout" name="probeLayout">
<item row="0" column="0"><widget class="qMRMLNodeComboBox" name="volumeSelector">
<property name="nodeTypes"><stringlist><string>vtkMRMLScalarVolumeNode</string></stringlist></property>
<property name="noneEnabled"><bool>true</bool></property>
<property name="SlicerParameterName" stdset="0"><string>volume</string></property></widget></item>
<item row="1" column="0"><widget class="ctkCollapsibleButton" name="section">
<property name="text"><string>Section</string></property><layout class="QVBoxLayout" name="sectionLayout">
<item><widget class="QLineEdit" name="nameLine">
<property name="SlicerParameterName" stdset="0"><string>label</string></property></widget></item>
</layout></widget></item>
<item row="2" column="0"><widget class="ctkSliderWidget" name="slider">
<property name="SlicerParameterName" stdset="0"><string>weight</string></property></widget></item>
<item row="3" column="0"><widget class="noSuchWidget" name="unknown"/></item>
</layout></widget>
<connections><connection><sender>ProbeModule</sender><signal>mrmlSceneChanged(vtkMRMLScene*)</signal>
<receiver>volumeSelector</receiver><slot>setMRMLScene(vtkMRMLScene*)</slot></connection></connections></ui>"""


class Speed(enum.Enum):
    FAST = "quick"
    SLOW = "slow"


@parameterNodeWrapper
class Parameters:
    volume: slicer.vtkMRMLScalarVolumeNode
    label: str
    weight: Annotated[float, WithinRange(0, 1), Default(0.5)]
    speed: Speed = Speed.SLOW
    tool: Annotated[str, Choice(["pen", "box"])]
    folder: pathlib.Path
    on: bool


@pytest.fixture
def module(host, tmp_path):
    """The host with a small module loaded and opened; its widget."""
    (tmp_path / "Resources" / "UI").mkdir(parents=True)
    (tmp_path / "ProbeModule.py").write_text(MODULE, encoding="utf-8")
    (tmp_path / "Resources" / "UI" / "ProbeModule.ui").write_text(UI, encoding="utf-8")
    host.load("ProbeModule", tmp_path)
    host.start()
    yield host, host.open("ProbeModule")
    sys.modules.pop("ProbeModule", None)
    sys.path.remove(str(tmp_path))


def test_a_module_is_loaded_started_entered_and_left(module):
    host, widget = module
    assert slicer.probeStarted
    assert slicer.modules.probemodule.title == "Probe"
    assert slicer.modules.ProbeModuleWidget is widget
    host.leave()
    assert widget.calls == ["enter", "exit"]
    assert not hasattr(slicer.modules, "nosuchmodule")


def test_a_reload_cleans_up_and_sets_up_anew_but_enters_nobody(module):
    host, old = module
    new = host.reload("ProbeModule")
    assert old.calls == ["enter", "cleanup"]
    assert new is not old
    assert new.calls == []


def test_closing_slicer_cleans_up_once(module):
    host, widget = module
    host.close()
    assert widget.calls == ["enter", "exit", "cleanup"]
    host.__init__(host.app, host.folder)


def test_a_ui_file_gives_widgets_by_name_and_leaves_unknown_classes_out(module):
    host, widget = module
    assert widget.ui.section.text == "Section"
    assert not hasattr(widget.ui, "unknown")
    assert widget.ui.volumeSelector.currentNode() is None
    volume = host.addVolume()
    assert widget.ui.volumeSelector.nodeCount() == 1
    widget.ui.section.collapsed = True
    assert not widget.ui.nameLine.visible
    widget.ui.volumeSelector.setCurrentNode(volume)
    slicer.mrmlScene.RemoveNode(volume)
    assert widget.ui.volumeSelector.currentNodeID == ""


def test_parameters_are_bound_to_widgets_by_name(module):
    host, widget = module
    volume = host.addVolume()
    parameters = Parameters(widget.logic.getParameterNode())
    tag = parameters.connectGui(widget.ui)
    widget.ui.nameLine.text = "liver"
    widget.ui.slider.value = 0.25
    widget.ui.volumeSelector.setCurrentNode(volume)
    assert (parameters.label, parameters.weight, parameters.volume) == ("liver", 0.25, volume)
    parameters.label = "spleen"
    assert widget.ui.nameLine.text == "spleen"
    parameters.disconnectGui(tag)
    parameters.label = "aorta"
    assert widget.ui.nameLine.text == "spleen"


def test_parameters_have_types_and_ranges(host):
    parameters = Parameters(slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode"))
    assert (parameters.weight, parameters.speed, parameters.tool, parameters.on) == (
        0.5,
        Speed.SLOW,
        "pen",
        False,
    )
    parameters.weight = np.float64(0.75)
    for wrong in (np.float32(0.5), "0.5", True):
        with pytest.raises(TypeError):
            parameters.weight = wrong
    with pytest.raises(ValueError, match="range"):
        parameters.weight = 2.0
    with pytest.raises(ValueError, match="brush"):
        parameters.tool = "brush"
    parameters.folder = pathlib.Path("/data")
    assert Parameters(parameters.parameterNode).folder == pathlib.Path("/data")


@pytest.mark.parametrize(
    ("widget", "name"), [(qt.QSlider, "weight"), (qt.QComboBox, "label"), (qt.QSpinBox, "on")]
)
def test_widgets_that_slicer_cannot_bind_are_refused(host, widget, name):
    parameters = Parameters(slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode"))
    with pytest.raises(RuntimeError):
        parameters.connectParametersToGui({name: widget()})


def test_a_parameter_node_is_a_singleton_that_survives_closing_the_scene(module):
    _, widget = module
    node = widget.logic.getParameterNode()
    slicer.mrmlScene.Clear(0)
    assert widget.logic.getParameterNode() is node
    assert node.GetAttribute("ModuleName") == "ProbeModule"
