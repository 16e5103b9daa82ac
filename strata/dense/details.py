"""Find details in a collection: (picture, box) -> pictures, scores and boxes, best first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from strata.dense.index import DenseIndex, open_index
from strata.dense.indexing import PROJECTION
from strata.dense.params import DenseParams
from strata.dense.projection import Codes, Projection, read_projection
from strata.dense.search import Expander, Found, answer_templates, found_boxes
from strata.dense.templates import cut_maps, template_cuts
from strata.dense.tower import DenseTower, DenseView, layer_tower, load_network
from strata.dense.view import Floats
from strata.dense.weights import encode_template
from strata.maps.geometry import Box
from strata.maps.views import Picture

TOGETHER = 16  # queries matched at a time

Query = tuple[Picture, Box]


@dataclass(frozen=True)
class Collection:
    """What is searched, and what makes a detail into templates for it. ``read``: the pixels of a picture of
    the index by its id, for expansion."""

    index: DenseIndex
    projection: Projection
    tower: DenseTower
    read: Callable[[str], Picture]

    def expander(self, params: DenseParams) -> Expander:
        """Boxes that were found become templates as those of a query do."""

        def templates(place: int, box: Floats) -> list[Codes]:
            x0, y0, x1, y1 = box.tolist()
            picture = self.read(self.index.ids[place])
            return make_templates(self.tower, self.projection, picture, (x0, y0, x1, y1), params)

        return templates


def open_collection(
    folder: Path, view: DenseView, read: Callable[[str], Picture], *, device: str | None = "cpu"
) -> Collection:
    """The index of a layer, in the folder of its name, with the network that made its maps."""
    tower = layer_tower(load_network(view, device), folder.name, view)
    return Collection(open_index(folder), read_projection(folder / PROJECTION), tower, read)


def make_templates(
    tower: DenseTower, projection: Projection, picture: Picture, box: Box, params: DenseParams
) -> list[Codes]:
    """(rows, columns, D) int8 codes of the box's cells, for every size (and its mirrored twin).

    picture : (H, W, 3) uint8; box : in its pixels. Raises StrataError for a box that is no box.
    """
    height, width = picture.shape[:2]
    cuts = template_cuts(width, height, box, tower, params)
    return [
        encode_template(map_, projection, params.focus)
        for cut in cuts
        for map_ in cut_maps(tower, picture, box, cut.cells, params.mirror)
    ]


def find_details(
    collection: Collection, queries: Sequence[Query], params: DenseParams, own: Sequence[int | None] = ()
) -> list[Found]:
    """Where else each boxed detail occurs: a Found a query.

    queries : (H, W, 3) uint8 pixels and a box in them; own : the place of each query's picture in the index,
    None where it has none: it is not among what is found. What is found does not depend on the queries beside
    it. Raises StrataError for a box that is no box and for an empty index.
    """
    tower, projection = collection.tower, collection.projection
    places = list(own) or [None] * len(queries)
    found = []
    for start in range(0, len(queries), TOGETHER):
        part = slice(start, start + TOGETHER)
        templates = [make_templates(tower, projection, *query, params) for query in queries[part]]
        answers = answer_templates(
            collection.index, templates, params, places[part], collection.expander(params)
        )
        found += [found_boxes(collection.index, answer, params) for answer in answers]
    return found
