"""The words of the demo collection: what its paintings show, how they are made, and how they feel.

The order of all words is part of the collection's definition: seeds index into them.
"""

from __future__ import annotations

DETAILS: tuple[str, ...] = (
    "ladder", "lantern", "barrel", "wheel", "flag", "anchor", "dog", "key", "bell", "signpost",
)  # fmt: skip

# str -> str; usable as zero-shot prompts as they stand
MOTIF_DESCRIPTIONS: dict[str, str] = {
    "windmill": "a tower with four long turning sails",
    "ship": "a wooden hull with masts and billowing sails on the water",
    "tree": "a trunk with branches and a crown of leaves",
    "house": "a small home with a gable roof, a door and a chimney",
    "fish": "a scaly body with fins and a forked tail",
    "bird": "a feathered body with a beak, a wing and thin legs",
    "jug": "a round pot with a neck, a spout and a handle",
    "castle": "a stone fortress with battlements, towers and a gate",
    "bridge": "a stone road carried over the water by arches",
    "horse": "an animal with four long legs, a mane and a tail",
}
MOTIF_SYNONYMS: dict[str, tuple[str, ...]] = {
    "windmill": ("mill",),
    "ship": ("boat", "sailboat"),
    "tree": ("oak",),
    "house": ("cottage", "home"),
    "fish": ("carp",),
    "bird": ("sparrow",),
    "jug": ("pitcher", "vase"),
    "castle": ("fortress",),
    "bridge": ("viaduct",),
    "horse": ("pony", "stallion"),
}
MEDIUM_DESCRIPTIONS: dict[str, str] = {
    "oil": "a colourful oil painting with thick brush strokes",
    "ink": "a pen drawing hatched with ink on cream paper",
    "chalk": "a grainy chalk drawing on toned paper",
    "print": "a woodcut printed in a few flat colours",
}
MOOD_DESCRIPTIONS: dict[str, str] = {
    "calm": "a quiet scene under a pale sun and long thin clouds",
    "stormy": "a wild scene of rain, lightning and heavy clouds",
    "joyful": "a cheerful scene with a radiant sun, round clouds and flowers",
    "gloomy": "a dark scene of mist under a crescent moon",
}

MOTIFS = tuple(MOTIF_DESCRIPTIONS)
MEDIA = tuple(MEDIUM_DESCRIPTIONS)
MOODS = tuple(MOOD_DESCRIPTIONS)
