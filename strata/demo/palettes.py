"""Light and colour of each mood."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from strata.demo.surface import Colour, mix


@dataclass(frozen=True)
class Palette:
    """One scene's colours; `ambient`, `tint` and `gain` turn a thing's own colour into its lit one."""

    sky_high: Colour
    sky_low: Colour
    far: Colour
    ground: Colour
    ground_near: Colour
    water: Colour
    cloud: Colour
    glow: Colour
    ambient: Colour
    tint: float
    gain: float

    def lit(self, colour: Colour) -> Colour:
        """A thing's own colour under this scene's light."""
        r, g, b = colour
        return mix((r * self.gain, g * self.gain, b * self.gain), self.ambient, self.tint)


# mood -> its lights: sky high, sky low, far hills, ground, near ground, water, cloud, glow
_LIGHTS: dict[str, tuple[str, ...]] = {
    "calm": (
        "86acc8 f0e2c4 a0b2b8 9eaa70 808e54 8caeb6 f6f0e2 fcf0ce",
        "c4b0be f8d8b8 b2a0ac aa9e74 8e8056 baaaae fae4d2 ffe8be",
        "98babe e4e8d6 96b0aa 8ca880 6c8a62 96baba f0f2e8 faf6de",
    ),
    "stormy": (
        "2c3444 8a8e88 465058 4e563a 343c2a 42585e 3a404e fafad8",
        "342e3e 968476 4e4650 585038 3a3426 4a525c 403a4a fff4d2",
        "263e42 849684 3a5250 42583c 2a3c2a 365c5c 34464a f0fce6",
    ),
    "joyful": (
        "3a94e8 ceeafa 7ab8c4 82c44e 60aa38 40a4d4 fffffa ffd640",
        "56b2e2 fff0be 96c496 a8cc4a 7ab036 4ebace fffcf0 ffc43c",
        "fabe6e fff0be d6a08c b8c458 8ca83a 6ebac4 fff6e2 ffe26e",
    ),
    "gloomy": (
        "222432 948a88 42424c 3a3a32 242622 363c46 4e4c54 ded8bc",
        "2e2624 9e8a74 4e443e 42382c 2a241e 423e3c 584e48 e6cea0",
        "1c2a30 829492 38464a 303c36 1e2624 2c3e44 465052 d6e0d0",
    ),
}
# mood -> (ambient, tint, gain)
_AMBIENT: dict[str, tuple[Colour, float, float]] = {
    "calm": ((226, 214, 190), 0.2, 1.0),
    "stormy": ((74, 84, 96), 0.28, 0.8),
    "joyful": ((255, 236, 180), 0.08, 1.12),
    "gloomy": ((44, 42, 52), 0.38, 0.66),
}


def palette_of(mood: str, rng: Random) -> Palette:
    """One of the mood's lights, a little off."""
    lights = [_vary(code, rng) for code in rng.choice(_LIGHTS[mood]).split()]
    ambient, tint, gain = _AMBIENT[mood]
    if mood == "gloomy":
        # against a dusky sky a thing is either a silhouette or catches the moon; in between it would vanish
        gain, tint = rng.choice(((0.36, 0.45), (1.0, 0.22)))
    gain *= rng.uniform(0.94, 1.06)
    high, low, far, ground, near, water, cloud, glow = lights
    return Palette(high, low, far, ground, near, water, cloud, glow, ambient, tint, gain)


def _vary(code: str, rng: Random) -> Colour:
    shift = rng.uniform(-9, 9)
    red, green, blue = (band + shift + rng.uniform(-7, 7) for band in bytes.fromhex(code))
    return red, green, blue
