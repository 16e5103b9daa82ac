"""What the page is told of a run once: its pictures as columns, and what they are grouped by."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from strata.base.files import read_table
from strata.collection.tables import rejected_pictures
from strata.library.asking import TEXT_LAYER, dense_layers, picture_rows, vectors
from strata.library.run import Run


def wall(run: Run) -> dict[str, Any]:
    """Columns of the pictures in the order of ``run.ids()``, groupings, layers, and what was left out."""
    rows = list(picture_rows(run).values())
    return {
        "title": run.used("extract")["params.yaml"].get("model", ""),
        "layers": run.layers,
        "dense": dense_layers(run),
        "pooling": run.used("pool")["params.yaml"]["pooling"],
        "text": TEXT_LAYER in run.layers,
        "ids": [row["image_id"] for row in rows],
        "files": [Path(row["path"]).name for row in rows],
        "sizes": [(row["width"], row["height"]) for row in rows],
        "groups": {**_facets(run, rows), **_clusters(run), **_predictions(run)},
        "truth": _facets(run, rows),
        "repeats": _repeats(run),
        "left_out": rejected_pictures(
            run.tables.images, read_table(run.data / "features" / "rejected.parquet")
        ),
    }


def layout(run: Run, layer: str) -> list[tuple[float, float]]:
    """(N, 2) every picture by a layer's two first principal components, each scaled to 0..1."""
    values = np.asarray(vectors(run, layer, None, False), np.float64)
    centred = values - values.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    return _scaled(centred @ axes[:, [-1, -2]])


def neighbour_layout(run: Run, layer: str) -> list[tuple[float, float]]:
    """(N, 2) by scikit-learn's t-SNE of the layer's vectors, seeded, scaled to 0..1."""
    from sklearn.manifold import TSNE

    values = vectors(run, layer, None, False)
    perplexity = min(30.0, max(2.0, (len(values) - 1) / 3))
    return _scaled(TSNE(perplexity=perplexity, init="pca", random_state=22).fit_transform(values))


def _scaled(places: Any) -> list[tuple[float, float]]:
    low, high = places.min(axis=0), places.max(axis=0)
    scaled = (places - low) / np.maximum(high - low, 1e-12)
    return [(round(float(x), 4), round(float(y), 4)) for x, y in scaled]


def _facets(run: Run, rows: list[dict[str, Any]]) -> dict[str, list[str]]:
    """facet -> the class names of every picture, joined."""
    known = {row["class_id"]: (row["facet"], row["name"]) for row in run.tables.classes.to_pylist()}
    facets = dict.fromkeys(facet for facet, _ in known.values())
    return {
        facet: [
            ", ".join(known[label][1] for label in row["labels"] if known[label][0] == facet) for row in rows
        ]
        for facet in facets
    }


def _clusters(run: Run) -> dict[str, list[str]]:
    found = {}
    for layer in run.layers:
        path = run.data / "clusters" / f"{layer}.parquet"
        if path.is_file():
            table = read_table(path, columns=["image_id", "cluster"])
            of = dict(zip(table["image_id"].to_pylist(), table["cluster"].to_pylist(), strict=True))
            found[f"clusters of {layer}"] = [
                f"cluster {of[name]}" if name in of else "" for name in run.ids()
            ]
    return found


def _predictions(run: Run) -> dict[str, list[str]]:
    path = run.data / "zeroshot" / "predictions.parquet"
    if not path.is_file():
        return {}
    table = read_table(path, columns=["prompt_set", "image_id", "predicted"]).to_pylist()
    names = {row["class_id"]: row["name"] for row in run.tables.classes.to_pylist()}
    found: dict[str, dict[str, str]] = {}
    for row in table:
        found.setdefault(row["prompt_set"], {})[row["image_id"]] = names.get(
            row["predicted"], row["predicted"]
        )
    return {
        f"named by {name}": [of.get(image_id, "") for image_id in run.ids()] for name, of in found.items()
    }


def _repeats(run: Run) -> list[str]:
    """image_ids that repeat another picture."""
    path = run.data / "rankings" / "duplicates" / "repeats.parquet"
    return [] if not path.is_file() else list(dict.fromkeys(read_table(path)["image_id"].to_pylist()))
