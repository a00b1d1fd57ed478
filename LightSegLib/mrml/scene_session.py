"""An interactive session kept in step with a volume and a segmentation of the scene.

    session = SceneSession(model, volume_node, segmentation_node, worker)
    session.add_point("Segment_1", (12.0, -30.5, 101.0), on_done=show, on_error=explain)
    ...
    worker.poll()    # now and then, on the main thread: answers are written here

Everything here is called on the main thread. Only arrays and numbers go to the worker's thread, where the
session computes; when its answer is back, `worker.poll()` writes it into the segment and calls the callbacks.
Prompts are answered one after the other, each from what its segment shows at that moment: after undo, redo,
painting by hand or another prompt.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from numpy.typing import ArrayLike

from LightSegLib.caller_input import voxel_at
from LightSegLib.errors import Cancelled, PromptError, SessionError
from LightSegLib.geometry import Volume
from LightSegLib.mrml.following import Start
from LightSegLib.mrml.request_queue import Request, RequestQueue
from LightSegLib.mrml.scene_keeper import SceneKeeper
from LightSegLib.mrml.scene_watch import SceneWatch
from LightSegLib.mrml.session_nodes import add_editor, require_same_scene
from LightSegLib.mrml.stepping import Action, Outcome, SteppingSession, ask, follow, reset, suggest
from LightSegLib.mrml.undo_owners import LogicUndo, UndoOwner
from LightSegLib.mrml.volumes import volume_from_node
from LightSegLib.prompts import Box, Point, Prompt, Scribble, Text, validate
from LightSegLib.runtime.jobs import Callbacks, Job, JobContext
from LightSegLib.segments import Change

if TYPE_CHECKING:
    from LightSegLib.models.base import InteractiveModel
    from LightSegLib.proposal import Segmenter
    from LightSegLib.runtime.worker import SessionWorker

T = TypeVar("T")
RAS = tuple[float, float, float]


@dataclass(frozen=True)
class Answer:
    """What a prompt did.

    Attributes:
        segment_id: the segment.
        change: what the session changed; masking may have kept part of it out of the segment.
        seconds: from the prompt to the written segment, waiting included.
        write_seconds: part of it spent on writing.
        confidence: Dice coefficient the model expects of the segment, 0 to 1.
        written: whether voxels were written.
    """

    segment_id: str
    change: Change
    seconds: float
    write_seconds: float
    confidence: float
    written: bool


class SceneSession:
    """One model at work on one volume node and one segmentation node. See the module.

    Prompts are checked at once and answered in order. They return a `Job` that is final when the answer is
    written; cancel it on the main thread, and wait for it by polling the worker, never by `job.result()`
    alone. They take the callbacks `on_done(answer)`, `on_error(error)`, `on_cancelled()` and
    `on_progress(fraction, text)`, which `worker.poll()` calls; a prompt that is cancelled while it waits is
    told at once. Before anything is queued they raise

    - `SessionError` if a node left the scene, the session is closed, or the segment does not exist, is hidden
      or is accepted;
    - `VolumeError` or `GeometryError` if the volume, as it is now and where it is now, cannot be segmented;
    - `PromptError` if the prompt lies outside the image or makes no sense.

    Undo and redo by the user drop what runs, with a `SessionError` that says so; results for nodes that left
    the scene are dropped.

    Args:
        model: a loaded model.
        volume_node: `vtkMRMLScalarVolumeNode`.
        segmentation_node: `vtkMRMLSegmentationNode` of the same scene; without geometry it gets the image's.
        worker: runs the session; its owner polls it.
        undo_owner: the one undo history of the segmentation; None for one of the session's own.
        editor_node: `vtkMRMLSegmentEditorNode` whose masking and overwrite settings hold; None for one of the
            session's own, kept in the scene.
        segmenter: how regions are chosen; None for the usual way.

    Raises:
        SessionError: the nodes are not in one scene.
        VolumeError, GeometryError: the volume cannot be segmented.
    """

    def __init__(
        self,
        model: InteractiveModel,
        volume_node: Any,
        segmentation_node: Any,
        worker: SessionWorker,
        undo_owner: UndoOwner | None = None,
        editor_node: Any | None = None,
        segmenter: Segmenter | None = None,
    ) -> None:
        require_same_scene(volume_node, segmentation_node)
        volume_from_node(volume_node)  # refused before anything is added to the scene
        self._own_editor = add_editor(volume_node, segmentation_node) if editor_node is None else None
        editor = editor_node or self._own_editor
        self._own_undo: LogicUndo | None = None
        if undo_owner is None:
            undo_owner = self._own_undo = LogicUndo(editor)
        self._undo: UndoOwner = undo_owner
        self._keeper = SceneKeeper(volume_node, segmentation_node, editor, self._undo)
        self._stepping = SteppingSession(model, segmenter)
        self._queue = RequestQueue(worker)
        self._why_closed: SessionError | None = None
        self._watch = SceneWatch(
            volume_node, segmentation_node, gone=self._gone, edited=self._edited, restored=self._restored
        )

    @property
    def undo_owner(self) -> UndoOwner:
        """The one undo history of the segmentation."""
        return self._undo

    @property
    def busy(self) -> bool:
        """Whether a prompt runs or waits."""
        return self._queue.busy

    @property
    def closed(self) -> bool:
        """Whether the session is over: it was closed, or one of its nodes left the scene."""
        return self._why_closed is not None

    # --- Prompts --------------------------------------------------------------------------------------------

    def add_point(
        self, segment_id: str, ras: ArrayLike, positive: bool = True, **callbacks: Any
    ) -> Job[Answer]:
        """Click at a position (r, a, s) in mm in the world; positive if it belongs to the structure."""
        volume = self._ready(segment_id)
        return self.add_prompts(segment_id, [Point(voxel_at(volume, ras), positive)], **callbacks)

    def add_box(
        self, segment_id: str, lower_ras: ArrayLike, upper_ras: ArrayLike, **callbacks: Any
    ) -> Job[Answer]:
        """Frame the structure by two opposite corners in mm; both are inside; what sticks out is cut."""
        volume = self._ready(segment_id)
        return self.add_prompts(segment_id, [_box_between(volume, lower_ras, upper_ras)], **callbacks)

    def add_scribble(
        self, segment_id: str, points_ras: Sequence[ArrayLike], positive: bool = True, **callbacks: Any
    ) -> Job[Answer]:
        """Draw a line through positions (N x 3) in mm; positive if all of it belongs to the structure."""
        volume = self._ready(segment_id)
        line = tuple(voxel_at(volume, point) for point in points_ras)
        return self.add_prompts(segment_id, [Scribble(line, positive)], **callbacks)

    def set_text(self, segment_id: str, text: str, **callbacks: Any) -> Job[Answer]:
        """Name the structure: "left kidney"."""
        return self.add_prompts(segment_id, [Text(text)], **callbacks)

    def add_prompts(self, segment_id: str, prompts: Sequence[Prompt], **callbacks: Any) -> Job[Answer]:
        """Prompts in voxels of the image, as those made of markups, answered together as one action."""
        volume = self._ready(segment_id)
        if not prompts:
            raise PromptError("There is nothing to segment by", "No point or box was placed", "Place a point")
        checked = [validate(prompt, volume) for prompt in prompts]
        return self._submit(segment_id, ask(checked), self._keeper.write, callbacks)

    def begin_segment(
        self, segment_id: str, prompts: Sequence[Prompt], add: Callable[[], None], **callbacks: Any
    ) -> Job[Answer]:
        """Prompts for a segment that comes into being with their answer, as one action of the undo history.

        Where nothing is found, nothing is added, and the answer's `written` is False.

        Args:
            segment_id: the ID that it will have.
            prompts: as for `add_prompts`; at least one.
            add: called when there is something to write; adds the empty segment of that ID.
            callbacks: as for all prompts.

        Raises:
            SessionError: there is a segment of this ID already.
        """
        volume = self._image_now()
        if self._keeper.has(segment_id):
            raise _not_new(segment_id)
        checked = [validate(prompt, volume) for prompt in prompts]

        def write(segment_id: str, start: Start, outcome: Outcome[Change]) -> bool:
            return self._keeper.write_new(segment_id, start, outcome, add)

        return self._submit(segment_id, ask(checked), write, callbacks, new=True)

    def reset(self, segment_id: str, **callbacks: Any) -> Job[Answer]:
        """Empty a segment as far as masking allows, and forget its prompts."""
        self._ready(segment_id)
        return self._submit(segment_id, reset, self._keeper.erase, callbacks)

    def suggest(self, segment_id: str, **callbacks: Any) -> Job[RAS | None]:
        """Look for the position in mm where a click would help most; the result is None if nowhere."""
        volume = self._ready(segment_id)

        def position(start: Start, outcome: Outcome[Any]) -> RAS | None:
            self._keeper.follow(segment_id, start, outcome)
            if outcome.value is None:
                return None
            r, a, s = volume.index_to_ras(outcome.value).tolist()
            return (r, a, s)

        return self._queue_up(segment_id, suggest, position, callbacks)

    def follow(self, segment_id: str, **callbacks: Any) -> Job[None]:
        """Bring the session in keeping with what a segment shows. Every prompt does so by itself first."""
        self._ready(segment_id)

        def note(start: Start, outcome: Outcome[Any]) -> None:
            self._keeper.follow(segment_id, start, outcome)

        return self._queue_up(segment_id, follow, note, callbacks)

    # --- Segments -------------------------------------------------------------------------------------------

    def accept(self, segment_id: str) -> None:
        """Give a segment the status Completed: no prompt changes it any more, nor takes voxels from it.

        Prompts that were asked for before are still answered.

        Raises:
            SessionError: there is no such segment, or the session is closed.
        """
        self._require_alive()
        self._keeper.set_accepted(segment_id, True)

    def reopen(self, segment_id: str) -> None:
        """Let an accepted segment change again. Errors as for `accept`."""
        self._require_alive()
        self._keeper.set_accepted(segment_id, False)

    def is_accepted(self, segment_id: str) -> bool:
        """Whether a segment is accepted. Errors as for `accept`."""
        self._require_alive()
        return self._keeper.is_accepted(segment_id)

    def confidence(self, segment_id: str) -> float | None:
        """The model's confidence in what a segment shows now; None if it is not the session's answer."""
        return None if self.closed else self._keeper.confidence(segment_id)

    # --- Stopping -------------------------------------------------------------------------------------------

    def cancel(self) -> None:
        """Give up every prompt that runs or waits; the segments stay as they are."""
        self._queue.drop_all()

    def close(self) -> None:
        """Cancel everything and let go of the scene. May be called again."""
        self._end(SessionError("The session is closed", "", "Make a new SceneSession"))

    # --- Inside ---------------------------------------------------------------------------------------------

    def _require_alive(self) -> None:
        if not self.closed and not self._watch.complete:
            self._gone()
        if self._why_closed is not None:
            raise self._why_closed

    def _ready(self, segment_id: str) -> Volume:
        """Check everything that can be checked before a prompt, and return the image as it is now."""
        volume = self._image_now()
        self._keeper.require_open(segment_id)
        return volume

    def _image_now(self) -> Volume:
        self._require_alive()
        if self._keeper.image_changed:
            self._queue.drop_all(_changed_image())
            self._keeper.refresh()
        return self._keeper.volume

    def _submit(
        self,
        segment_id: str,
        action: Action[Change],
        write: Callable[[str, Start, Outcome[Change]], bool],
        callbacks: dict[str, Any],
        new: bool = False,
    ) -> Job[Answer]:
        """Queue an action whose change is written; for a new segment, into one that is not there yet."""
        asked = time.perf_counter()

        def answer(start: Start, outcome: Outcome[Change]) -> Answer:
            begun = time.perf_counter()
            written = write(segment_id, start, outcome)
            now = time.perf_counter()
            return Answer(segment_id, outcome.value, now - asked, now - begun, outcome.confidence, written)

        return self._queue_up(segment_id, action, answer, callbacks, new)

    def _queue_up(
        self,
        segment_id: str,
        action: Action[Any],
        conclude: Callable[[Start, Outcome[Any]], T],
        callbacks: dict[str, Any],
        new: bool = False,
    ) -> Job[T]:
        starts: list[Start] = []

        def begin() -> Callable[[JobContext], Outcome[Any]]:
            self._require_unchanged(segment_id, new)
            start = self._keeper.new_start(segment_id) if new else self._keeper.start(segment_id)
            volume, stepping = self._keeper.volume, self._stepping
            starts.append(start)
            return lambda context: stepping.run(context, volume, segment_id, start, action)

        def finish(outcome: Outcome[Any]) -> T:
            self._require_unchanged(segment_id, new)
            return conclude(starts[0], outcome)

        return self._queue.submit(Request(begin, finish), Callbacks(**callbacks))

    def _require_unchanged(self, segment_id: str, new: bool) -> None:
        self._require_alive()
        if self._keeper.image_changed:
            raise _changed_image()
        if new and self._keeper.has(segment_id):
            raise _not_new(segment_id)
        if not new and not self._keeper.has(segment_id):
            raise Cancelled("The work was dropped", f'The segment "{segment_id}" was removed meanwhile')

    def _gone(self) -> None:
        self._end(
            SessionError(
                "The volume or the segmentation is no longer in the scene",
                "It was deleted, or the scene was closed",
                "Choose a volume and a segmentation",
            )
        )

    def _end(self, why: SessionError) -> None:
        if not self.closed:
            self._why_closed = why
            self._watch.close()
            self._queue.drop_all()
            if self._own_undo is not None:
                self._own_undo.close()
            if self._own_editor is not None and self._own_editor.GetScene() is not None:
                self._own_editor.GetScene().RemoveNode(self._own_editor)

    def _edited(self) -> None:
        """Somebody painted: what runs goes on, from now on a different content means undo."""
        if self.busy and not self._keeper.writing:
            self._keeper.mark()

    def _restored(self) -> None:
        """A segment changed without an edit: if its voxels did, that was undo or redo."""
        if self.busy and self._keeper.restored():
            self._queue.drop_all(_undone())


def _box_between(volume: Volume, one_ras: ArrayLike, other_ras: ArrayLike) -> Box:
    """The box of voxels between two corners, both of them in it, as far as it lies in the image."""
    ends = list(zip(voxel_at(volume, one_ras), voxel_at(volume, other_ras), strict=True))
    (i0, i1), (j0, j1), (k0, k1) = (sorted(pair) for pair in ends)
    box = Box((i0, j0, k0), (i1 + 1, j1 + 1, k1 + 1))
    limits = zip(box.lower_ijk, box.upper_ijk, volume.shape_ijk, strict=True)
    inside = [(max(low, 0), min(high, size)) for low, high, size in limits]
    if any(high <= low for low, high in inside):
        return box  # outside altogether: checking it says where
    (i0, i1), (j0, j1), (k0, k1) = inside
    return Box((i0, j0, k0), (i1, j1, k1))


def _not_new(segment_id: str) -> SessionError:
    return SessionError(f'There is a segment "{segment_id}" already', "", "Choose another ID for the new one")


def _undone() -> SessionError:
    return SessionError(
        "The prompt was dropped", "Undo or redo changed the segment before it was answered", "Give it again"
    )


def _changed_image() -> SessionError:
    return SessionError(
        "The volume changed while LightSeg was at work", "Its voxels or its place are new", "Click again"
    )
