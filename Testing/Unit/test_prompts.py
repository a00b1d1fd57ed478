"""Prompts: what they cover, how they add up, and which ones are refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from LightSegLib.errors import PromptError
from LightSegLib.geometry import Volume
from LightSegLib.prompts import Box, Point, PromptSet, Scribble, Text, validate

REPEATABLE = settings(deadline=None, derandomize=True, max_examples=60)

# 10 x 20 x 30 voxels of 1 x 1 x 2 mm; i runs to the left and j to the back, as in a plain axial CT.
VOLUME = Volume(np.zeros((30, 20, 10), np.int16), np.diag([-1, -1, 2, 1]))
VOXEL = st.tuples(*[st.integers(-15, 15)] * 3)


@REPEATABLE
@given(st.lists(VOXEL, min_size=1, max_size=6))
def test_a_scribble_keeps_its_vertices_and_repeats_no_voxel(points):
    voxels = [tuple(v) for v in Scribble(tuple(points)).voxels().tolist()]
    assert set(points) <= set(voxels)
    assert len(voxels) == len(set(voxels))
    assert voxels[0] == points[0]


@REPEATABLE
@given(VOXEL, VOXEL)
def test_a_straight_scribble_is_connected_and_no_thicker_than_needed(start, end):
    voxels = Scribble((start, end)).voxels()
    assert (np.abs(np.diff(voxels, axis=0)).max(axis=1, initial=1) == 1).all()
    assert len(voxels) == np.abs(np.subtract(end, start)).max() + 1


@REPEATABLE
@given(st.lists(VOXEL, min_size=2, max_size=5))
def test_all_voxels_of_a_scribble_hang_together(points):
    left = {tuple(v) for v in Scribble(tuple(points)).voxels().tolist()}
    reached = [left.pop()]
    for voxel in reached:
        near = {v for v in left if np.abs(np.subtract(v, voxel)).max() <= 1}
        reached.extend(near)
        left -= near
    assert not left


def test_a_scribble_of_one_point_is_that_voxel():
    voxels = Scribble(((3, 4, 5),)).voxels()
    assert voxels.tolist() == [[3, 4, 5]]
    assert voxels.dtype == np.int64


def test_a_set_is_immutable_and_keeps_the_order():
    empty = PromptSet()
    one = empty.with_prompt(Point((1, 2, 3)))
    two = one.with_prompt(Box((0, 0, 0), (5, 5, 5)))
    three = two.with_prompt(Scribble(((1, 1, 1),), positive=False)).with_prompt(Text("liver"))
    assert (len(empty), len(one), len(two), len(three)) == (0, 1, 2, 4)
    assert [type(p).__name__ for p in three] == ["Point", "Box", "Scribble", "Text"]
    assert three.points == (Point((1, 2, 3)),)
    assert three.boxes == (Box((0, 0, 0), (5, 5, 5)),)
    assert three.scribbles == (Scribble(((1, 1, 1),), positive=False),)
    assert (three.text, two.text) == ("liver", None)
    assert (three.last, empty.last) == (Text("liver"), None)


def test_the_latest_text_holds():
    assert PromptSet((Text("liver"), Text("spleen"))).text == "spleen"


def test_an_empty_set_has_voxel_arrays_of_the_right_shape():
    for voxels in (PromptSet().positive_voxels(), PromptSet().negative_voxels()):
        assert voxels.shape == (0, 3)
        assert voxels.dtype == np.int64


def test_voxels_of_clicks_and_scribbles_come_together_by_sign():
    prompts = PromptSet(
        (Point((1, 1, 1)), Point((9, 9, 9), positive=False), Scribble(((3, 1, 1), (5, 1, 1))))
    )
    assert prompts.positive_voxels().tolist() == [[1, 1, 1], [3, 1, 1], [4, 1, 1], [5, 1, 1]]
    assert prompts.negative_voxels().tolist() == [[9, 9, 9]]


def test_the_later_of_two_contradicting_prompts_holds():
    prompts = PromptSet((Scribble(((0, 0, 0), (2, 0, 0))), Point((1, 0, 0), positive=False)))
    assert prompts.positive_voxels().tolist() == [[0, 0, 0], [2, 0, 0]]
    assert prompts.negative_voxels().tolist() == [[1, 0, 0]]
    again = prompts.with_prompt(Point((1, 0, 0)))
    assert again.positive_voxels().tolist() == [[0, 0, 0], [2, 0, 0], [1, 0, 0]]
    assert len(again.negative_voxels()) == 0


def test_voxels_of_a_set_cannot_be_changed():
    voxels = PromptSet((Point((1, 1, 1)),)).positive_voxels()
    with pytest.raises(ValueError, match="read-only"):
        voxels[0] = 5


def test_valid_prompts_pass_unchanged():
    for prompt in (
        Point((0, 0, 0)),
        Point((9, 19, 29), positive=False),
        Box((0, 0, 0), (10, 20, 30)),
        Box((4, 4, 4), (5, 5, 5)),
        Scribble(((0, 0, 0), (9, 19, 29)), positive=False),
        Text("left kidney"),
    ):
        assert validate(prompt, VOLUME) == prompt


def test_indices_become_plain_integers_by_rounding_halves_up():
    point = validate(Point((1.5, np.float32(2.5), np.int64(3))), VOLUME)
    assert point == Point((2, 3, 3))
    assert all(type(n) is int for n in point.ijk)
    assert validate(Box((0.4, 0.5, 1), (3.5, 4.4, 5)), VOLUME) == Box((0, 1, 1), (4, 4, 5))
    assert validate(Scribble(np.array([[1.2, 1, 1], [2, 2, 2]])), VOLUME) == Scribble(((1, 1, 1), (2, 2, 2)))


@pytest.mark.parametrize(
    "ijk", [(-1, 0, 0), (10, 0, 0), (0, 20, 0), (0, 0, 30), (9.5, 0, 0), (-0.51, 0, 0), (1e300, 0, 0)]
)
def test_a_click_outside_the_image_is_refused(ijk):
    with pytest.raises(PromptError, match="outside the image"):
        validate(Point(ijk), VOLUME)


@REPEATABLE
@given(st.tuples(st.floats(-0.5, 9.4999999), st.floats(-0.5, 19.4999999), st.floats(-0.5, 29.4999999)))
def test_every_position_inside_a_voxel_is_a_voxel_of_the_image(ijk):
    assert VOLUME.box.contains(validate(Point(ijk), VOLUME).ijk)


def test_a_click_outside_is_named_in_mm_and_index_with_the_valid_range():
    with pytest.raises(PromptError) as caught:
        validate(Point((12, 5, 29)), VOLUME)
    text = str(caught.value)
    assert "RAS (-12.0, -5.0, 58.0) mm" in text
    assert "index (12, 5, 29)" in text
    assert "(0, 0, 0) to (9, 19, 29)" in text
    assert "R -9.0 to 0.0, A -19.0 to 0.0, S 0.0 to 58.0 mm" in text
    assert caught.value.next_step


def test_the_offending_point_of_a_scribble_is_named():
    with pytest.raises(PromptError, match="scribble point 2 of 3"):
        validate(Scribble(((0, 0, 0), (0, 0, 99), (1, 1, 1))), VOLUME)


@pytest.mark.parametrize(
    ("box", "reason"),
    [
        (Box((5, 5, 5), (4, 9, 9)), "inside out"),
        (Box((5, 5, 5), (0, 9, 9)), "inside out"),
        (Box((5, 5, 5), (5, 9, 9)), "is empty"),
        (Box((5, 5, 5), (5.4, 9, 9)), "is empty"),
        (Box((-1, 5, 5), (5, 9, 9)), "first voxel of the box .* outside"),
        (Box((5, 5, 5), (9, 9, 31)), r"last voxel of the box .*index \(8, 8, 30\).* outside"),
        (Box((5, 5, 5), (9, 9, np.inf)), "not finite"),
        (Box((5, 5, 5), (1e300, 9, 9)), "outside"),
    ],
)
def test_a_box_that_cannot_be_used_is_refused(box, reason):
    with pytest.raises(PromptError, match=reason):
        validate(box, VOLUME)


@pytest.mark.parametrize(
    ("prompt", "reason"),
    [
        (Point((np.nan, 0, 0)), "not finite"),
        (Point((1, 2)), "not three numbers"),
        (Point("abc"), "not three numbers"),
        (Point(None), "not three numbers"),
        (Scribble(()), "empty"),
        ("liver", "is not a prompt"),
        (None, "is not a prompt"),
    ],
)
def test_a_prompt_without_meaning_is_refused(prompt, reason):
    with pytest.raises(PromptError, match=reason):
        validate(prompt, VOLUME)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("  ", "empty"),
        ("a" * 201, "201 characters"),
        ("left\nkidney", r"U\+000A"),
        ("left\x00kidney", r"U\+0000"),
        ("kidney\u202e", r"U\+202E"),
        ("\ud800", r"U\+D800"),
        (5, "type int"),
        (None, "type NoneType"),
    ],
)
def test_a_text_that_cannot_be_used_is_refused(text, reason):
    with pytest.raises(PromptError, match=reason):
        validate(Text(text), VOLUME)


def test_text_is_trimmed_and_may_be_in_any_script():
    assert validate(Text("  left kidney \n"), VOLUME).text == "left kidney"
    assert validate(Text("a" * 200), VOLUME).text == "a" * 200
    for name in ("左腎", "почка", "Niere links", "foie/hígado", "می\u200cشود"):
        assert validate(Text(name), VOLUME).text == name


def test_equal_spellings_of_an_accent_are_equal_texts():
    assert validate(Text("hi\u0301gado"), VOLUME) == validate(Text("h\u00edgado"), VOLUME)
