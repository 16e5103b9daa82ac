"""Boxes as COCO keeps them: what is to be found, and what was, for pycocotools and everything that reads it.

A query is a category: its detections are ranked over all pictures, as ours are. Boxes are [x, y, width,
height] in pixels. COCO's AP is not ours (it samples 101 recalls, counts 100 detections a picture, and a
match at an overlap equal to the threshold); precision and recall at every rank are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from strata.collection.tables import BOX


def ground_truth(
    pictures: Iterable[Mapping[str, Any]], queries: Sequence[str], relevance: Iterable[Mapping[str, Any]]
) -> dict[str, Any]:
    """``annotations`` of COCO. ``pictures``: rows with image_id, path, width and height; ``relevance``: rows
    with query_id, image_id, grade and the box; those without one are left out, as are other queries.

    Ids are places from 1 on: in ``pictures``, and in ``queries``. The grade is kept beside each box.
    """
    images = [
        {
            "id": number,
            "image_id": row["image_id"],
            "file_name": row["path"],
            "width": row["width"],
            "height": row["height"],
        }
        for number, row in enumerate(pictures, 1)
    ]
    picture = {image["image_id"]: image["id"] for image in images}
    category = {query: number for number, query in enumerate(queries, 1)}
    boxed = [
        row
        for row in relevance
        if row["x0"] is not None and row["query_id"] in category and row["image_id"] in picture
    ]
    annotations = []
    for number, row in enumerate(boxed, 1):
        box = coco_box([row[name] for name in BOX])
        annotations.append(
            {
                "id": number,
                "image_id": picture[row["image_id"]],
                "category_id": category[row["query_id"]],
                "bbox": box,
                "area": box[2] * box[3],
                "iscrowd": 0,
                "grade": row["grade"],
            }
        )
    categories = [{"id": number, "name": query} for query, number in category.items()]
    return {"info": {}, "images": images, "categories": categories, "annotations": annotations}


def coco_box(corners: Sequence[float]) -> list[float]:
    """[x0, y0, x1, y1] as [x, y, width, height].

    >>> coco_box([2.0, 3.0, 10.0, 5.0])
    [2.0, 3.0, 8.0, 2.0]
    """
    x0, y0, x1, y1 = corners
    return [x0, y0, x1 - x0, y1 - y0]


def detections(
    found: Iterable[Mapping[str, str]], pictures: Mapping[str, int], categories: Mapping[str, int]
) -> list[dict[str, Any]]:
    """COCO's list of results from rows of a ``TASK.boxes.csv``; the score is 1 / rank, as only order counts.

    ``pictures``, ``categories``: the ids of ``ground_truth`` by image_id and query_id.
    """
    return [
        {
            "image_id": pictures[row["image_id"]],
            "category_id": categories[row["query_id"]],
            "bbox": coco_box([float(row[name]) for name in BOX]),
            "score": 1 / int(row["rank"]),
        }
        for row in found
    ]
