"""Result files of a made-up run, as the stages before ``summarize`` write them.

``make_results(root)`` fills ``root`` with params.yaml, conf/ and data/. Scores are drawn from a seed: later
layers rank better. File names are as odd as real ones.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image

from strata.base.files import write_array, write_json, write_table, write_text
from strata.collection.tables import Tables, from_rows, write_tables
from strata.grid.answering import Answer
from strata.grid.cells import Cell
from strata.grid.choosing import choose_cells
from strata.grid.files import write_grid
from strata.measures.scores import Policy, Score, Scored, write_scores
from strata.naming.captions import TO_PICTURE, TO_TEXT, score_captions
from strata.results.comparison import Results
from strata.retrieval.duplicates import Repeat, count_repeats, repeat_table

ROOT = Path(__file__).resolve().parents[1]
LAYERS = ["stem", "blocks.5", "blocks.11", "embedding"]
FACETS = {"motif": ["castle", "ship", "rooster", "fish & <chips>"], "mood": ["calm", "gloomy"]}
ODD = '<b>"Käse" & co, [1] 100%.jpg'
REJECTED = {"picture 3.jpg": "the file is empty", "picture 7.jpg": "damaged JPEG: premature end"}
RESULTS = Results(
    retrieval=Scored(
        [
            Score("map", 0.3, layer="stem", task="class"),
            Score("map", 0.5, 0.4, 0.6, layer="stem", task="detail"),
            Score("map", 0.9, layer="embedding", task="class"),
            Score("map", 0.45, 0.35, 0.55, layer="embedding", task="detail"),
        ]
    ),
    clusters=Scored(
        [
            Score("ami", 0.1, chance=0.0, layer="stem", facet="motif"),
            Score("nmi", 0.4, layer="stem", facet="motif"),
            Score("ami", 0.3, chance=0.0, layer="stem", facet="mood"),
            Score("ami", 0.5, chance=0.0, layer="embedding", facet="motif"),
            Score("nmi", 0.6, layer="embedding", facet="motif"),
        ]
    ),
    probe=Scored(
        [
            Score("accuracy", 0.4, chance=0.2, layer="stem", facet="motif"),
            Score("accuracy", 0.3, chance=0.2, layer="embedding", facet="motif"),
        ]
    ),
    zeroshot=Scored([Score("n", 9, layer="none"), Score("top1", 0.8, chance=0.1, layer="motif")]),
    facets=["motif", "mood"],
)
"""The scores of two layers, typed by hand."""
TOPK = pa.schema(
    [
        ("task", pa.string()),
        ("query_id", pa.string()),
        ("rank", pa.int32()),
        ("image_id", pa.string()),
        ("score", pa.float32()),
        ("grade", pa.string()),
        *((name, pa.float64()) for name in ("x0", "y0", "x1", "y1")),
    ]
)


def make_results(
    root: Path,
    *,
    rows: list[dict[str, Any]] | None = None,
    own_queries: int = 6,
    prompts: bool = True,
    boxed: bool = True,
    judged: bool = True,
) -> None:
    """What ``summarize`` and ``report`` read. ``rows``: of the images table; None: 24 small pictures;
    ``boxed``: have the queries boxes; ``judged``: is it known which pictures are right."""
    write_text(root / "params.yaml", (ROOT / "params.yaml").read_text(encoding="utf-8"))
    for folder, name in (("datasets", "demo"), ("models", "demo-rn")):
        path = Path("conf") / folder / f"{name}.yaml"
        write_text(root / path, (ROOT / path).read_text(encoding="utf-8"))
    random = np.random.default_rng(5)
    images = draw_pictures(root) if rows is None else rows
    tables = make_tables(images, own_queries, boxed, judged)
    data = root / "data"
    write_tables(data / "tables", tables)
    used = sorted(
        row["image_id"] for row in images if row["status"] == "ok" and row["image_id"] not in REJECTED
    )
    refused = sorted(set(REJECTED) & {row["image_id"] for row in images if row["status"] == "ok"})
    write_json(data / "features" / "layers.json", LAYERS)
    write_table(
        data / "features" / "rejected.parquet",
        pa.table(
            {"image_id": pa.array(refused, pa.string()), "reason": [REJECTED[name] for name in refused]}
        ),
    )
    _rankings(data / "rankings", tables, used, random)
    _captions(data / "zeroshot/captions", used)
    _duplicates(data / "rankings/duplicates", used)
    _clusters(data / "clusters", tables, used, random)
    _probe(data / "probe", tables)
    _zeroshot(data / "zeroshot", tables, used, random, prompts=prompts)
    _grid(data / "grid", tables, used, random)


def _captions(folder: Path, used: list[str]) -> None:
    """Every picture's caption is ranked third by it, and finds it at once."""
    ranks = {TO_PICTURE: np.zeros(len(used), np.int64), TO_TEXT: np.full(len(used), 2)}
    write_scores(folder, score_captions(ranks, np.array(used, object), len(used)))


