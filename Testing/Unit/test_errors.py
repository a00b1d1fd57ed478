"""Errors carry what failed, why, and the next step, and read as sentences."""

from __future__ import annotations

import pickle

import pytest

from LightSegLib import errors
from LightSegLib.errors import LightSegError, PromptError

ALL = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, LightSegError)]


def test_an_error_reads_as_sentences_and_keeps_its_parts():
    error = PromptError("The point lies outside", "The image ends at (9, 9, 9)", "Click inside the image")
    assert str(error) == "The point lies outside. The image ends at (9, 9, 9). Click inside the image."
    assert (error.what, error.why, error.next_step) == error.args


def test_missing_parts_leave_no_gap():
    assert str(LightSegError("It failed")) == "It failed."
    assert str(LightSegError("It failed", "", "Try again")) == "It failed. Try again."
    assert str(LightSegError("It failed", "  ")) == "It failed."


@pytest.mark.parametrize("ending", [".", "!", "?", ":"])
def test_a_part_that_ends_a_sentence_gets_no_second_full_stop(ending):
    assert str(LightSegError("Really" + ending)) == "Really" + ending


@pytest.mark.parametrize("kind", ALL)
def test_one_handler_catches_every_error_of_the_library(kind):
    with pytest.raises(LightSegError, match="What"):
        raise kind("What", "why", "next")


@pytest.mark.parametrize("kind", ALL)
def test_an_error_survives_the_way_between_processes(kind):
    copy = pickle.loads(pickle.dumps(kind("What", "why", "next")))
    assert type(copy) is kind
    assert (copy.what, copy.why, copy.next_step) == ("What", "why", "next")


def test_every_kind_the_library_promises_exists():
    names = {kind.__name__ for kind in ALL}
    assert names >= {
        *("LightSegError", "GeometryError", "VolumeError", "ImageFileError", "PromptError", "SessionError"),
        *("CapabilityError", "ModelError", "DeviceError", "OutOfMemoryError", "DataError", "TrainingError"),
        "Cancelled",
    }
