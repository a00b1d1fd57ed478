"""A session on nodes: prompts in, voxels in the segment, and errors that say what to do."""

from __future__ import annotations

from LightSegLib.mrml.scene_session import SceneSession


def test_a_click_fills_the_structure(model, volume_node, segmentation_node, worker, heard):
    session = SceneSession(model, volume_node, segmentation_node, worker)
    session.add_point("A", (9, 13, 12), **heard.callbacks)
    worker.wait_idle(10)
    worker.poll()
    assert not heard.errors
    assert heard.done[0].written
