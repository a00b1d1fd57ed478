"""A page of facts to paste into a question: what is installed, what is chosen, what went wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from LightSegLib.errors import LightSegError

if TYPE_CHECKING:
    from LightSegUI.InteractiveLogic import InteractiveLogic


def reportText(logic: InteractiveLogic, lastError: LightSegError | None = None) -> str:
    """The report. It names no image and no patient. It imports torch where that is installed.

    Args:
        logic: the shared logic.
        lastError: the last error shown to the user.
    """
    from LightSegLib.commands.environment import describe_environment, environment_lines

    facts = describe_environment()
    lines = [f"Slicer      {slicerVersion()}", *environment_lines(facts), *_choiceLines(logic)]
    lines += [f"Problem     {problem}" for problem in facts["problems"]]
    if lastError is not None:
        lines.append(f"Last error  {lastError}")
        if lastError.__cause__ is not None:
            lines.append(f"Cause       {type(lastError.__cause__).__name__}: {lastError.__cause__}")
    return "\n".join(lines) + "\n"


def slicerVersion() -> str:
    """Version and revision of the application, for people."""
    import slicer

    application = getattr(slicer, "app", None)
    if application is None:
        return "none (plain Python)"
    parts = (
        str(getattr(application, name, ""))
        for name in ("applicationVersion", "revision", "os", "arch")
        if not callable(getattr(application, name, None))
    )
    return " ".join(part for part in parts if part)


def _choiceLines(logic: InteractiveLogic) -> list[str]:
    try:
        card = logic.modelCard
    except LightSegError as error:
        return [f"Model       {error}"]
    used = logic.deviceInUse
    lines = [
        f"Model       {card.id}, weights {card.weights.sha256[:12]}, {card.licence}",
        f"Compute on  {logic.device}" + (f" ({used} in use)" if used else " (not loaded)"),
    ]
    measured = logic.measurement()
    if measured is not None:
        lines.append(f"Measured    {measured.describe()}")
    return lines
