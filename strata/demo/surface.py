"""A vector pen over a Pillow surface that carries colour and drawn line side by side.

The surface has four bands: red, green, blue and *line* (255 where a contour was drawn). A medium decides
later what to do with each. The Pillow mode is CMYK only because it is the four-band mode whose resize does
not multiply the first three bands by the fourth; nothing here is ever colour-converted.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from PIL import Image, ImageDraw

SUPERSAMPLE = 2
FOUR_BANDS = "CMYK"

Colour = tuple[float, float, float]
Point = tuple[float, float]

_CIRCLES = {
    n: [(math.cos(2 * math.pi * i / n), math.sin(2 * math.pi * i / n)) for i in range(n)] for n in (8, 14, 26)
}


@dataclass(frozen=True)
class Pen:
    """Draws in local coordinates (y up) through an affine map onto a surface (y down, supersampled pixels).

    ``extent`` collects [x0, y0, x1, y1] of what was drawn, in surface pixels; pens made by `at` share it.
    """

    draw: ImageDraw.ImageDraw
    a: float
    b: float
    c: float
    d: float
    e: float
    f: float
    line_px: float
    extent: list[float] = field(default_factory=lambda: [math.inf, math.inf, -math.inf, -math.inf])

    def at(
        self,
        x: float,
        y: float,
        scale: float = 1.0,
        *,
        stretch: float = 1.0,
        angle: float = 0.0,
        mirror: bool = False,
        fresh_extent: bool = False,
    ) -> Pen:
        """A pen whose origin lies at (x, y), turned by `angle` radians; `stretch` widens x only."""
        cos, sin = math.cos(angle) * scale, math.sin(angle) * scale
        sx = -stretch if mirror else stretch
        return Pen(
            self.draw,
            (self.a * cos + self.b * sin) * sx,
            self.b * cos - self.a * sin,
            self.a * x + self.b * y + self.c,
            (self.d * cos + self.e * sin) * sx,
            self.e * cos - self.d * sin,
            self.d * x + self.e * y + self.f,
            self.line_px,
            [math.inf, math.inf, -math.inf, -math.inf] if fresh_extent else self.extent,
        )

    def to_surface(self, points: Iterable[Point]) -> list[Point]:
        """Local points -> surface pixels."""
        a, b, c, d, e, f = self.a, self.b, self.c, self.d, self.e, self.f
        return [(a * x + b * y + c, d * x + e * y + f) for x, y in points]

    def shape(self, points: Iterable[Point], colour: Colour, line: float = 1.0) -> None:
        """Fill a polygon and draw its contour, `line` times the picture's line width (0: none)."""
        corners = self.to_surface(points)
        self.draw.polygon(corners, fill=bands(colour, 0))
        if line > 0:
            self._contour(corners, colour, line)
        self._extend(corners, 0.5 * line * self.line_px)

    def curve(
        self,
        points: Sequence[Point],
        colour: Colour,
        line: float = 1.0,
        *,
        steps: int = 4,
        closed: bool = True,
    ) -> None:
        """The same with a smooth outline through the points."""
        self.shape(smooth(points, steps, closed), colour, line)

    def disc(
        self,
        x: float,
        y: float,
        rx: float,
        ry: float | None = None,
        colour: Colour = (0, 0, 0),
        line: float = 1.0,
    ) -> None:
        """Fill an ellipse with half axes rx, ry."""
        self.shape(ellipse(x, y, rx, ry), colour, line)

    def merge(self, shapes: Sequence[Sequence[Point]], colour: Colour, line: float = 1.0) -> None:
        """Fill several polygons as one body: only the contour of their union stays."""
        bodies = [self.to_surface(points) for points in shapes]
        if line > 0:
            for corners in bodies:
                self._contour(corners, colour, 2 * line)
        fill = bands(colour, 0)
        for corners in bodies:
            self.draw.polygon(corners, fill=fill)
            self._extend(corners, line * self.line_px)

    def stroke(self, points: Iterable[Point], colour: Colour, width: float = 0.0, ink: int = 255) -> None:
        """Draw an open line, `width` local units and at least a hair; `ink` 0..255 is its line value."""
        way = self.to_surface(points)
        unit = math.sqrt(abs(self.a * self.e - self.b * self.d))
        px = max(width * unit, 0.7 * self.line_px)
        self.draw.line(
            way, fill=bands(colour, ink), width=max(1, round(px)), joint="curve" if px > 4 else None
        )
        self._extend(way, 0.5 * px)

    def _contour(self, corners: list[Point], colour: Colour, line: float) -> None:
        width = max(1, round(line * self.line_px))
        self.draw.line([*corners, corners[0]], fill=bands(darker(colour, 0.4), 255), width=width)

    def _extend(self, points: list[Point], margin: float) -> None:
        for at, side in enumerate(zip(*points, strict=True)):
            self.extent[at] = min(self.extent[at], min(side) - margin)
            self.extent[at + 2] = max(self.extent[at + 2], max(side) + margin)


