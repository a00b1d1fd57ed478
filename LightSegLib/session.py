"""The interactive session: one image, several segments, prompts in, changed boxes out.

    session = InteractiveSession(model)
    session.set_image(volume)
    change = session.add_point((120, 95, 40))
    change = session.add_point((131, 99, 40), positive=False)
    session.undo()

Set the image once, then prompt as often as needed; the mask is always whole and always consistent with the
clicks. An error of any kind, also one out of the model or a cancelled prompt, leaves masks, prompts and undo
stack as they were.

A session is not thread safe: let one thread at a time work on it (a worker thread may run prompts and be
stopped through `check_cancelled`, as long as nothing else touches the session meanwhile).
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import ArrayLike

from LightSegLib.caller_input import as_mask, voxel_at, whole
from LightSegLib.errors import CapabilityError, SessionError, VolumeError
from LightSegLib.geometry import IndexBox, Volume
from LightSegLib.intensities import PreparedImage
from LightSegLib.model_input import prepare_for
from LightSegLib.prompts import Box, Point, Prompt, PromptSet, Scribble, Text, validate
from LightSegLib.proposal import CheckCancelled, Segmenter, settle, settle_drawn
from LightSegLib.segment_holder import no_image
from LightSegLib.segments import EMPTY_BOX, NOTHING_SNAPPED, Change, Doubt, Knowledge, Snap
from LightSegLib.suggestion import suggest
from LightSegLib.undoable import UndoableSegments

if TYPE_CHECKING:
    from LightSegLib.models.base import InteractiveModel
    from LightSegLib.models.slices import SliceModel
    from LightSegLib.similar.proposals import SimilarObject
    from LightSegLib.similar.settings import SimilarSettings

__all__ = ["Change", "InteractiveSession"]

_IMAGE_NUMBERS = itertools.count(1)
"""Every image of every session has its own, so that a proposal is never taken for that of another."""


class InteractiveSession(UndoableSegments):
    """One model at work on one image. See the module for an example and what holds after an error.

    All prompts take `check_cancelled`, a function without arguments that is called now and then and raises
    `Cancelled` to stop. All prompts raise `SessionError` before `set_image` or on an accepted segment,
    `CapabilityError` where the model does not take them, and `PromptError` where they lie outside the image
    or make no sense.
    """

    def __init__(self, model: InteractiveModel | SliceModel, segmenter: Segmenter | None = None) -> None:
        """Start without an image.

        Args:
            model: a loaded model.
            segmenter: how regions or slices are chosen; None for the usual way.
        """
        super().__init__()
        self._model = model
        self._segmenter = _usual_segmenter(model) if segmenter is None else segmenter
        self._image: PreparedImage | None = None
        self._image_number = 0

    @property
    def model(self) -> InteractiveModel | SliceModel:
        """The model that answers."""
        return self._model

    @property
    def image(self) -> Volume | None:
        """The image, None before `set_image`."""
        return None if self._image is None else self._image.volume

    def set_image(self, volume: Volume) -> None:
        """Take an image and start over with one empty segment, "Segment_1". On an error nothing changes.

        Raises:
            VolumeError: not a `Volume`; NaN or infinite values; one single value everywhere.
            CapabilityError: more channels than the model takes, or in another order. Fewer are taken as the
                first ones, the others as not acquired.
        """
        if not isinstance(volume, Volume):
            raise VolumeError(
                f"A {type(volume).__name__} is not an image with a place in space",
                "The session needs the affine too",
                "Call set_image(Volume(array, ijk_to_ras))",
            )
        prepared = prepare_for(volume, self._model.capabilities)
        self._start_over(volume.shape_ijk)
        self._image = prepared
        self._image_number = next(_IMAGE_NUMBERS)

    @property
    def mask(self) -> np.ndarray:
        """Bool (K, J, I), a read-only view of the active segment that follows its changes."""
        return self._current().mask

    @property
    def prompts(self) -> PromptSet:
        """The prompts of the active segment, in order."""
        return self._current().knowledge.prompts

    @property
    def confidence(self) -> float:
        """Dice coefficient the model expects of the active segment, 0 to 1; see `Change.confidence`."""
        return self._current().knowledge.confidence

    def add_point(
        self, ijk: Sequence[float], positive: bool = True, *, check_cancelled: CheckCancelled | None = None
    ) -> Change:
        """Click on a voxel: index (i, j, k), whole numbers; positive if it belongs to the structure."""
        self._require("points")
        return self._answer(Point(whole(ijk, "point"), positive), check_cancelled)

    def add_point_ras(
        self, ras: Sequence[float], positive: bool = True, *, check_cancelled: CheckCancelled | None = None
    ) -> Change:
        """Click on the voxel nearest to a position (r, a, s) in mm; halves are rounded up."""
        self._require("points")
        return self._answer(Point(voxel_at(self._prepared().volume, ras), positive), check_cancelled)

    def add_box(
        self,
        lower_ijk: Sequence[float],
        upper_ijk: Sequence[float],
        *,
        check_cancelled: CheckCancelled | None = None,
    ) -> Change:
        """Frame the structure: voxels from `lower_ijk` up to, not including, `upper_ijk`."""
        self._require("boxes")
        box = Box(whole(lower_ijk, "box corner"), whole(upper_ijk, "box corner"))
        return self._answer(box, check_cancelled)

    def add_scribble(
        self,
        points_ijk: Sequence[Sequence[float]],
        positive: bool = True,
        *,
        check_cancelled: CheckCancelled | None = None,
    ) -> Change:
        """Draw a line through voxels (N x 3, IJK); positive if all of it belongs to the structure."""
        self._require("scribbles")
        return self._answer(Scribble(tuple(whole(points_ijk, "scribble")), positive), check_cancelled)

    def set_text(self, text: str, *, check_cancelled: CheckCancelled | None = None) -> Change:
        """Name the structure: "left kidney"."""
        self._require("text")
        return self._answer(Text(text), check_cancelled)

    def set_mask(self, initial: ArrayLike, *, check_cancelled: CheckCancelled | None = None) -> Change:
        """Continue from a mask: it replaces the active segment's mask, and the prompts so far are forgotten.

        Args:
            initial: (K, J, I) of the whole image: bool, integer (nonzero is inside), or float with only 0
                and 1. Copied.
            check_cancelled: as for all prompts.

        Raises:
            SessionError, CapabilityError: as for all prompts.
            PromptError: another shape, or no mask.
        """
        started = time.perf_counter()
        self._require("mask")
        segment = self._open()
        content = as_mask(initial, self._prepared().volume.shape_ijk)
        extent = IndexBox.of_mask(content) or EMPTY_BOX
        box = segment.knowledge.extent.union(extent)
        after = Knowledge(extent=extent, confidence=0.0 if extent.is_empty else 1.0)
        if check_cancelled is not None:
            check_cancelled()
        return self._commit(segment, box, content[box.slices], after, started)

    def suggest(self) -> tuple[int, int, int] | None:
        """The voxel (i, j, k) of the active segment where a click would help most.

        Returns:
            None if the model has not answered yet or is sure everywhere, or the segment is accepted.
        """
        segment = self._current()
        doubt = segment.knowledge.doubt
        if doubt is None or segment.accepted:
            return None
        return suggest(
            doubt.probability,
            doubt.box,
            doubt.thin(segment.mask),
            segment.knowledge.prompts,
            step_ijk=doubt.step_ijk,
            spacing_ijk=self._prepared().volume.spacing_ijk,
        )

    def find_similar(
        self,
        limit: int = 20,
        *,
        settings: SimilarSettings | None = None,
        report: Callable[[float, str], None] | None = None,
        check_cancelled: CheckCancelled | None = None,
    ) -> list[SimilarObject]:
        """Find what looks like the active segment, anywhere in the image. Changes nothing; see `add_similar`.

        Args:
            limit: how many objects to propose at most, 1 or more.
            settings: what is asked of them; None for the usual.
            report: told the share done, 0 to 1, and what is being done: a `JobContext.report`.
            check_cancelled: as for all prompts.

        Returns:
            The most confident first. Nothing is proposed where a segment is already.

        Raises:
            SessionError: no image yet; the active segment is empty; a limit below 1.
            CapabilityError: the model takes no clicks, or does not show what it sees without prompts.
        """
        from LightSegLib.similar.finding import SimilarFinder

        image, example = self._prepared(), self._current()
        self._require("points")
        if not example.mask.any():
            raise SessionError(
                f'The segment "{example.name}" is empty',
                "What looks alike is looked for by an example",
                "Segment one object first, or choose its segment",
            )
        if limit < 1:
            raise SessionError(f"At most {limit} objects are none", "", "Give a limit of 1 or more")
        others = [part.mask for part in self._segments if part is not example and part.mask.any()]
        finder = SimilarFinder(self._segmenter, image, settings, report, check_cancelled)
        return finder.find(example.name, example.mask, others, limit, self._image_number)

    def add_similar(self, found: SimilarObject, name: str | None = None) -> Change:
        """Make a new segment of an object that `find_similar` proposed, and make it the active one.

        Clicks go on from there. Undo empties the segment, in one step.

        Args:
            found: the proposal.
            name: of the segment; None for the next number.

        Raises:
            SessionError: it was found in another image; the name is taken or empty.
        """
        started = time.perf_counter()
        self._prepared()
        if found.image_number != self._image_number:
            raise SessionError(
                "The object was found in another image",
                "The session has a new one",
                "Call find_similar() again",
            )
        self.add_segment(name)
        return self._commit(self._current(), found.box, found.mask, found.knowledge, started)

    def _answer(self, prompt: Prompt, check_cancelled: CheckCancelled | None) -> Change:
        """Let the segmenter answer a prompt on the active segment."""
        started = time.perf_counter()
        segment, image = self._open(), self._prepared()
        prompt = validate(prompt, image.volume)
        prompts = segment.knowledge.prompts.with_prompt(prompt)
        with segment.as_drawn():
            answer = self._segmenter.segment(
                image, prompts, segment.mask, prompt, check_cancelled=check_cancelled
            )
            box, content = settle(answer, prompts, segment.mask)
            drawn = settle_drawn(answer, prompts, segment.mask)
        after = replace(
            segment.knowledge,
            prompts=prompts,
            confidence=float(answer.confidence),
            doubt=Doubt.of(answer.box, answer.probability),
            snap=NOTHING_SNAPPED if drawn is None else Snap.of(box, drawn ^ content),
        )
        if check_cancelled is not None:
            check_cancelled()
        return self._commit(segment, box, content, after, started, answer.network_seconds)

    def _prepared(self) -> PreparedImage:
        if self._image is None:
            raise no_image()
        return self._image

    def _require(self, kind: str) -> None:
        """Refuse a kind of prompt, named as in `Capabilities`, that the model does not take."""
        capabilities = self._model.capabilities
        if not getattr(capabilities, kind):
            raise CapabilityError(
                f"The model does not take {kind}",
                f"It takes {capabilities.describe()}",
                "Use one of these, or load another model",
            )


def _usual_segmenter(model: InteractiveModel | SliceModel) -> Segmenter:
    """Region by region for a model of volumes, as its card asks for; slice by slice for one of slices."""
    if model.capabilities.dimensions == 2:
        from LightSegLib.slicewise.segmenter import SliceSegmenter

        return SliceSegmenter(cast("SliceModel", model))
    from LightSegLib.card_regions import region_settings
    from LightSegLib.regions import RegionSegmenter

    volumes = cast("InteractiveModel", model)
    return RegionSegmenter(volumes, region_settings(volumes))
