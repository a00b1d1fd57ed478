"""A structure that is named: searched in the whole image, looked at closely, or said not to be there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from grey_model import GreyModel, ball, dice, picture
from region_cases import FREE, SHAPE
from scipy import ndimage

from LightSegLib.errors import CapabilityError
from LightSegLib.geometry import Volume
from LightSegLib.models.base import Prediction
from LightSegLib.orientation import Turn
from LightSegLib.regions import RegionSegmenter
from LightSegLib.session import InteractiveSession
from LightSegLib.text import AmbiguousTextError, UnknownTextError, Vocabulary
from LightSegLib.text.embeddings import Embeddings

LEFT, RIGHT = (20, 48, 45), (75, 48, 45)
TRUTH = ball(SHAPE, LEFT, 9) | ball(SHAPE, RIGHT, 7)


class Reader(GreyModel):
    """Knows the kidneys: the bright ball on the patient's left or right; a spleen it never finds."""

    def __init__(self) -> None:
        super().__init__(patch=48)
        knows = ["kidney_left", "kidney_right", "spleen"]
        self.capabilities = replace(self.capabilities, text=True, structures=knows)
        vocabulary = Vocabulary.load()
        embeddings = Embeddings.load(vocabulary)
        self.vectors = {name: embeddings.of(name)[0] for name in knows}
        self.told: list[str | None] = []

    def predict(self, image, guidance, text=None):
        name = None if text is None else next(n for n, v in self.vectors.items() if np.allclose(v, text))
        self.told.append(name)
        if name is None:
            return super().predict(image, guidance)
        self.seen.append((image, guidance))
        wanted = image[0].copy()
        if name == "spleen":
            return Prediction(np.full_like(wanted, -8.0), 0.02)
        balls, count = ndimage.label(wanted > 0)
        if count == 2:  # upright, the last axis runs towards the patient's left
            by_side = sorted((1, 2), key=lambda number: np.argwhere(balls == number)[:, 2].mean())
            wanted[balls == by_side[0 if name == "kidney_left" else 1]] = -1
        return Prediction((8 * wanted).astype(np.float32), 0.9)


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


def test_what_is_not_there_is_said_and_nothing_drawn() -> None:
    session, _ = begun()
    session.set_text("left kidney")
    assert session.mask.any()
    change = session.set_text("spleen")
    assert not session.mask.any()
    assert change.confidence < 0.1
    session.undo()
    assert session.mask.any()


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
