"""Charts as SVG: well-formed, to scale, the same bytes every time."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from LightSegLib.errors import DataError
from LightSegLib.evaluation.chart_axes import Axis, ticks_up_to
from LightSegLib.evaluation.charts import HEIGHT, WIDTH, Chart, Series

SVG = "{http://www.w3.org/2000/svg}"


def a_chart(*series: Series, **options: object) -> Chart:
    return Chart("Dice < 1 & more", Axis("clicks", [1, 3, 5]), Axis("Dice", [0, 1]), series, **options)


def drawn(chart: Chart) -> ElementTree.Element:
    return ElementTree.fromstring(chart.svg())


def points_of(chart: Chart) -> list[tuple[float, float]]:
    line = drawn(chart).find(f"{SVG}polyline")
    return [tuple(map(float, pair.split(","))) for pair in line.attrib["points"].split()]


def test_words_are_escaped_and_every_label_is_there() -> None:
    texts = [text.text for text in drawn(a_chart(Series("a <b>", [1, 5], [0, 1]))).iter(f"{SVG}text")]
    assert {"Dice < 1 & more", "clicks", "Dice", "a <b>", "1", "3", "5", "0"} <= set(texts)


def test_larger_numbers_are_further_right_and_further_up() -> None:
    (x0, y0), (x1, y1), (x2, y2) = points_of(a_chart(Series("a", [1, 3, 5], [0, 0.5, 1])))
    assert x1 - x0 == pytest.approx(x2 - x1)
    assert y0 - y1 == pytest.approx(y1 - y2)
    assert 0 < x0 < x2 < WIDTH
    assert 0 < y2 < y0 < HEIGHT


def test_a_value_beyond_the_axis_is_drawn_at_its_end() -> None:
    assert points_of(a_chart(Series("a", [1, 5], [0.5, 7])))[1][1] == points_of(
        a_chart(Series("a", [1, 5], [0.5, 1]))
    )[1][1]  # fmt: skip


def test_equal_factors_are_equal_steps_on_a_logarithmic_axis() -> None:
    chart = Chart(
        "t",
        Axis("voxels", [1, 100], logarithmic=True, names=["few", "many"]),
        Axis("s", [0, 1]),
        [Series("a", [1, 10, 100], [0, 0, 0])],
    )
    first, second, third = (x for x, _ in points_of(chart))
    assert second - first == pytest.approx(third - second)
    assert {"few", "many"} <= {text.text for text in drawn(chart).iter(f"{SVG}text")}


def test_weights_are_the_area_of_the_dots() -> None:
    radii = [
        float(dot.attrib["r"])
        for dot in drawn(a_chart(Series("a", [1, 3, 5], [0, 0, 0], [0.0, 0.25, 1.0]))).iter(f"{SVG}circle")
    ]
    assert (radii[2] - radii[0]) / (radii[1] - radii[0]) == pytest.approx(2)


def test_a_diagonal_and_dashes_are_drawn_where_asked_for() -> None:
    assert "stroke-dasharray='2 4'" in a_chart(diagonal=True).svg()
    assert "stroke-dasharray='7 4'" in a_chart(Series("a", [1], [0], dashed=True)).svg()
    assert "stroke-dasharray" not in a_chart(Series("a", [1], [0])).svg()


def test_the_same_numbers_give_the_same_bytes() -> None:
    charts = [a_chart(Series("a", [1, 5], [0, 1 / 3]), legend="upper left") for _ in range(2)]
    assert charts[0].svg() == charts[1].svg()


@pytest.mark.parametrize(
    "chart",
    [
        a_chart(Series("a", [1, 2], [0])),
        a_chart(Series("a", [1], [float("nan")])),
        Chart("t", Axis("x", [1]), Axis("y", [0, 1])),
        Chart("t", Axis("x", [2, 1]), Axis("y", [0, 1])),
        Chart("t", Axis("x", [0, 1], logarithmic=True), Axis("y", [0, 1])),
    ],
)
def test_what_cannot_be_drawn_is_refused(chart: Chart) -> None:
    with pytest.raises(DataError):
        chart.svg()


@pytest.mark.parametrize(
    ("largest", "ticks"),
    [(1, [0, 0.2, 0.4, 0.6, 0.8, 1.0]), (0.37, [0, 0.1, 0.2, 0.3, 0.4]), (11, [0, 5, 10, 15]), (0, [0, 1])],
)
def test_ticks_are_round_and_reach_far_enough(largest: float, ticks: list[float]) -> None:
    assert ticks_up_to(largest) == pytest.approx(ticks)
