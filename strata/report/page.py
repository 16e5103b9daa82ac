"""The page: gathers what every section shows, renders the templates, writes the thumbnails."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from strata.base.files import write_text
from strata.base.track import Track, no_track
from strata.collection.tables import Tables
from strata.report.cluster_sheets import ClusterSheet, cluster_sheets
from strata.report.contact_sheets import JUNK, LayerSheet, class_names, contact_sheets
from strata.report.heat_maps import grid_questions, runs
from strata.report.numbers import everything, flat_results, panels, scoring_policies, tables
from strata.report.prompt_sheets import PromptSheet, prompt_sheets, read_zeroshot
from strata.report.thumbnails import Gallery
from strata.report.wording import said, task_title, tiles
from strata.results.comparison import Comparison, Results, compare_layers
from strata.results.grid import Grid
from strata.settings.params import CLASS_TASK, EMBEDDING

TEMPLATES = Path(__file__).parent / "templates"
REJECTED_SHOWN = 200
OWN_TASKS_SHOWN = 2
DIGEST = "@@DIGEST@@"


@dataclass(frozen=True)
class Inputs:
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


def write_report(inputs: Inputs, folder: Path, track: Track = no_track) -> tuple[str, int]:
    """Write FOLDER/index.html and FOLDER/img/. Returns the page's digest and how many pictures it shows."""
    gallery = Gallery(inputs.tables.images)
    html = _environment().get_template("page.html.j2").render(_content(inputs, gallery))
    digest = hashlib.sha256(html.encode("utf-8")).hexdigest()[:16]
    gallery.write(folder / "img", track)
    write_text(folder / "index.html", html.replace(DIGEST, digest, 1))
    return digest, len(gallery.thumbnails())


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _content(inputs: Inputs, gallery: Gallery) -> dict[str, Any]:
    """Everything the templates name. The gallery's pictures are complete only after the sections are made."""
    results = inputs.results
    compared = compare_layers(results)
    flat = flat_results(results)
    contact = _contact(inputs, compared.tasks, gallery)
    shown_tiles = [
        t for sheet in contact for task in sheet.tasks for row in task.rows for t in (row.query, *row.nearest)
    ]
    prompts = _prompts(inputs, gallery)
    used = inputs.tables.images.num_rows - len(inputs.rejected)
    questions = grid_questions(inputs.grid, inputs.layers, results.facets, inputs.params)
    sections = {
        "panels": panels(compared),
        "questions": questions,
        "runs": runs(inputs.grid, inputs.params),
        "grid_left_out": inputs.grid.left_out,
        "tables": tables(results, compared.tasks),
        "everything": everything(flat),
        "contact": contact,
        "contact_chosen": inputs.layers.index(compared.finding.best.layer) if compared.finding else 0,
        "task_titles": {task: task_title(task, results.facets) for task in compared.tasks},
        "boxed": any(tile.box for tile in shown_tiles),
        "junk": any(tile.mark == JUNK for tile in shown_tiles),
        "clusters": _clusters(inputs, compared, gallery),
        "prompts": prompts,
    }
    return {
        **sections,
        "style": Markup(_style(max(len(inputs.layers), len(prompts), len(questions), 1))),
        "script": Markup((TEMPLATES / "run.js").read_text(encoding="utf-8")),
        "title": inputs.title,
        "model": inputs.model,
        "pooling": inputs.params["pooling"],
        "layers": inputs.layers,
        "used": used,
        "rejected": inputs.rejected,
        "rejected_shown": REJECTED_SHOWN,
        "answers": said(compared, inputs.grid),
        "tiles": tiles(compared, used, len(inputs.rejected)),
        "labelled": bool(results.facets),
        "word_notes": [(row.layer, row.value) for row in results.zeroshot.policies if row.policy == "status"],
        "identity": inputs.identity,
        "params": list(inputs.params.items()),
        "policies": scoring_policies(flat),
        "thumbnails": gallery.thumbnails(),
        "sheets": gallery.sheets(),
    }


def _contact(inputs: Inputs, names: Sequence[str], gallery: Gallery) -> list[LayerSheet]:
    """The first tasks of the collection's own queries, and class retrieval."""
    own = [name for name in names if name != CLASS_TASK][:OWN_TASKS_SHOWN]
    shown = [name for name in names if name in own or name == CLASS_TASK]
    return contact_sheets(inputs.data / "rankings", inputs.results.retrieval, shown, inputs.tables, gallery)


def _clusters(inputs: Inputs, compared: Comparison, gallery: Gallery) -> list[ClusterSheet]:
    """The layer that groups best, the embedding, and the first for contrast; without labels all of them."""
    grouping = compared.grouping
    wanted = [grouping.best.layer, EMBEDDING, inputs.layers[0]] if grouping else inputs.layers
    layers = [
        name for name in dict.fromkeys(wanted) if (inputs.data / "clusters" / f"{name}.parquet").is_file()
    ]
    names = {
        c: name
        for c, (facet, name) in class_names(inputs.tables.classes).items()
        if facet in compared.facets[:1]
    }
    return cluster_sheets(inputs.data / "clusters", layers, names, gallery)


def _prompts(inputs: Inputs, gallery: Gallery) -> list[PromptSheet]:
    return prompt_sheets(read_zeroshot(inputs.data / "zeroshot"), inputs.results.zeroshot.layers, gallery)


def _style(tabs: int) -> str:
    """The style sheet; tabs need a rule each, as the page works without a script."""
    rules = (
        f".tabs > input:nth-of-type({i}):checked ~ .panel:nth-of-type({i}) {{ display: block; }}"
        for i in range(1, tabs + 1)
    )
    return (TEMPLATES / "style.css").read_text(encoding="utf-8").replace("/*TABS*/", "\n".join(rules))
