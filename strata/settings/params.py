"""What a run may say: typed parameters and the shapes of the data set and model files.

Nothing here reads a file; a stage passes the mappings it read. A wrong value is a StrataError of one line
that names the key, the value and what is allowed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from strata.base.errors import StrataError

EMBEDDING = "embedding"
"""The name of the tower's final output among the layers."""
CLASS_TASK = "class"
"""The retrieval task made from labels; every other task has queries of the data set's own."""

Pooling = Literal["max", "rmac", "rmac_global", "avg", "gem", "spoc", "crow", "cls"]
Postprocessing = Literal["alpha_qe", "dba", "dba_qe", "k_reciprocal", "diffusion"]
"""What can be done to the ranking of whole pictures (``strata.retrieval.postprocessing``)."""
Treatment = Literal["raw", "centred", "pca", "whitened"] | Postprocessing
View = Literal["center_crop", "squash", "letterbox"]
Match = Literal["global", "region", "dense"]
QueryView = Literal["whole", "crop", "crop_same_scale", "roi"]
Precision = Literal["fp32", "bf16", "fp16"]
Count = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]
Cells = Annotated[int, Field(ge=1, le=18)]  # codes of more could pass what float32 adds exactly


class Strict(BaseModel):
    """Unknown keys are errors; instances are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class ExtractParams(Strict):
    view: View
    image_size: Annotated[int, Field(ge=16, le=4096)] | None
    pixel_norm: Literal["model", "none"]
    precision: Precision
    decode: Literal["full", "fast"]
    levels: Annotated[int, Field(ge=1, le=12)]
    position_l2: bool
    conv1_stride: Count | None
    gem_p: Annotated[float, Field(gt=0, le=100)]


class PoolParams(Strict):
    levels: Annotated[int, Field(ge=1, le=12)]
    center: bool
    whiten: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$")]
    normalize: bool


class ReduceParams(Strict):
    components: Count
    whiten: bool


class ClusterParams(Strict):
    k: Count | None
    seed: Seed
    restarts: Annotated[int, Field(ge=1, le=1000)]


class QueryParams(Strict):
    view: QueryView


class ExpansionParams(Strict):
    """``k`` neighbours, weighted by their cosine to the power ``alpha``."""

    k: Count
    alpha: Annotated[float, Field(ge=0, le=100)]


class KReciprocalParams(Strict):
    k1: Annotated[int, Field(ge=2)]
    k2: Count
    weight: Annotated[float, Field(ge=0, le=1)]


class DiffusionParams(Strict):
    k: Count
    k_query: Count
    alpha: Annotated[float, Field(ge=0, lt=1)]
    gamma: Annotated[float, Field(gt=0, le=100)]


class MethodParams(Strict):
    """What each way of post-processing goes by; see ``strata.retrieval.postprocessing``."""

    alpha_qe: ExpansionParams
    dba: ExpansionParams
    dba_qe: ExpansionParams
    k_reciprocal: KReciprocalParams
    diffusion: DiffusionParams


class RetrieveParams(Strict):
    """``measures``: further ones by name, scored beside those that always are; ``expand``: how many of the
    first boxes of a dense match query as well; ``methods``: what each ``postprocess`` goes by."""

    match: Match
    expand: Annotated[int, Field(ge=0, le=100)] = 0
    metric: Literal["cosine", "euclidean"]
    top_k: Annotated[int, Field(ge=1, le=10_000)]
    self_match: Literal["exclude", "include"]
    junk: Literal["skip", "negative"]
    class_every: Count
    duplicates: Literal["keep", "drop"]
    near_duplicate: Annotated[float, Field(gt=0, le=1)]
    postprocess: Literal["none"] | Postprocessing
    methods: MethodParams
    measures: list[Annotated[str, Field(pattern=r"^((map|ndcg)_at_[1-9]\d{0,5}|mrr)$")]] = []
    budget_mib: Annotated[int, Field(ge=1)]


class DenseSetup(Strict):
    """Which layers are matched densely, and what suits a collection's details (see ``dense.params``).

    A data set's file may say it; what ``params.yaml`` says goes before it; null says nothing.
    """

    layers: list[str] | Literal["all"] | None = None
    size_px: Annotated[int, Field(ge=16, le=4096)] | None = None
    dims: Count | None = None
    whiten_power: Annotated[float, Field(ge=0, le=1)] | None = None
    cells: Annotated[list[Cells], Field(min_length=1)] | None = None
    focus: Annotated[float, Field(ge=0, le=100)] | None = None


class DenseSettings(DenseSetup):
    """The same in ``params.yaml``, with what does not hang on the collection."""

    stride: Count | None
    mirror: bool
    fit: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$")]
    sample: Annotated[int, Field(ge=2)]
    rerank: Count | None
    boxes: Annotated[int, Field(ge=1, le=100)]
    seed: Seed


class ProbeParams(Strict):
    C: Annotated[float, Field(gt=0)]
    scale: Literal["sqrt_dim", "none"]
    splits: Annotated[int, Field(ge=1, le=1000)]
    test_share: Annotated[float, Field(gt=0, lt=1)]
    max_pictures: Count | None
    seed: Seed


class ZeroshotParams(Strict):
    top: Count


class GridParams(Strict):
    poolings: Annotated[list[Pooling], Field(min_length=1)]
    treatments: Annotated[list[Treatment], Field(min_length=1)]
    max_pictures: Count | None
    max_queries: Count | None
    seed: Seed


class Params(Strict):
    """All of ``params.yaml``."""

    dataset: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")]
    model: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$")]
    pooling: Pooling
    layers: Annotated[list[str], Field(min_length=1)]
    extract: ExtractParams
    pool: PoolParams
    reduce: ReduceParams
    cluster: ClusterParams
    dense: DenseSettings
    query: QueryParams
    retrieve: RetrieveParams
    probe: ProbeParams
    zeroshot: ZeroshotParams
    grid: GridParams

    @model_validator(mode="after")
    def _levels_are_stored(self) -> Params:
        if self.pool.levels > self.extract.levels:
            raise ValueError(
                f"pool.levels is {self.pool.levels} but only "
                f"extract.levels = {self.extract.levels} are kept; "
                "raise extract.levels (pictures are read again) or lower pool.levels"
            )
        if len(set(self.layers)) != len(self.layers):
            raise ValueError("layers names a layer twice")
        return self


class ClassEntry(Strict):
    """One class of a facet. ``id`` is what labels say; ``name`` what prompts say (default: the id)."""

    id: str
    name: str | None = None
    synonyms: list[str] = []
    description: str | None = None


class PromptSet(Strict):
    """Texts of a class: every template x (name + synonyms if ``synonyms``), or the descriptions.

    ``words`` are named instead of the facet's classes: one that is a class's id or name is that class.

    Templates may hold ``{}`` or ``{name}`` (the class name), ``{article}`` (a or an) and ``{description}``.
    """

    facet: str
    templates: Annotated[list[str], Field(min_length=1)]
    synonyms: bool = False
    words: list[str] = []


class ProtocolEntry(Strict):
    """How the data set's own queries are scored."""

    ap: Literal["step", "trapezoid"]
    positives: dict[str, dict[str, list[str]]]
    """task name -> {"positive": grades, "junk": grades}; other grades are negatives."""


