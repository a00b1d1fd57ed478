"""Whatever is done in whatever order: clicks hold, undo is exact, accepted segments never change."""

from __future__ import annotations

import numpy as np
from fakes import FakeModel, FakeSegmenter, make_volume
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from LightSegLib.session import InteractiveSession

SHAPE_KJI = (6, 7, 8)
VOXELS = st.tuples(*(st.integers(0, length - 1) for length in SHAPE_KJI[::-1]))


class SessionMachine(RuleBasedStateMachine):
    """A user without a plan, and a full copy of every mask to compare with."""

    def __init__(self):
        super().__init__()
        self.session = InteractiveSession(FakeModel(), FakeSegmenter(radius=1, margin=1))
        self.session.set_image(make_volume(SHAPE_KJI))
        self.shown = {"Segment_1": np.zeros(SHAPE_KJI, dtype=bool)}
        self.accepted = {}

    def active_is_open(self):
        return not self.session.is_accepted()

    def redraw(self, change):
        drawn = self.shown[change.segment]
        before = drawn.copy()
        drawn[change.box.slices] = change.mask
        differs = before != drawn
        if change.box.is_empty:
            assert not differs.any()
        else:
            # Tight: every face of the box holds a voxel that changed.
            inside = differs[change.box.slices]
            for axis in range(3):
                assert inside.take(0, axis).any()
                assert inside.take(-1, axis).any()

    def snapshot(self):
        return {name: self.session.segment_mask(name).copy() for name in self.session.segments}

    @precondition(active_is_open)
    @rule(ijk=VOXELS, positive=st.booleans())
    def click(self, ijk, positive):
        self.redraw(self.session.add_point(ijk, positive=positive))
        assert self.session.mask[ijk[::-1]] == positive

    @precondition(active_is_open)
    @rule(points=st.lists(VOXELS, min_size=1, max_size=4), positive=st.booleans())
    def scribble(self, points, positive):
        self.redraw(self.session.add_scribble(points, positive=positive))

    @precondition(active_is_open)
    @rule(first=VOXELS, second=VOXELS)
    def box(self, first, second):
        lower = tuple(map(min, first, second))
        upper = tuple(max(pair) + 1 for pair in zip(first, second, strict=True))
        self.redraw(self.session.add_box(lower, upper))

    @precondition(active_is_open)
    @rule(seed=st.integers(0, 100))
    def initial_mask(self, seed):
        initial = np.random.default_rng(seed).random(SHAPE_KJI) < 0.1
        self.redraw(self.session.set_mask(initial))
        np.testing.assert_array_equal(self.session.mask, initial)

    @precondition(active_is_open)
    @rule()
    def reset(self):
        self.redraw(self.session.reset())
        assert not self.session.mask.any()

    @precondition(lambda self: self.session.can_undo)
    @rule()
    def undo(self):
        self.redraw(self.session.undo())

    @precondition(lambda self: self.session.can_redo)
    @rule()
    def redo(self):
        self.redraw(self.session.redo())

    @precondition(lambda self: self.session.can_undo)
    @rule()
    def undo_all_and_redo_as_many(self):
        before, prompts = self.snapshot(), self.session.prompts
        steps = 0
        while self.session.can_undo:
            self.session.undo()
            steps += 1
        for name in self.session.segments:
            if name not in self.accepted:
                assert not self.session.segment_mask(name).any()
        for _ in range(steps):
            self.session.redo()
        after = self.snapshot()
        for name, mask in before.items():
            np.testing.assert_array_equal(after[name], mask)
        assert self.session.prompts == prompts

    @precondition(lambda self: len(self.session.segments) < 4)
    @rule()
    def add_segment(self):
        self.shown[self.session.add_segment()] = np.zeros(SHAPE_KJI, dtype=bool)

    @rule(data=st.data())
    def choose_segment(self, data):
        self.session.active_segment = data.draw(st.sampled_from(self.session.segments))

    @rule(data=st.data())
    def accept_or_reopen(self, data):
        name = data.draw(st.sampled_from(self.session.segments))
        if self.session.is_accepted(name):
            self.session.reopen(name)
            del self.accepted[name]
        else:
            self.session.accept(name)
            self.accepted[name] = self.session.segment_mask(name).copy()

    @precondition(lambda self: len(self.session.segments) > 1)
    @rule(data=st.data())
    def remove_segment(self, data):
        name = data.draw(st.sampled_from(self.session.segments))
        self.session.remove_segment(name)
        del self.shown[name]
        self.accepted.pop(name, None)

    @invariant()
    def redrawn_boxes_give_the_masks(self):
        assert set(self.session.segments) == set(self.shown)
        for name, mask in self.shown.items():
            np.testing.assert_array_equal(self.session.segment_mask(name), mask)

    @invariant()
    def clicks_hold(self):
        mask, prompts = self.session.mask, self.session.prompts
        for voxels, inside in ((prompts.positive_voxels(), True), (prompts.negative_voxels(), False)):
            assert (mask[voxels[:, 2], voxels[:, 1], voxels[:, 0]] == inside).all()

    @invariant()
    def accepted_segments_never_change(self):
        for name, mask in self.accepted.items():
            np.testing.assert_array_equal(self.session.segment_mask(name), mask)

    @invariant()
    def suggestions_lie_in_the_image(self):
        suggestion = self.session.suggest()
        if suggestion is not None:
            assert all(0 <= x < n for x, n in zip(suggestion, SHAPE_KJI[::-1], strict=True))


TestSession = SessionMachine.TestCase
TestSession.settings = settings(max_examples=30, stateful_step_count=30, deadline=None, derandomize=True)
