"""Every structure of the vocabulary gives a segment a name, a color and codes that Slicer reads."""

from __future__ import annotations

import pytest

from LightSegLib.text import Vocabulary

slicer = pytest.importorskip("slicer", reason="slicer-core is not installed")

from LightSegLib.mrml.structure_segments import CONTEXT, describe_segment  # noqa: E402

VOCABULARY = Vocabulary.load()
SIDES = {"left": "7771000", "right": "24028007"}


def read(segment):
    """The terminology entry of a segment, by Slicer's own word."""
    logic, entry = slicer.vtkSlicerTerminologiesModuleLogic(), slicer.vtkSlicerTerminologyEntry()
    assert logic.DeserializeTerminologyEntry(segment.GetTerminology(), entry)
    return entry


@pytest.mark.parametrize("structure", list(VOCABULARY), ids=lambda structure: structure.id)
def test_slicer_reads_what_a_segment_is(structure) -> None:
    segment = slicer.vtkSegment()
    describe_segment(segment, structure)
    assert segment.GetName() == structure.name
    assert segment.GetColor() == pytest.approx(tuple(value / 255 for value in structure.colour))
    entry = read(segment)
    assert entry.GetTerminologyContextName() == CONTEXT
    kind = entry.GetTypeObject()
    assert kind.GetCodingSchemeDesignator() == "SCT"
    assert kind.GetCodeValue() == (structure.code or "85756007")
    side = entry.GetTypeModifierObject()
    said = side.GetCodeValue() if side is not None else None
    assert (said or "") == (SIDES.get(structure.laterality, "") if structure.code else "")


def test_a_structure_without_a_code_of_its_own_is_tissue() -> None:
    segment = slicer.vtkSegment()
    describe_segment(segment, VOCABULARY["hippocampus_anterior"])
    assert read(segment).GetCategoryObject().GetCodeMeaning() == "Tissue"