class LabelSource(Strict):
    """Where a ``folder`` data set's labels come from."""

    from_: Literal["folders", "csv", "none"] = Field(alias="from")
    file: str | None
    file_column: str
    label_columns: dict[str, str]
    """facet -> CSV column; several labels in one cell are separated by ``;``."""
    name_columns: dict[str, str] | None = None
    """facet -> CSV column of what prompts call the class of that row, used where the CSV has it."""
    split_column: str | None = None
    """CSV column, used where the CSV has it; pictures whose cell says ``query`` only query."""
    caption_column: str | None = None
    """CSV column, used where the CSV has it: a sentence about the picture; several rows, several captions."""

    @model_validator(mode="after")
    def _csv_is_named(self) -> LabelSource:
        if self.from_ == "csv" and not self.file:
            raise ValueError("labels.from is csv but labels.file is null; name the CSV file")
        if self.from_ == "csv" and not self.label_columns:
            raise ValueError("labels.label_columns is empty; name a facet and its column")
        if unknown := sorted(set(self.name_columns or {}) - set(self.label_columns)):
            raise ValueError(f"labels.name_columns: facet {unknown[0]!r} is not in labels.label_columns")
        return self


class QuerySource(Strict):
    """The CSV of a ``folder`` data set's queries (query_id, file, x0, y0, x1, y1, group), or null."""

    file: str | None
    relevance_file: str | None

    @model_validator(mode="after")
    def _relevance_has_queries(self) -> QuerySource:
        if self.relevance_file and not self.file:
            raise ValueError(
                "queries.relevance_file is set but queries.file is null; name the queries' CSV file"
            )
        return self


class DatasetConf(Strict):
    """One file of ``conf/datasets``. Every file has every key; null where it says nothing."""

    title: str
    licence: str | None
    citation: str | None
    sources: Any
    classes: dict[str, list[ClassEntry]] | None
    labels: LabelSource | None
    queries: QuerySource | None
    protocol: ProtocolEntry
    prompts: dict[str, PromptSet] | None
    k: Count | None
    dense: DenseSetup | None


class Weights(Strict):
    """Where weights are. ``path`` (a folder with open_clip_config.json, or a file) wins over the hub."""

    path: str | None
    tag: str | None
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None
    source: str | None


class ModelConf(Strict):
    """One file of ``conf/models``. ``architecture`` is an open_clip name, null: read beside the weights.

    ``linear_stem``: a ResNet whose stem has lost its ReLUs, as in the 2021 study; only the stem can be read.
    """

    title: str
    architecture: str | None
    weights: Weights
    aliases: dict[str, str]
    image_only: bool
    linear_stem: bool = False


S = TypeVar("S", bound=Strict)


def only(values: S, keys: Iterable[str]) -> S:
    """A copy of ``values`` that has ``keys`` and nothing else: reading another key is an AttributeError.

    A key is a field or, with dots, one inside of it.

    >>> reduce = ReduceParams(components=100, whiten=False)
    >>> only(reduce, ["whiten"])
    ReduceParams(whiten=False)
    """
    inner: dict[str, list[str]] = {}
    for key in keys:
        name, _, rest = key.partition(".")
        inner.setdefault(name, []).append(rest)
    copied = values.model_copy()
    for name in type(values).model_fields:
        if name not in inner:
            del copied.__dict__[name]
        elif "" not in inner[name]:
            copied.__dict__[name] = only(getattr(values, name), inner[name])
    return copied


def parse(kind: type[S], values: Mapping[str, Any], where: str) -> S:
    """``values`` as a ``kind``; the first thing wrong is a StrataError that names ``where`` and the key."""
    try:
        return kind.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"] if part != "from_") or "(top level)"
        message = first["msg"].removeprefix("Value error, ")
        if first["type"] == "value_error":
            raise StrataError(f"{where}: {message}") from None
        if first["type"] in ("missing", "extra_forbidden"):
            what = "is missing" if first["type"] == "missing" else "is not a key of this file"
            raise StrataError(f"{where}: {key} {what}") from None
        raise StrataError(f"{where}: {key} = {first['input']!r} is wrong: {message}") from None
