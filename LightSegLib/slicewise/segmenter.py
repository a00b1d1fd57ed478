"""Slice-wise segmentation: a 2D model answers in one slice, and that is followed through the volume.

The slice of the prompt is segmented at full resolution from all its prompts and the mask so far. Then each
slice is segmented with the mask of its neighbour as prompt, forwards and backwards, until the structure ends,
is lost, or belongs to a prompt in another slice: each prompt is in charge half way to the next one.
"""

from __future__ import annotations

import numpy as np

from LightSegLib.errors import GeometryError
from LightSegLib.intensities import PreparedImage
from LightSegLib.models.slices import SliceModel
from LightSegLib.pasting import cut_to_boxes
from LightSegLib.prompts import Prompt, PromptSet
from LightSegLib.proposal import CheckCancelled
from LightSegLib.regions import Answer
from LightSegLib.slicewise.embeddings import DEFAULT_BYTES, EmbeddingCache
from LightSegLib.slicewise.judging import SliceSettings
from LightSegLib.slicewise.looking import SliceLooker
from LightSegLib.slicewise.painting import Painting
from LightSegLib.slicewise.placing import PlacedPrompts, named_box
from LightSegLib.slicewise.propagation import Propagation
from LightSegLib.slicewise.windows import Windows, choose_axis


class SliceSegmenter:
    """Answers a prompt with a model that sees one slice at a time; see `proposal.Segmenter`.

    Args:
        model: see `models.slices.SliceModel`.
        settings: see `SliceSettings`.
        cache_bytes: memory for embeddings of slices.
    """

    def __init__(
        self, model: SliceModel, settings: SliceSettings | None = None, cache_bytes: int = DEFAULT_BYTES
    ) -> None:
        self.model = model
        self.settings = settings or SliceSettings()
        self.embeddings = EmbeddingCache(cache_bytes)
        self._plane: int | None = None

    @property
    def plane(self) -> int | None:
        """The index axis across the slices, 0, 1, 2 for i, j, k: that of the view the user clicks in.

        None, as in the beginning, for the axis with the largest distance between voxels. Setting anything
        else raises GeometryError.
        """
        return self._plane

    @plane.setter
    def plane(self, axis: int | None) -> None:
        if axis not in (None, 0, 1, 2):
            raise GeometryError(
                f"{axis!r} is no plane to slice in",
                "A plane is named by the index axis across it: 0, 1, 2 for i, j, k",
                "Give one of these, or None",
            )
        self._plane = None if axis is None else int(axis)

    def segment(
        self,
        image: PreparedImage,
        prompts: PromptSet,
        current: np.ndarray,
        changed_by: Prompt,
        *,
        check_cancelled: CheckCancelled | None = None,
    ) -> Answer:
        """Answer the newest prompt.

        Args:
            image: the image, prepared.
            prompts: all prompts of the segment, the newest last.
            current: bool (K, J, I), the segment's mask so far.
            changed_by: the newest prompt.
            check_cancelled: called before every slice; may raise `Cancelled`.

        Raises:
            CapabilityError: the newest prompt is a text.
            VolumeError: the slices are too narrow to be images.
            ModelError: the model's answer has no meaning.
        """
        axis = choose_axis(image.volume, self._plane, self.model.size)
        placed = PlacedPrompts(prompts, axis)
        named = placed.named_slices(changed_by)
        self.embeddings.turn_to(image, axis, named[len(named) // 2])
        windows = Windows(image.volume, axis, self.model.size)
        looker = SliceLooker(
            self.model, image, windows, self.embeddings, self.settings.connected, check_cancelled
        )
        painting = Painting(axis, current)
        propagation = Propagation(looker, painting, placed, self.settings)
        propagation.run(changed_by, PlacedPrompts(PromptSet(prompts.prompts[:-1]), axis))
        answer = painting.answer(named_box(changed_by), looker.network_seconds)
        if propagation.boxes:
            cut_to_boxes(answer.box, answer.mask, current, propagation.boxes, self.settings.box_slack)
        return answer