def _duplicates(folder: Path, used: list[str]) -> None:
    """The second picture repeats the first, under another label."""
    repeat = Repeat(place=1, of=0, exact=False, cosine=0.991, of_query=True)
    table = repeat_table([repeat], used, [["castle"], ["ship"]])
    write_table(folder / "repeats.parquet", table)
    write_scores(folder, count_repeats(table, "cosine of the embeddings >= 0.98", compared=True))


def draw_pictures(root: Path, count: int = 24) -> list[dict[str, Any]]:
    """``count`` pictures in ``root``/pictures, one of them missing, two refused, one under an odd name."""
    random = np.random.default_rng(1)
    names = [ODD, *(f"picture {i}.jpg" for i in range(1, count))]
    rows = []
    for i, name in enumerate(names):
        width, height = (96, 64) if i % 2 else (48, 80)
        path = root / "pictures" / name
        path.parent.mkdir(exist_ok=True, parents=True)
        if i != 9:
            colour = np.full((height, width, 3), random.integers(0, 255, 3), np.uint8)
            Image.fromarray(colour).save(path)
        broken = i == 3
        motif, mood = list(FACETS["motif"])[i % 4], list(FACETS["mood"])[i // 4 % 2]
        rows.append(
            {
                "image_id": name,
                "path": str(path),
                "width": None if broken else width,
                "height": None if broken else height,
                "sha256": f"{i:064x}",
                "labels": [motif, mood],
                "status": REJECTED[name] if broken else "ok",
            }
        )
    return rows


def make_tables(images: list[dict[str, Any]], own_queries: int, boxed: bool, judged: bool) -> Tables:
    """Tables with two facets and ``own_queries`` queries in two groups."""
    known = {label for row in images for label in row["labels"]}
    classes = [
        {"class_id": name, "facet": facet, "name": name.replace("_", " "), "synonyms": []}
        for facet, members in FACETS.items()
        for name in members
        if name in known
    ]
    usable = [row for row in images if row["status"] == "ok"][:: max(len(images) // 8, 1)]
    queries = [
        {
            "query_id": f"q{i:02}",
            "image_id": row["image_id"],
            **(_inner_box(row) if boxed else {}),
            "group": ("windmill", "red bonnet")[i % 2],
        }
        for i, row in enumerate(usable[:own_queries])
    ]
    relevance = [
        {"query_id": query["query_id"], "image_id": row["image_id"], "grade": "good"}
        for query in queries
        for row in images[1:6]
        if judged
    ]
    return Tables(
        from_rows("images", images),
        from_rows("queries", queries),
        from_rows("relevance", relevance),
        from_rows("classes", classes),
    )


def _inner_box(row: dict[str, Any]) -> dict[str, float]:
    width, height = row["width"], row["height"]
    return {"x0": width * 0.2, "y0": height * 0.3, "x1": width * 0.6, "y1": height * 0.7}


def _rankings(folder: Path, tables: Tables, used: list[str], random: np.random.Generator) -> None:
    scored = Scored()
    queries = tables.queries.to_pylist()
    boxes = {row["image_id"]: (row["width"], row["height"]) for row in tables.images.to_pylist()}
    graded = {"detail": bool(tables.relevance.num_rows), "class": bool(tables.classes.num_rows)}
    tasks = [*(["detail"] if queries else []), "class"]  # without labels too: its neighbours are of use
    for depth, layer in enumerate(LAYERS):
        rows = []
        for task in tasks:
            value = 0.2 + 0.14 * depth - (0.2 if task == "detail" and layer == "embedding" else 0)
            scores = [
                Score("map", value, value - 0.06, value + 0.07, 0.09, 2),
                Score("p_at_1", min(1.3 * value, 1.0)),
                Score("hit_at_5", min(1.6 * value, 1.0)),
                Score("map", value - 0.013, space="pca"),
                Score("n_queries", 24),
            ]
            if not graded[task]:
                scores = [Score("map", None, note="no values", n=0), Score("n_queries", 24)]
            policies = [
                Policy("ap", "step"),
                Policy("match", "region" if task == "detail" else "global"),
                Policy("metric", "cosine"),
            ]
            scored += Scored(scores, policies).at(layer=layer, task=task)
            for query in queries if task == "detail" else [{"query_id": name} for name in used]:
                found = random.permutation(used)[:8]
                near = np.sort(random.random(8).astype(np.float32))[::-1]
                for rank, (name, score) in enumerate(zip(found, near, strict=True), 1):
                    width, height = boxes[name]
                    box = (
                        (width * 0.5, height * 0.1, width * 0.9, height * 0.6)
                        if task == "detail" and queries[0]["x0"] is not None
                        else (None,) * 4
                    )
                    grade = "good" if random.random() < value else ("junk" if rank == 2 else None)
                    grade = grade if graded[task] else None
                    rows.append((task, query["query_id"], rank, name, float(score), grade, *box))
        columns = list(zip(*rows, strict=True)) if rows else [[] for _ in TOPK.names]
        arrays = [pa.array(column, field.type) for column, field in zip(columns, TOPK, strict=True)]
        write_table(folder / layer / "topk.parquet", pa.Table.from_arrays(arrays, schema=TOPK))
        scored += Scored(policies=[Policy("pool_fit_set", "none", layer)])
    write_json(folder / "layers.json", LAYERS)
    write_scores(folder, scored)


def _clusters(folder: Path, tables: Tables, used: list[str], random: np.random.Generator) -> None:
    scored = Scored()
    labels = dict(
        zip(tables.images["image_id"].to_pylist(), tables.images["labels"].to_pylist(), strict=True)
    )
    order = {name: i for i, name in enumerate(FACETS["motif"])}
    for depth, layer in enumerate(LAYERS):
        noise = random.random(len(used)) > 0.3 + 0.15 * depth
        cluster = [
            int(random.integers(4)) if wrong or not labels[name] else order.get(labels[name][0], 0)
            for name, wrong in zip(used, noise, strict=True)
        ]
        table = pa.table(
            {
                "row": pa.array(range(len(used)), pa.int32()),
                "image_id": used,
                "cluster": pa.array(cluster, pa.int32()),
                "distance": pa.array(random.random(len(used)), pa.float32()),
            }
        )
        write_table(folder / f"{layer}.parquet", table)
        value = 0.05 + 0.13 * depth
        scores = [Score("k", 4), Score("silhouette", 0.2, note="compares no layers")]
        for facet in list(FACETS)[: tables.classes.num_rows]:
            own = [
                Score("ami", value, chance=0.0),
                Score("nmi", value + 0.04),
                Score("purity", 0.4 + value, chance=0.33),
            ]
            scores += Scored(own).at(facet=facet).scores
        scored += Scored(scores, [Policy("protocol", "k-means++")]).at(layer=layer)
    write_scores(folder, scored)


def _probe(folder: Path, tables: Tables) -> None:
    scored = Scored()
    for depth, layer in enumerate(LAYERS):
        scored += Scored(policies=[Policy("protocol", "C 0.316, 10 stratified splits", layer)])
        for facet, share in (("motif", 0.31), ("mood", 0.52)) if tables.classes.num_rows else ():
            value = share + 0.12 * depth
            bounds = (None, None) if layer == "stem" else (value - 0.05, value + 0.05)
            scores = [
                Score("accuracy", value, *bounds, chance=share),
                Score("majority", share),
                Score("chance", 0.25),
            ]
            scored += Scored(scores).at(layer=layer, facet=facet)
    write_scores(folder, scored)


def _grid(folder: Path, tables: Tables, used: list[str], random: np.random.Generator) -> None:
    own = [(row["query_id"], row["group"]) for row in tables.queries.to_pylist() if tables.relevance.num_rows]
    by_class = [(name, f"class {i % 7}") for i, name in enumerate(used)]
    queries = {**({"detail": own} if own else {}), **({"class": by_class} if tables.classes.num_rows else {})}
    answers = []
    for depth, layer in enumerate(LAYERS):
        for task, asked in queries.items():
            cells = [Cell(layer, None, "raw", "global")]
            if layer != "embedding":
                cells = [Cell(layer, name, "raw", "global") for name in ("max", "gem")]
                cells.append(Cell(layer, "max", "whitened", "global"))
            if task == "detail" and layer != "embedding":
                cells.append(Cell(layer, None, "raw", "region"))
            for number, cell in enumerate(cells):
                values = np.clip(0.2 + 0.14 * depth + 0.02 * number + random.random(len(asked)) / 20, 0, 1)
                answers.append(Answer(cell, task, "map", float(values.mean()), values, 0.09))
                if task == "class":
                    answers.append(Answer(cell, task, "ami", 0.05 + 0.1 * depth, None, 0.0))
    values, chosen = choose_cells(answers, {task: [g for _, g in some] for task, some in queries.items()})
    write_grid(folder, values, chosen, queries)
    write_json(folder / "left_out.json", ["stem: not stored for cls"])


def _zeroshot(
    folder: Path, tables: Tables, used: list[str], random: np.random.Generator, *, prompts: bool
) -> None:
    """Unlabelled pictures are named by typed words."""
    typed = [{"class_id": name, "facet": "words", "name": name} for name in ("sea cow", "dog")]
    classes = tables.classes.to_pylist() or typed
    facets = list(dict.fromkeys(row["facet"] for row in classes)) if prompts else []
    columns, predictions, confusion, best, logits = [], [], [], [], []
    scored = Scored()
    labels = dict(
        zip(tables.images["image_id"].to_pylist(), tables.images["labels"].to_pylist(), strict=True)
    )
    for facet in facets:
        own = [row for row in classes if row["facet"] == facet]
        ids = [row["class_id"] for row in own]
        columns += [
            {
                "prompt_set": facet,
                **{k: row[k] for k in ("facet", "class_id", "name")},
                "texts": [f"a {row['name']}."],
            }
            for row in own
        ]
        cosine = random.normal(0.18, 0.03, (len(used), len(own)))
        for i, name in enumerate(used):
            cosine[i] += [0.07 * (class_id in labels[name]) for class_id in ids]
        logits.append(50 * cosine)
        counts: dict[tuple[str, str], int] = {}
        for i, name in enumerate(used):
            true = next((label for label in labels[name] if label in ids), None)
            top = [ids[j] for j in np.argsort(-cosine[i])]
            predictions.append(
                {
                    "prompt_set": facet,
                    "image_id": name,
                    "true": [true] if true else [],
                    "predicted": top[0],
                    "top": top,
                    "probability": 0.7,
                }
            )
            if true:
                counts[true, top[0]] = counts.get((true, top[0]), 0) + 1
        confusion += [
            {"prompt_set": facet, "true": t, "predicted": p, "count": n} for (t, p), n in counts.items()
        ]
        for j, class_id in enumerate(ids):
            best += [
                {
                    "prompt_set": facet,
                    "class_id": class_id,
                    "rank": rank,
                    "image_id": used[i],
                    "probability": 0.9 / rank,
                }
                for rank, i in enumerate(np.argsort(-cosine[:, j])[:5], 1)
            ]
        scores = [Score("top1", 0.71, 0.6, 0.8, 0.25), Score("chance", 0.25), Score("ece", 0.1)]
        scores = scores if counts else [Score("n", 0)]
        scored += Scored(scores).at(layer=facet)
    text = pa.string()
    shapes: dict[str, tuple[list[dict[str, Any]], list[tuple[str, Any]]]] = {
        "columns": (
            columns,
            [*((k, text) for k in ("prompt_set", "facet", "class_id", "name")), ("texts", pa.list_(text))],
        ),
        "predictions": (
            predictions,
            [
                ("prompt_set", text),
                ("image_id", text),
                ("true", pa.list_(text)),
                ("predicted", text),
                ("top", pa.list_(text)),
                ("probability", pa.float32()),
            ],
        ),
        "confusion": (
            confusion,
            [*((k, text) for k in ("prompt_set", "true", "predicted")), ("count", pa.int64())],
        ),
        "best_pictures": (
            best,
            [
                ("prompt_set", text),
                ("class_id", text),
                ("rank", pa.int32()),
                ("image_id", text),
                ("probability", pa.float32()),
            ],
        ),
    }
    for name, (rows, schema) in shapes.items():
        write_table(folder / f"{name}.parquet", pa.Table.from_pylist(rows, schema=pa.schema(schema)))
    write_array(
        folder / "logits.npy",
        np.hstack(logits).astype(np.float32) if logits else np.zeros((len(used), 0), np.float32),
    )
    status = (
        {"status": "ok", "logit_scale": 50.0, "logit_bias": None, "left_out": {"medium": "no classes"}}
        if prompts
        else {"status": "not run: 'embedding' is not among the layers", "left_out": {}}
    )
    write_json(folder / "status.json", status)
    said = ("medium", "left out: no classes") if prompts else ("none", status["status"])
    write_scores(folder, scored + Scored(policies=[Policy("status", said[1], said[0])]))
