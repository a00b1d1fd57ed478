"""A structure that is named: searched in the whole image, looked at closely, or said not to be there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from grey_model import ball, dice, picture
from reading_model import LEFT, RIGHT, TRUTH, Reader
from region_cases import FREE, SHAPE

from LightSegLib.errors import CapabilityError
from LightSegLib.geometry import Volume
from LightSegLib.intensities import prepare
from LightSegLib.orientation import Turn
from LightSegLib.prompts import PromptSet, Text
from LightSegLib.regions import RegionSegmenter
from LightSegLib.session import InteractiveSession
from LightSegLib.text import AmbiguousTextError, UnknownTextError


def begun(affine=None):
    model = Reader()
    session = InteractiveSession(model, RegionSegmenter(model, FREE))
    image = picture(TRUTH)
    session.set_image(image if affine is None else Volume(image.array, affine))
    return session, model


def test_a_name_alone_finds_the_structure_and_looks_closer() -> None:
    session, model = begun(np.diag([-1.0, -1.0, 1.0, 1.0]))  # i runs to the left
    change = session.set_text("linke Niere")
    assert dice(session.mask, ball(SHAPE, RIGHT, 7)) > 0.9
    assert change.confidence == pytest.approx(0.9)
    assert model.told == ["kidney_left"] * len(model.told)
    assert len(model.seen) >= 2
    shares = [(image > 0).mean() for image, _ in model.seen]
    assert shares[-1] > 2 * shares[0]


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_sides_are_the_patients_however_the_image_is_stored(sign: float) -> None:
    session, _ = begun(np.diag([sign, -1.0, 1.0, 1.0]))
    session.set_text("right kidney")
    place = LEFT if sign < 0 else RIGHT  # towards the left with i, or against it
    assert session.mask[place[::-1]]
    assert session.mask.sum() < 0.8 * TRUTH.sum()


def test_images_are_shown_upright_and_answers_come_back_in_place() -> None:
    affine = np.eye(4)[[1, 2, 0, 3]]
    session, model = begun(affine)
    assert Turn.upright(affine).is_needed
    session.set_text("left kidney")
    assert 0 < session.mask.sum() < TRUTH.sum()
    assert not (session.mask & ~TRUTH).sum() > 0.1 * TRUTH.sum()
    assert model.seen[0][0].shape == (1, 48, 48, 48)


def test_a_click_after_the_name_goes_on_with_it() -> None:
    session, model = begun()
    session.set_text("left kidney")
    session.add_point(LEFT)
    assert set(model.told) == {"kidney_left"}
    assert session.mask[LEFT[::-1]]


class Doubtful(Reader):
    """Finds what is named, and less surely the other kidney as well."""

    def predict(self, image, guidance, text=None):
        prediction = super().predict(image, guidance, text)
        if text is None:
            return prediction
        other = (image[0] > 0) & (prediction.logits < 0)
        return replace(prediction, logits=np.where(other, 0.5, prediction.logits).astype(np.float32))


def test_of_several_places_that_a_name_finds_the_likeliest_is_kept() -> None:
    model = Doubtful()
    session = InteractiveSession(model, RegionSegmenter(model, FREE))
    session.set_image(picture(TRUTH))
    session.set_text("left kidney")
    assert dice(session.mask, ball(SHAPE, LEFT, 9)) > 0.9
    closest = model.seen[-1][0][0] > 0
    assert closest.mean() > 0.05  # the region suits one kidney, not both


def test_what_is_not_there_is_said_and_nothing_drawn() -> None:
    session, _ = begun()
    session.set_text("left kidney")
    assert session.mask.any()
    change = session.set_text("spleen")
    assert not session.mask.any()
    assert change.confidence < 0.1
    session.undo()
    assert session.mask.any()


def test_saying_that_nothing_is_there_makes_no_array_of_the_whole_image() -> None:
    text = Text("spleen")
    nothing = np.zeros(SHAPE[::-1], bool)
    image = prepare(picture(TRUTH))
    answer = RegionSegmenter(Reader(), FREE).segment(image, PromptSet((text,)), nothing, text)
    assert (answer.box.size, answer.mask.any()) == (1, False)


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("kidney", AmbiguousTextError, "left kidney or right kidney"),
        ("flux capacitor", UnknownTextError, "Nearest are"),
        ("liver", CapabilityError, "not taught what liver looks like.*left kidney, right kidney"),
    ],
)
def test_a_text_that_cannot_be_answered_changes_nothing(text, error, words) -> None:
    session, model = begun()
    with pytest.raises(error, match=words):
        session.set_text(text)
    assert not session.can_undo
    assert model.seen == []
