"""The page: gathers what every section shows, renders the templates, writes the thumbnails."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from strata.base.files import write_text
from strata.base.track import Track, no_track
from strata.collection.tables import Tables
from strata.report.cluster_sheets import ClusterSheet, cluster_sheet
from strata.report.contact_sheets import JUNK, LayerSheet, class_names, contact_sheets
from strata.report.heat_maps import grid_questions, runs
from strata.report.numbers import everything, flat_results, panels, scoring_policies, tables
from strata.report.prompt_sheets import prompt_sheets
from strata.report.repeats import repeats
from strata.report.thumbnails import Gallery
from strata.report.wording import answers, task_title, tiles
from strata.results.comparison import Comparison, Results, compare_layers
from strata.results.grid import Grid
from strata.settings.params import CLASS_TASK, EMBEDDING

TEMPLATES = Path(__file__).parent / "templates"
REJECTED_SHOWN = 200
OWN_TASKS_SHOWN = 2
DIGEST = "@@DIGEST@@"


@dataclass(frozen=True)
class FinishedRun:
    """What one run left. ``data``: the folder that holds rankings/, clusters/ and zeroshot/.

    ``params``: the parameters, flat; ``title`` and ``model`` as people say them; ``identity``: facts about
    the data and the weights; ``rejected``: [{image_id, reason}].
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


def write_report(run: FinishedRun, folder: Path, track: Track = no_track) -> tuple[str, int]:
    """Write FOLDER/index.html and FOLDER/img/. Returns the page's digest and how many pictures it shows."""
    gallery = Gallery(run.tables.images)
    html = environment().get_template("page.html.j2").render(_content(run, gallery))
    digest = hashlib.sha256(html.encode("utf-8")).hexdigest()[:16]
    gallery.write(folder / "img", track)
    write_text(folder / "index.html", html.replace(DIGEST, digest, 1))
    return digest, len(gallery.thumbnails())


def environment() -> Environment:
    """The templates, with everything they are given escaped."""
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _content(run: FinishedRun, gallery: Gallery) -> dict[str, Any]:
    """Everything the templates name. The gallery's pictures are complete only after the sections are made."""
    results = run.results
    compared = compare_layers(results)
    flat = flat_results(results)
    contact = _contact(run, compared.tasks, gallery)
    shown_tiles = [
        t for sheet in contact for task in sheet.tasks for row in task.rows for t in (row.query, *row.nearest)
    ]
    prompts = prompt_sheets(run.data / "zeroshot", results.zeroshot.layers, gallery)
    used = run.tables.images.num_rows - len(run.rejected)
    questions = grid_questions(run.grid, run.layers, results.facets, run.params)
    sections = {
        "panels": panels(compared),
        "questions": questions,
        "runs": runs(run.grid, run.params),
        "grid_left_out": run.grid.left_out,
        "tables": tables(results, compared.tasks),
        "everything": everything(flat),
        "contact": contact,
        "contact_chosen": run.layers.index(compared.finding.best.layer) if compared.finding else 0,
        "task_titles": {task: task_title(task, results.facets) for task in compared.tasks},
        "boxed": any(tile.box for tile in shown_tiles),
        "junk": any(tile.mark == JUNK for tile in shown_tiles),
        "clusters": _clusters(run, compared, gallery),
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
        "used": used,
        "dropped": run.params["retrieve.duplicates"] == "drop",
        "rejected": run.rejected,
        "rejected_shown": REJECTED_SHOWN,
        "answers": answers(compared, run.grid),
        "tiles": tiles(compared, used, len(run.rejected)),
        "labelled": bool(results.facets),
        "word_notes": [(row.layer, row.value) for row in results.zeroshot.policies if row.policy == "status"],
        "identity": run.identity,
        "params": list(run.params.items()),
        "policies": scoring_policies(flat),
        "thumbnails": gallery.thumbnails(),
        "sheets": gallery.sheets(),
    }


def _contact(run: FinishedRun, names: Sequence[str], gallery: Gallery) -> list[LayerSheet]:
    """The first tasks of the collection's own queries, and class retrieval."""
    own = [name for name in names if name != CLASS_TASK][:OWN_TASKS_SHOWN]
    shown = [name for name in names if name in own or name == CLASS_TASK]
    return contact_sheets(run.data / "rankings", run.results.retrieval, shown, run.tables, gallery)


def _clusters(run: FinishedRun, compared: Comparison, gallery: Gallery) -> list[ClusterSheet]:
    """The layer that groups best, the embedding, and the first for contrast; without labels all of them."""
    grouping = compared.grouping
    wanted = [grouping.best.layer, EMBEDDING, run.layers[0]] if grouping else run.layers
    known = class_names(run.tables.classes).items()
    names = {class_id: name for class_id, (facet, name) in known if facet in compared.facets[:1]}
    folder = run.data / "clusters"
    layers = (layer for layer in dict.fromkeys(wanted) if (folder / f"{layer}.parquet").is_file())
    return [cluster_sheet(folder, layer, names, gallery) for layer in layers]


def style(tabs: int) -> str:
    """The style sheet; tabs need a rule each, as the page works without a script."""
    rules = (
        f".tabs > input:nth-of-type({i}):checked ~ .panel:nth-of-type({i}) {{ display: block; }}"
        for i in range(1, tabs + 1)
    )
    return (TEMPLATES / "style.css").read_text(encoding="utf-8").replace("/*TABS*/", "\n".join(rules))
