"""docs/slicer-scripting.md holds: its snippets run, from top to bottom, with the bundled model and sample.

They are written for Slicer's Python console. The few functions of the application that they use, to load and
save files and to export a mask, stand here over slicer-core.
"""

from __future__ import annotations

import re
import shutil
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from grey_model import dice

slicer = pytest.importorskip("slicer")
pytest.importorskip("torch")

from LightSegUI.InteractiveLogic import InteractiveLogic  # noqa: E402

from LightSegLib.commands.sample import read_sample  # noqa: E402
from LightSegLib.resources import resources_folder  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "slicer-scripting.md"
FENCE = re.compile(r"^```(\S+)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(language):
    """Line and text of each block of a language."""
    text = PAGE.read_text(encoding="utf-8")
    return [(text.count("\n", 0, m.start(2)), m[2]) for m in FENCE.finditer(text) if m[1] == language]


@pytest.fixture
def application(scene, tmp_path, monkeypatch):
    """As much of Slicer as the page uses, and a folder with the files it names."""

    def load_volume(path):
        node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", Path(path).name.split(".")[0])
        reader = slicer.vtkMRMLVolumeArchetypeStorageNode()
        reader.SetFileName(path)
        assert reader.ReadData(node)
        return node

    def save_node(node, path):
        writer = slicer.vtkMRMLSegmentationStorageNode()
        writer.SetFileName(path)
        assert writer.WriteData(node)

    segmentations = slicer.vtkSlicerSegmentationsModuleLogic()
    segmentations.SetMRMLScene(scene)
    modules = types.SimpleNamespace(segmentations=types.SimpleNamespace(logic=lambda: segmentations))
    monkeypatch.setattr(slicer, "mrmlScene", scene, raising=False)
    monkeypatch.setattr(slicer, "modules", modules, raising=False)
    monkeypatch.setattr(slicer.util, "loadVolume", load_volume)
    monkeypatch.setattr(slicer.util, "saveNode", save_node)
    module = types.ModuleType("LightSeg")
    module.LightSegLogic = InteractiveLogic
    monkeypatch.setitem(sys.modules, "LightSeg", module)
    shutil.copytree(resources_folder(), tmp_path / "Resources")
    monkeypatch.chdir(tmp_path)
    (_line, table) = blocks("csv")[0]
    (tmp_path / "clicks.csv").write_text(table, encoding="utf-8")
    yield tmp_path
    segmentations.SetMRMLScene(None)


@pytest.mark.slow
def test_the_snippets_run_from_top_to_bottom(application, capsys) -> None:
    names = {"__name__": "page", "slicer": slicer}
    for line, text in blocks("py"):
        exec(compile("\n" * line + text, "docs/slicer-scripting.md", "exec"), names)
    said = capsys.readouterr().out
    assert "veloxseg-small" in said
    assert "lies outside the image" in said
    assert "written:" in said
    assert names["problem"] is not None
    assert (application / "soft-tissue-sarcoma-ct.seg.nrrd").is_file()
    names["logic"].close()


def test_the_page_names_what_exists() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name in re.findall(r"\blogic\.(\w+)", text):
        assert hasattr(InteractiveLogic, name) or name in ("answered", "failed"), name
    told = re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)
    from logic_world import make_logic

    logic = make_logic(slicer.vtkMRMLScene())
    assert [name for name in told if not hasattr(getattr(logic, name), "emit")] == []
    logic.close()


@pytest.mark.slow
def test_one_click_on_the_bundled_sample_with_the_bundled_model_finds_the_tumor(application, scene) -> None:
    from LightSegUI.Settings import MemoryStore, Settings

    case = read_sample().load()
    wanted = case.labels == 1
    volume = slicer.util.loadVolume(str(read_sample().image_path))
    logic = InteractiveLogic(scene, settings=Settings(MemoryStore()))
    logic.setVolumeNode(volume)
    answer = logic.segmentPoint((-64.9, -85.4, 624.8))
    found = slicer.util.arrayFromSegmentBinaryLabelmap(logic.segmentationNode, answer.segment_id, volume) > 0
    assert dice(np.asarray(found), wanted) > 0.6  # what one click promises on average
    assert 0.5 < answer.confidence <= 1
    logic.close()
