"""Which prompts led to what a segment shows now, so that their markers come and go with undo and redo.

Undo and redo are the Segment Editor's and say nothing of prompts. But a content that an answer left behind is
recognized when it comes back, and its prompts with it. So a painted segment, or any other that no answer
has left like this, has no markers: its prompts no longer tell why it looks as it does.
"""

from __future__ import annotations

from typing import Any

from LightSegUI.EffectGestures import Gesture

Place = tuple[str, str, str]  # IDs of volume node, segmentation node and segment


class PromptTrail:
    """Prompts by segment and content; one for all effects, because all look at the same scene."""

    def __init__(self) -> None:
        self._known: dict[tuple[Place, bytes], tuple[Gesture, ...]] = {}
        self._looks: dict[Place, Any] = {}
        self._shown: dict[Place, bytes] = {}
        self._sent: list[tuple[Any, Gesture]] = []

    def sent(self, job: Any, gesture: Gesture) -> None:
        """A prompt was handed to the worker as `job`; None if it was refused."""
        if job is not None:
            self._sent.append((job, gesture))

    def answered(self, volumeNode: Any, segmentationNode: Any, answer: Any) -> None:
        """An `Answer` was written. By it the prompt is found; a text is none with a place."""
        gesture = self._take(answer)
        if volumeNode is None or segmentationNode is None:
            return
        place = (volumeNode.GetID(), segmentationNode.GetID(), answer.segment_id)
        before = self._known.get((place, self._shown.get(place, b"")), ())
        self.look(volumeNode, segmentationNode, answer.segment_id)
        if place in self._shown:
            self._known[place, self._shown[place]] = before if gesture is None else (*before, gesture)

    def look(self, volumeNode: Any, segmentationNode: Any, segmentId: str) -> tuple[Gesture, ...]:
        """The prompts, in order, behind what a segment shows now; to be called after every change of it."""
        from LightSegLib import mrml
        from LightSegLib.errors import LightSegError
        from LightSegLib.mrml.following import SegmentTrail
        from LightSegLib.mrml.segment_voxels import SegmentationGrid

        place = (volumeNode.GetID(), segmentationNode.GetID(), segmentId)
        segment = segmentationNode.GetSegmentation().GetSegment(segmentId)
        try:
            grid = SegmentationGrid.of(segmentationNode, mrml.volume_from_node(volumeNode))
            digest, _content = self._looks.setdefault(place, SegmentTrail()).look(segment, grid)
        except LightSegError:  # a volume or a geometry that cannot be used: then there are no prompts either
            self._shown.pop(place, None)
            return ()
        self._shown[place] = digest
        return self._known.get((place, digest), ())

    def _take(self, answer: Any) -> Gesture | None:
        """The prompt of an answer; those before it that came to nothing are dropped."""
        self._sent = [entry for entry in self._sent if not _cameToNothing(entry[0])]
        for entry in self._sent:
            if entry[0].finished and entry[0].result() is answer:
                self._sent.remove(entry)
                return entry[1]
        return None


def _cameToNothing(job: Any) -> bool:
    return job.finished and job.error is not None
