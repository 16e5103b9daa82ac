"""The pages: gathers what every section shows, renders the templates, writes the thumbnails."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
from markupsafe import Markup

from strata.base.files import write_text
from strata.base.track import Track, no_track
from strata.collection.tables import Tables
from strata.report.cluster_sheets import (
    MOST_PICTURES,
    ClusterSheet,
    NearestWords,
    cluster_sheet,
    nearest_words,
    shown_whole,
)
from strata.report.contact_sheets import (
    JUNK,
    LayerSheet,
    class_names,
    contact_sheets,
    judged_queries,
    ranked_tasks,
)
from strata.report.heat_maps import grid_questions, runs
from strata.report.known import Known, found, lacking, not_read
from strata.report.numbers import everything, flat_results, panels, scoring_policies, tables
from strata.report.prompt_sheets import prompt_sheets
from strata.report.rendering import TEMPLATES, environment, style
from strata.report.repeats import repeats
from strata.report.terms import MEANINGS, REGION_OF_INTEREST
from strata.report.thumbnails import Gallery
from strata.report.wording import answers, task_title
from strata.results.comparison import Comparison, Results, compare_layers
from strata.results.grid import Grid
from strata.settings.params import CLASS_TASK, EMBEDDING

REJECTED_SHOWN = 200
OWN_TASKS_SHOWN = 2
STRIP = 12  # pictures at the head of the page
DIGEST = "@@DIGEST@@"


@dataclass(frozen=True)
class FinishedRun:
    """What one run left. ``data``: the folder that holds rankings/, clusters/ and zeroshot/.

    ``params``: the parameters, flat; ``title`` and ``model`` as people say them; ``identity``: facts about
    the data and the weights; ``rejected``: [{image_id, reason}]; ``reads_text``: has the model a text tower;
    ``not_read``: ending -> how many files beside the pictures have it.
    """

    results: Results
    grid: Grid
    layers: list[str]
    tables: Tables
    rejected: list[dict[str, str]]
    data: Path
    params: dict[str, str]
    title: str
    model: str
    identity: list[tuple[str, str]]
    reads_text: bool
    not_read: Mapping[str, int]

    @property
    def used(self) -> int:
        """How many pictures could be used."""
        return int(self.tables.images.num_rows - len(self.rejected))


def write_report(run: FinishedRun, folder: Path, track: Track = no_track) -> tuple[str, int]:
    """Write index.html, clusters.html and img/ into FOLDER. Returns the digest of the first and how many
    pictures they show."""
    gallery = Gallery(run.tables.images, folder)
    compared = compare_layers(run.results)
    words = nearest_words(run.data / "zeroshot", run.results.zeroshot.layers)
    content = _content(run, compared, words, gallery)
    whole = _whole(run, compared, words, gallery)
    html, clusters = (
        environment().get_template(name).render(shown, sheets=gallery.sheets())  # their size is known now
        for name, shown in (("page.html.j2", content), ("clusters.html.j2", whole))
    )
    digest = hashlib.sha256(html.encode("utf-8")).hexdigest()[:16]
    gallery.write(folder / "img", track)
    write_text(folder / "clusters.html", clusters)
    write_text(folder / "index.html", html.replace(DIGEST, digest, 1))
    return digest, len(gallery.thumbnails())


def _content(
    run: FinishedRun, compared: Comparison, words: NearestWords | None, gallery: Gallery
) -> dict[str, Any]:
    """Everything the template names; the thumbnails last, when all sections have asked for theirs."""
    results = run.results
    flat = flat_results(results)
    strip = gallery.some(STRIP)
    contact = _contact(run, gallery)
    rows = [row for sheet in contact for task in sheet.tasks for row in task.rows]
    shown_tiles = [tile for row in rows for tile in (row.query, *row.nearest)]
    clusters = _clusters(run, compared, words, gallery)
    prompts = prompt_sheets(run.data / "zeroshot", results.zeroshot.layers, gallery)
    questions = grid_questions(run.grid, run.layers, results.facets, run.params)
    known = _known(run, compared, clusters, len(prompts))
    said = answers(compared, run.grid, run.params["pooling"])
    sections = {
        "strip": strip,
        "panels": panels(compared),
        "questions": questions,
        "runs": runs(run.grid, run.params),
        "grid_left_out": run.grid.left_out,
        "tables": tables(results, compared.tasks),
        "everything": everything(flat),
        "contact": contact,
        "contact_chosen": _opened(run, compared),
        "task_titles": {task: task_title(task, results.facets) for task in ranked_tasks(results.retrieval)},
        "boxed": any(tile.box for tile in shown_tiles),
        "junk": any(tile.mark == JUNK for tile in shown_tiles),
        "judged": any(row.hits is not None for row in rows),
        "clusters": clusters,
        "word_set": words.prompt_set if words else "",
        "prompts": prompts,
        "repeats": repeats(run.data / "rankings/duplicates", results.duplicates, gallery),
    }
    return {
        **sections,
        "style": Markup(style(max(len(run.layers), len(prompts), len(questions), 1))),
        "script": Markup((TEMPLATES / "run.js").read_text(encoding="utf-8")),
        "title": run.title,
        "model": run.model,
        "pooling": run.params["pooling"],
        "layers": run.layers,
        "used": run.used,
        "dropped": run.params["retrieve.duplicates"] == "drop",
        "rejected": run.rejected,
        "rejected_shown": REJECTED_SHOWN,
        "not_read": not_read(run.not_read),
        "answers": said,
        "answer_terms": [(name, MEANINGS[name]) for name in MEANINGS if name in {a.measure for a in said}],
        "known": known,
        "lacking": lacking(known),
        "found": found(known),
        "labelled": bool(known.labelled),
        "meanings": MEANINGS,
        "region_of_interest": REGION_OF_INTEREST,
        "word_notes": [(row.layer, row.value) for row in results.zeroshot.policies if row.policy == "status"],
        "identity": run.identity,
        "params": list(run.params.items()),
        "policies": scoring_policies(flat),
        "thumbnails": gallery.thumbnails(),
    }


def _known(run: FinishedRun, compared: Comparison, clusters: list[ClusterSheet], prompt_sets: int) -> Known:
    """What the sentences about missing parts rest on."""
    images, queries = run.tables.images, run.tables.queries
    rejected = {row["image_id"] for row in run.rejected}
    have = images.filter(pc.greater(pc.list_value_length(images["labels"]), 0))["image_id"].to_pylist()
    judged = judged_queries(run.tables).intersection(queries["query_id"].to_pylist())
    scores = run.results.retrieval.scores
    asked = (s.value for s in scores if (s.task, s.metric) == (CLASS_TASK, "n_queries"))
    return Known(
        labelled=len(set(have) - rejected),
        queries=queries.num_rows,
        boxed=queries.num_rows - queries["x0"].null_count,
        judged=len(judged),
        ranked=int(next(asked, None) or 0),
        clusters=len(clusters[0].clusters) + clusters[0].hidden if clusters else 0,
        prompt_sets=prompt_sets,
        reads_text=run.reads_text,
        scored=bool(compared.answers),
    )


def _opened(run: FinishedRun, compared: Comparison) -> int:
    """The place of the layer to look at first: the one that finds best, else the final output."""
    if compared.finding:
        return run.layers.index(compared.finding.best.layer)
    return run.layers.index(EMBEDDING) if EMBEDDING in run.layers else len(run.layers) - 1


def _contact(run: FinishedRun, gallery: Gallery) -> list[LayerSheet]:
    """The first tasks of the collection's own queries, and whole pictures."""
    names = ranked_tasks(run.results.retrieval)
    own = [name for name in names if name != CLASS_TASK][:OWN_TASKS_SHOWN]
    shown = [name for name in names if name in own or name == CLASS_TASK]
    return contact_sheets(run.data / "rankings", run.results.retrieval, shown, run.tables, gallery)


