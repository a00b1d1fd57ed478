"""A card's settings of the region policy hold in every session with its model."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from grey_model import picture
from reading_model import TRUTH, Reader

from LightSegLib.card_regions import region_settings
from LightSegLib.errors import ModelError
from LightSegLib.regions import RegionSettings
from LightSegLib.session import InteractiveSession


def reader(**regions: object) -> Reader:
    model = Reader()
    model.card = SimpleNamespace(id="reader", title="Reader", regions=regions)
    return model


def test_a_card_that_says_nothing_leaves_the_usual_settings() -> None:
    assert region_settings(reader()) == RegionSettings()


def test_a_card_changes_what_it_names() -> None:
    found = region_settings(reader(absent=1, connected=False, zoom={"fill": 0.5}, of_a_later_version=3))
    assert (found.absent, found.connected, found.zoom.fill) == (1.0, False, 0.5)
    assert (found.inertia, found.zoom.refit) == (RegionSettings().inertia, RegionSettings().zoom.refit)


@pytest.mark.parametrize(
    "regions",
    [{"absent": "much"}, {"absent": True}, {"connected": 1}, {"zoom": 2.0}, {"zoom": {"levels": 2.5}}],
)
def test_a_setting_of_the_wrong_kind_is_refused(regions: dict[str, object]) -> None:
    with pytest.raises(ModelError, match="card of reader") as caught:
        InteractiveSession(reader(**regions))
    assert caught.value.next_step


def test_a_session_refuses_below_the_threshold_on_the_card() -> None:
    for absent, drawn in ((0.95, False), (0.85, True)):
        session = InteractiveSession(reader(absent=absent))
        session.set_image(picture(TRUTH))
        change = session.set_text("left kidney")
        assert change.confidence == pytest.approx(0.9)
        assert session.mask.any() == drawn
