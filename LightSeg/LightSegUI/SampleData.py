"""The bundled sample in Slicer's Sample Data module: a local file, no download."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from LightSegUI.Translation import tr as _

CATEGORY = "LightSeg"
SAMPLE = "LightSegSarcomaCT"
SAMPLE_WITH_OUTLINE = "LightSegSarcomaCTWithOutline"
"""Names by which scripts load them: `SampleData.downloadSample("LightSegSarcomaCT")`."""

_VOLUME_NODE = "SoftTissueSarcomaCT"
_OUTLINE_NODE = "Sarcoma outlined by an expert"
_ICONS = Path(__file__).resolve().parents[1] / "Resources" / "Icons"


def registerSampleData(sampleDataLogic: Any = None) -> None:
    """Offer the sample, alone and with an expert's outline; to be called when Slicer has started.

    Calling it again changes nothing. Without the sample's files, or without the Sample Data module, there is
    nothing to offer.

    Args:
        sampleDataLogic: the class SampleData.SampleDataLogic; looked up by default.
    """
    from LightSegLib.resources import samples_folder

    folder = samples_folder()
    description = folder / "sample.json"
    if not description.is_file():
        return
    if sampleDataLogic is None:
        try:
            import SampleData
        except ImportError:  # a Slicer that was built or started without it
            return
        sampleDataLogic = SampleData.SampleDataLogic
    entries = json.loads(description.read_text(encoding="utf-8"))
    if hasattr(sampleDataLogic, "registerCustomSampleDataCategory"):  # Slicer 5.12
        sampleDataLogic.registerCustomSampleDataCategory(CATEGORY, _("LightSeg"))
    image, label = (_file(folder, entries[name]) for name in ("image", "label"))
    sampleDataLogic.registerCustomSampleDataSource(
        category=CATEGORY,
        sampleName=SAMPLE,
        thumbnailFileName=str(_ICONS / "LightSegSample.png"),
        nodeNames=_VOLUME_NODE,
        loadFileTypes="VolumeFile",
        **image,
    )
    sampleDataLogic.registerCustomSampleDataSource(
        category=CATEGORY,
        sampleName=SAMPLE_WITH_OUTLINE,
        thumbnailFileName=str(_ICONS / "LightSegSampleOutline.png"),
        nodeNames=[_VOLUME_NODE, _OUTLINE_NODE],
        loadFileTypes=["VolumeFile", "SegmentationFile"],
        **{key: [image[key], label[key]] for key in image},
    )


def _file(folder: Path, entry: dict[str, str]) -> dict[str, str]:
    """Where a file is and how to recognise it, as SampleData wants it; its copy goes into Slicer's cache."""
    return {
        "uris": (folder / entry["file"]).resolve().as_uri(),
        "fileNames": f"LightSeg-{entry['file']}",
        "checksums": f"SHA256:{entry['sha256']}",
    }