def _clusters(
    run: FinishedRun, compared: Comparison, words: NearestWords | None, gallery: Gallery
) -> list[ClusterSheet]:
    """The layer that groups best, the embedding, and the first for contrast; without labels all of them."""
    grouping = compared.grouping
    layers = list(run.layers)
    first = layers.pop(_opened(run, compared))
    wanted = [grouping.best.layer, EMBEDDING, run.layers[0]] if grouping else [first, *layers]
    folder, names = run.data / "clusters", _main_names(run, compared)
    there = (layer for layer in dict.fromkeys(wanted) if (folder / f"{layer}.parquet").is_file())
    return [cluster_sheet(folder, layer, names, gallery, words) for layer in there]


def _whole(
    run: FinishedRun, compared: Comparison, words: NearestWords | None, gallery: Gallery
) -> dict[str, Any]:
    """What the page of all clusters shows."""
    folder, names = run.data / "clusters", _main_names(run, compared)
    shown = shown_whole(run.used, len(run.layers))
    there = [layer for layer in run.layers if (folder / f"{layer}.parquet").is_file()]
    return {
        "clusters": [cluster_sheet(folder, layer, names, gallery, words, shown) for layer in there],
        "cut": run.used > MOST_PICTURES,
        "style": Markup(style(1)),
        "title": run.title,
        "thumbnails": gallery.thumbnails(),
    }


def _main_names(run: FinishedRun, compared: Comparison) -> dict[str, str]:
    """class_id -> name, of the main facet."""
    known = class_names(run.tables.classes).items()
    return {class_id: name for class_id, (facet, name) in known if facet in compared.facets[:1]}
