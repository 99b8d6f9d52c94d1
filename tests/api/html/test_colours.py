"""Areas of a picture have no shape of their own, so their colours must differ also for who does not tell red from green."""

import re
from pathlib import Path

import pytest

from api.html import render

CSS = (Path(render.__file__).parents[1] / "static" / "tracker.css").read_text("utf-8")
SCHEMES = dict(zip(("light", "dark"), CSS.split("@media (prefers-color-scheme: dark)"), strict=True))

#: Deuteranopia in linear RGB: Machado, Oliveira, Fernandes 2009, severity 1.
DEUTERANOPIA = (
    (0.367322, 0.860646, -0.227968),
    (0.280085, 0.672501, 0.047413),
    (-0.011820, 0.042940, 0.968881),
)
LUMINANCE = (0.2126, 0.7152, 0.0722)


def linear(colour: str) -> list[float]:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]


def seen(colour: str) -> float:
    """How light a deuteranope sees the colour, from 0 to 1."""
    rgb = linear(colour)
    simulated = [sum(m * c for m, c in zip(row, rgb, strict=True)) for row in DEUTERANOPIA]
    return sum(w * min(1, max(0, c)) for w, c in zip(LUMINANCE, simulated, strict=True))


def contrast(one: str, other: str) -> float:
    """By WCAG's formula, as a deuteranope sees them."""
    dark, light = sorted((seen(one), seen(other)))
    return (light + 0.05) / (dark + 0.05)


def test_the_simulation_keeps_grey_and_confuses_what_it_should() -> None:
    assert seen("#ffffff") == pytest.approx(1, abs=0.01) and seen("#000000") == 0
    assert contrast("#15803d", "#b91c1c") < 1.5, (
        "the text colours alone would not do: they have shapes and words"
    )


@pytest.mark.parametrize("scheme", SCHEMES)
def test_areas_differ_in_lightness(scheme: str) -> None:
    fills = dict(re.findall(r"--(good|bad|stop)-fill: (#[0-9a-f]{6})", SCHEMES[scheme]))
    assert contrast(fills["bad"], fills["good"]) > 1.7
    assert contrast(fills["bad"], fills["stop"]) > 1.7
    assert contrast(fills["good"], fills["stop"]) > 1.4
