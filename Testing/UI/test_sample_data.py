"""The bundled sample is offered in Sample Data, from local files."""

from __future__ import annotations

import hashlib
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from LightSegUI.SampleData import CATEGORY, SAMPLE, SAMPLE_WITH_OUTLINE, registerSampleData

from LightSegLib.resources import VARIABLE


class SampleDataLogic:
    """SampleData.SampleDataLogic: remembers what is registered."""

    def __init__(self) -> None:
        self.sources: list[dict[str, Any]] = []
        self.titles: dict[str, str] = {}

    def registerCustomSampleDataCategory(self, category: str, title: str) -> None:
        self.titles[category] = title

    def registerCustomSampleDataSource(self, **source: Any) -> None:
        self.sources.append(source)


class OlderSampleDataLogic(SampleDataLogic):
    """That of Slicer 5.10, which knows no titles."""

    registerCustomSampleDataCategory = property()


@pytest.fixture
def registered() -> list[dict[str, Any]]:
    logic = SampleDataLogic()
    registerSampleData(logic)
    return logic.sources


def test_the_sample_is_offered_alone_and_with_the_outline(registered: list[dict[str, Any]]) -> None:
    assert [source["sampleName"] for source in registered] == [SAMPLE, SAMPLE_WITH_OUTLINE]
    assert {source["category"] for source in registered} == {CATEGORY}
    alone, both = registered
    assert alone["loadFileTypes"] == "VolumeFile"
    assert both["loadFileTypes"] == ["VolumeFile", "SegmentationFile"]
    assert {len(both[key]) for key in ("uris", "fileNames", "checksums", "nodeNames")} == {2}


def test_the_addresses_are_local_files_with_the_stated_checksums(registered: list[dict[str, Any]]) -> None:
    both = registered[1]
    for address, checksum in zip(both["uris"], both["checksums"], strict=True):
        assert address.startswith("file://")
        with urllib.request.urlopen(address) as file:  # as SampleData gets it
            digest = hashlib.sha256(file.read()).hexdigest()
        assert checksum == f"SHA256:{digest}"


def test_file_names_say_the_format_to_slicers_readers(registered: list[dict[str, Any]]) -> None:
    assert all(name.endswith(".nii.gz") for name in registered[1]["fileNames"])


def test_the_thumbnails_are_there(registered: list[dict[str, Any]]) -> None:
    pictures = [Path(source["thumbnailFileName"]) for source in registered]
    assert [path for path in pictures if not path.is_file()] == []


def test_slicer_5_10_gets_the_samples_as_well() -> None:
    logic = OlderSampleDataLogic()
    registerSampleData(logic)
    assert len(logic.sources) == 2


def test_without_the_files_nothing_is_offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    logic = SampleDataLogic()
    registerSampleData(logic)
    assert logic.sources == []
