"""What is saved with the scene: which image is segmented, and where the masks go."""

from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode
from slicer.parameterNodeWrapper import parameterNodeWrapper
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleLogic

MODULE_NAME = "LightSeg"


@parameterNodeWrapper
class LightSegParameterNode:
    """Parameters of the module.

    volume - The image to segment.
    segmentation - Where the masks go.
    """

    volume: vtkMRMLScalarVolumeNode
    segmentation: vtkMRMLSegmentationNode


def parameterNode() -> LightSegParameterNode:
    """The scene's parameter node of the module; made if there is none."""
    nodes = ScriptedLoadableModuleLogic()
    nodes.moduleName = MODULE_NAME
    return LightSegParameterNode(nodes.getParameterNode())
