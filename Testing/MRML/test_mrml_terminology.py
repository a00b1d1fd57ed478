"""Segments get names, colors and codes of structures, found by what people type."""

from __future__ import annotations

from pathlib import Path

import pytest

slicer = pytest.importorskip("slicer", reason="slicer-core is not installed")

from LightSegLib.mrml.terminology import Terminologies, color_of  # noqa: E402

STRUCTURES = Path(__file__).parent / "data" / "structures.term.json"


@pytest.fixture(scope="module")
def logic():
    logic = slicer.vtkSlicerTerminologiesModuleLogic()
    assert logic.LoadTerminologyFromFile(str(STRUCTURES))
    return logic


@pytest.fixture
def terminologies(logic):
    return Terminologies(logic)


@pytest.mark.parametrize("name", ["liver", "Liver", " LIVER "])
def test_a_label_is_found_in_any_case(terminologies, name):
    match = terminologies.find(name)
    assert match.type == ("SCT", "10200004", "Liver")
    assert match.category.meaning == "Anatomical Structure"
    assert match.color == pytest.approx((200 / 255, 90 / 255, 70 / 255))


@pytest.mark.parametrize(
    "name",
    ["left kidney", "Left Kidney", "kidney left", "kidney, left", "kidney_left", "Kidney (L)", "lt kidney"],
)
def test_the_side_may_stand_anywhere(terminologies, name):
    match = terminologies.find(name)
    assert match.name == "Left Kidney"
    assert match.modifier == ("SCT", "7771000", "Left")
    assert match.label == "left kidney"


def test_left_and_right_are_told_apart(terminologies):
    assert terminologies.find("right lung").modifier.value == "24028007"
    assert terminologies.find("right lung").color != terminologies.find("left lung").color


def test_without_a_side_the_structure_is_found_and_is_not_gray(terminologies):
    match = terminologies.find("kidney")
    assert (match.name, match.modifier) == ("Kidney", None)
    assert match.color != pytest.approx((127 / 255,) * 3)


def test_the_meaning_of_a_code_is_found_too(terminologies):
    assert terminologies.find("bladder").label == "urinary bladder"
    assert terminologies.find("Urinary  bladder").name == "Bladder"


@pytest.mark.parametrize("name", ["", "  ", "left", "?", "left liver", "liverwurst", "flux capacitor"])
def test_what_nobody_knows_is_not_found(terminologies, name):
    assert terminologies.find(name) is None


def test_what_is_written_is_what_slicer_writes(terminologies, logic):
    for name in ("liver", "left kidney"):
        entry = slicer.vtkSlicerTerminologyEntry()
        assert logic.FindTypeInTerminologyBy3dSlicerLabel("LightSeg test structures", name, entry)
        assert terminologies.find(name).serialized == logic.SerializeTerminologyEntry(entry)


def test_a_known_name_gives_name_color_and_code(terminologies, logic):
    segment = slicer.vtkSegment()
    match = terminologies.apply(segment, "kidney_right")
    assert segment.GetName() == "Right Kidney"
    assert segment.GetColor() == pytest.approx(match.color)
    entry = slicer.vtkSlicerTerminologyEntry()
    assert logic.DeserializeTerminologyEntry(segment.GetTerminology(), entry)
    assert entry.GetTypeObject().GetCodeValue() == "64033007"
    assert entry.GetTypeModifierObject().GetCodeMeaning() == "Right"


def test_an_unknown_name_is_kept_with_its_own_color_and_the_general_code(terminologies):
    segment = slicer.vtkSegment()
    terminologies.apply(segment, "liver")
    assert terminologies.apply(segment, " Fibrous rest ") is None
    assert segment.GetName() == "Fibrous rest"
    assert segment.GetColor() == pytest.approx(color_of("fibrous rest"))
    assert "^85756007^Tissue" in segment.GetTerminology()
    assert "10200004" not in segment.GetTerminology()


def test_without_terminologies_a_segment_gets_name_and_a_stable_color():
    segment = slicer.vtkSegment()
    assert Terminologies().apply(segment, "liver") is None
    assert segment.GetName() == "liver"
    assert segment.GetColor() == pytest.approx(color_of("Liver"))
    assert not segment.HasTerminology()


def test_a_terminology_that_is_loaded_later_is_found():
    logic = slicer.vtkSlicerTerminologiesModuleLogic()
    terminologies = Terminologies(logic)
    assert terminologies.find("liver") is None
    logic.LoadTerminologyFromFile(str(STRUCTURES))
    assert terminologies.find("liver").name == "Liver"