def new_surface(width_px: int, height_px: int) -> tuple[Image.Image, Pen]:
    """A surface and a pen whose unit is the picture's long side, origin at the lower left corner."""
    wide, high = width_px * SUPERSAMPLE, height_px * SUPERSAMPLE
    image = Image.new(FOUR_BANDS, (wide, high))
    unit = float(max(wide, high))
    line_px = max(1.0, unit / 380.0)
    return image, Pen(ImageDraw.Draw(image), unit, 0.0, 0.0, 0.0, -unit, float(high), line_px)


def rectangle(x0: float, y0: float, x1: float, y1: float) -> list[Point]:
    """The corners of an upright rectangle."""
    return [(x0, y0), (x0, y1), (x1, y1), (x1, y0)]


def ellipse(x: float, y: float, rx: float, ry: float | None = None, corners: int = 26) -> list[Point]:
    """The corners of an ellipse; `corners` is 8, 14 or 26."""
    high = rx if ry is None else ry
    return [(x + rx * cos, y + high * sin) for cos, sin in _CIRCLES[corners]]


def arc(x: float, y: float, rx: float, ry: float, start: float, stop: float, steps: int = 10) -> list[Point]:
    """Points along an elliptic arc, angles in degrees counter-clockwise."""
    return ring(x, y, rx, ry, (math.radians(start + (stop - start) * i / steps) for i in range(steps + 1)))


def ring(x: float, y: float, rx: float, ry: float, turns: Iterable[float]) -> list[Point]:
    """Points round (x, y) at some angles in radians."""
    return [(x + rx * math.cos(turn), y + ry * math.sin(turn)) for turn in turns]


def smooth(points: Sequence[Point], steps: int = 4, closed: bool = True) -> list[Point]:
    """A Catmull-Rom curve through the points."""
    before, after = (points[-1:], points[:2]) if closed else (points[:1], points[-1:])
    way = [*before, *points, *after]
    curve: list[Point] = []
    for p, q, r, s in zip(way, way[1:], way[2:], way[3:], strict=False):
        for k in range(steps):
            t = k / steps
            u, v, w, z = (
                -0.5 * t**3 + t**2 - 0.5 * t,
                1.5 * t**3 - 2.5 * t**2 + 1,
                -1.5 * t**3 + 2 * t**2 + 0.5 * t,
                0.5 * t**3 - 0.5 * t**2,
            )
            x, y = (u * a + v * b + w * c + z * d for a, b, c, d in zip(p, q, r, s, strict=True))
            curve.append((x, y))
    if not closed:
        curve.append(points[-1])
    return curve


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """`share` 0 gives the first colour, 1 the second."""
    keep = 1.0 - share
    red, green, blue = (a * keep + b * share for a, b in zip(first, second, strict=True))
    return red, green, blue


def darker(colour: Colour, factor: float) -> Colour:
    """The colour times a factor (above 1: lighter, may leave 0..255 and is clipped when drawn)."""
    return (colour[0] * factor, colour[1] * factor, colour[2] * factor)


def bands(colour: Colour, line: int) -> tuple[int, int, int, int]:
    """The four bytes of a pixel, clipped."""
    r, g, b = colour
    return (min(255, max(0, int(r))), min(255, max(0, int(g))), min(255, max(0, int(b))), line)
