"""Structures by name: several at once, each in a segment of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from LightSegLib.errors import LightSegError, PromptError, SessionError
from LightSegLib.prompts import Text
from LightSegUI.LogicPrompts import LogicPrompts
from LightSegUI.Names import Names
from LightSegUI.Signal import Signal
from LightSegUI.TextOutcome import TextOutcome, keptOutByMasking, notInThisImage
from LightSegUI.TextRun import TextRun, Turns
from LightSegUI.TextTargets import TextTargets
from LightSegUI.Translation import tr as _

if TYPE_CHECKING:
    from LightSegLib.commands.trial import Trial
    from LightSegLib.mrml import Answer, SceneSession
    from LightSegLib.runtime.jobs import Job
    from LightSegLib.text.completion import Completion
    from LightSegLib.text.structures import Structure
    from LightSegUI.Background import Ticket
    from LightSegUI.Runner import Runner
    from LightSegUI.Settings import Settings

COMPLETIONS = 12
"""How many names to offer while somebody types."""


class LogicTexts(LogicPrompts):
    """The part of `InteractiveLogic` that takes several names at once; see there for the whole."""

    def __init__(
        self,
        scene: Any = None,
        runner: Runner | None = None,
        settings: Settings | None = None,
        loadModel: Callable[[str, str], Any] | None = None,
        tryModel: Callable[[str, str], Trial] | None = None,
    ) -> None:
        super().__init__(scene, runner, settings, loadModel, tryModel)
        self.named = Signal("named")
        self._names = Names()
        self._targets = TextTargets(self._nodes, self._names)
        self._turns = Turns()
        self._textModels: tuple[str, ...] | None = None

    def segmentTexts(self, texts: str | Sequence[str], wait: bool | None = None) -> Any:
        """Find structures by their names, each in a segment of its own, with its name, color and code.

        A name of both sides ("kidney") gives two segments, and a whole that the model does not know one for
        each part it knows. The first goes to the selected segment if that is empty and has no name yet, and
        what has a segment of its name to that one; for the rest segments are added. Clicks correct them. Each
        segment is one step of undo. A structure that is not in the image leaves no segment.

        Args:
            texts: the names, in any language of the vocabulary; in one text parted by semicolons or lines.
            wait: see the class.

        Returns:
            A list of `TextOutcome`, those of names that mean nothing first; `named` is emitted with it in any
            case.

        Raises:
            PromptError: there is no name.
            LightSegError: see the class. What is wrong with one name stands in its outcome.
        """

        def start(waits: bool) -> Ticket:
            self.requireUsableVolume()
            self._choice.require("text")
            names = _namesIn(texts)
            session, known = self._sceneSession(), tuple(self._choice.model.capabilities.structures)
            before = self._nodes.selectedSegment
            run = TextRun(
                self._background.worker,
                self._turns,
                lambda: self._names.understand(names, known),
                partial(self._askFor, session),
                lambda text, structure, answer: self._conclude(text, structure, answer, before),
                lambda: not session.closed,
                self.named.emit,
            )
            return self._background.start(run.begin, None, waits)

        return self._perform(start, wait)

    def completeText(self, prefix: str, count: int = COMPLETIONS) -> list[Completion]:
        """Names that begin with what was typed so far, of structures that the chosen model finds by name.

        Returns:
            English names first; `str` of one is "left kidney" or "Niere links → left kidney", its `name` what
            to put into a line. Empty if the model takes no text.
        """
        try:
            able = self.modelCard.capabilities
        except LightSegError:  # there is no model; whatever is done with a name says so
            return []
        return self._names.complete(prefix, able.structures, count) if able.text else []

    def textModels(self) -> tuple[str, ...]:
        """Ids of the models that come with LightSeg and take text; looked up once."""
        if self._textModels is None:
            from LightSegLib.models.registry import list_models

            try:
                self._textModels = tuple(card.id for card in list_models() if card.capabilities.text)
            except LightSegError:  # a card is damaged: the list of models says so
                return ()
        return self._textModels

    # --- Own business -------------------------------------------------------------------------------------

    def _askFor(self, session: SceneSession, structure: Structure, **callbacks: Any) -> Job[Answer]:
        """Hand in the work for one structure."""
        if not session.closed:
            self._loadAhead()
        target = self._targets.find(structure)
        if target is not None:
            return session.set_text(target, structure.name, **callbacks)
        segmentId = str(
            self._nodes.requireSegmentation().GetSegmentation().GenerateUniqueSegmentID(structure.id)
        )
        return session.begin_segment(
            segmentId, [Text(structure.name)], lambda: self._addNamed(segmentId, structure), **callbacks
        )

    def _addNamed(self, segmentId: str, structure: Structure) -> None:
        """Add the empty segment that an answer is then written into."""
        from LightSegLib.mrml.structure_segments import describe_segment

        segmentation = self._nodes.requireSegmentation().GetSegmentation()
        if segmentation.AddEmptySegment(segmentId, structure.name) != segmentId:
            raise SessionError(_("A segment for {name} could not be added").format(name=structure.name))
        describe_segment(segmentation.GetSegment(segmentId), structure)

    def _conclude(
        self, text: str, structure: Structure, answer: Answer, selectedBefore: str | None
    ) -> TextOutcome:
        """What came of a structure, after its answer is in the scene.

        Args:
            text: the name as it was given.
            structure: what was asked for.
            answer: the answer.
            selectedBefore: ID of the segment that was selected when the names were given.
        """
        from LightSegLib.mrml.structure_segments import describe_segment

        segmentId = answer.segment_id
        isThere = segmentId in self._nodes.segmentIds()
        if not isThere or self._targets.isEmpty(segmentId):
            if isThere and answer.written:  # what it held before was not what it is called
                self._onAnswer(answer)
            kept = answer.change.mask.any()
            error = keptOutByMasking(structure.name) if kept else notInThisImage(structure.name)
            return TextOutcome(text, structure.name, answer=answer, error=error)
        if self._targets.isUnnamed(segmentId):
            describe_segment(self.segmentationNode.GetSegmentation().GetSegment(segmentId), structure)
        if self._nodes.selectedSegment == selectedBefore:  # the first one, unless the user went elsewhere
            self._nodes.selectSegment(segmentId)
        self._onAnswer(answer)
        return TextOutcome(text, structure.name, segmentId, answer)


def _namesIn(texts: str | Sequence[str]) -> list[str]:
    from LightSegLib.text.naming import split_names

    given = [texts] if isinstance(texts, str) else list(texts)
    wrong = next((each for each in given if not isinstance(each, str)), None)
    if wrong is not None:
        raise PromptError(_("{value} is not a name").format(value=repr(wrong)), "", _("Give texts"))
    names = [name for text in given for name in split_names(text)]
    if not names:
        raise PromptError(_("There is no name"), "", _('Name a structure, for example "left kidney"'))
    return names
