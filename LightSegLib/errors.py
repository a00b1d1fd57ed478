"""What can go wrong, each with its cause and the next step the user can take.

Every error that the library raises on purpose derives from `LightSegError`, so that a user interface needs
one handler and never has to invent advice.
"""

from __future__ import annotations

_SENTENCE_ENDS = (".", "!", "?", ":", "…")


class LightSegError(Exception):
    """Base of all errors of LightSeg.

    Args:
        what: what failed, with the offending value: "The point (600, 10, 5) lies outside the image".
        why: the cause or the rule that was broken; may be empty.
        next_step: what the user or caller can do about it; may be empty.

    `str(error)` joins the three as sentences; as attributes they stay apart for a user interface that wants
    them so.
    """

    def __init__(self, what: str, why: str = "", next_step: str = "") -> None:
        super().__init__(what, why, next_step)
        self.what = what
        self.why = why
        self.next_step = next_step

    def __str__(self) -> str:
        return " ".join(_sentence(part) for part in (self.what, self.why, self.next_step) if part.strip())


def _sentence(text: str) -> str:
    text = text.strip()
    return text if text.endswith(_SENTENCE_ENDS) else text + "."


class GeometryError(LightSegError):
    """An affine, a box or a sampling grid that has no meaning: singular, sheared, not finite, inside out."""


class VolumeError(LightSegError):
    """Image data that cannot be segmented: wrong axes, one voxel thin, not finite, constant, with time."""


class ImageFileError(LightSegError):
    """An image file that cannot be read or written: missing, empty, truncated, of unknown format."""


class PromptError(LightSegError):
    """A click, box, scribble or text that cannot be used: outside the image, inside out, empty."""


class SessionError(LightSegError):
    """A call out of order, for example a click before an image was set."""


class CapabilityError(LightSegError):
    """A request that the loaded model cannot serve; the message says what it can."""


class ModelError(LightSegError):
    """A model that cannot be found or loaded: unknown name, bad card, weights that do not match."""


class DeviceError(LightSegError):
    """A computing device that does not exist or cannot be used."""


class OutOfMemoryError(LightSegError):
    """The work does not fit into the memory of the machine or the device."""


class DataError(LightSegError):
    """Training or evaluation data that is missing or malformed."""


class TrainingError(LightSegError):
    """A training run that cannot start, resume or go on."""


class Cancelled(LightSegError):  # noqa: N818 - not a failure
    """The user stopped the work; nothing is wrong."""
