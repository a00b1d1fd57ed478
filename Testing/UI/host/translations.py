"""`slicer.i18n`: translation, which leaves the text as it is here but wants plain strings as Slicer does."""

from __future__ import annotations


def tr(text: str) -> str:
    """The text in the user's language."""
    return translate("", text)


def translate(context: str, text: str) -> str:
    """The text in the user's language, in a context."""
    if not isinstance(text, str):
        raise TypeError(f"Only text can be translated, not {type(text).__name__}")
    return text
