"""check: what cannot work is refused before any work, in one line, with exit code 1."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from stages import check

ROOT = Path(__file__).resolve().parents[2]
WEIGHTS = {"path": None, "tag": "openai", "sha256": None, "source": None}
MODEL = {"title": "t", "architecture": "RN50", "weights": WEIGHTS, "image_only": False}
ALIASES = {"stem": "avgpool", "early": "layer1", "middle": "layer2", "late": "layer4"}
DATASET = {
    "title": "t",
    "licence": None,
    "citation": None,
    "sources": None,
    "classes": {"animal": [{"id": "cat"}, {"id": "dog"}]},
    "labels": None,
    "queries": None,
    "protocol": {"ap": "step", "positives": {}},
    "prompts": {"plain": {"facet": "animal", "templates": ["a photo of {article} {name}."]}},
    "k": 2,
    "dense": None,
}

OUTS = ("data/check/dataset/zoo/ok.txt", "data/check/model/rn/ok.txt")

Change = Callable[..., None]


def write(path: Path, values: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as stream:
        YAML(typ="safe", pure=True).dump(values, stream)


def load(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    return loaded


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder with one data set, one ResNet and right parameters."""
    params = load(ROOT / "params.yaml")
    params.update(dataset="zoo", model="rn", pooling="max", layers=["stem", "layer2.1", "embedding"])
    params["pool"]["whiten"] = "none"
    params["extract"]["conv1_stride"] = params["cluster"]["k"] = None
    write(tmp_path / "params.yaml", params)
    write(tmp_path / "conf/datasets/zoo.yaml", DATASET)
    write(tmp_path / "conf/models/rn.yaml", {**MODEL, "aliases": ALIASES})
    write(tmp_path / "conf/paths/folder.yaml", {"path": None})
    write(tmp_path / "conf/paths/local.yaml", {"path": None})
    (tmp_path / "conf/whitening/paris").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["check", *OUTS])
    return tmp_path


@pytest.fixture
def change(project: Path) -> Change:
    def apply(file: str, key: str, value: Any) -> None:
        values = load(project / file)
        *parents, last = key.split(".")
        inner = values
        for parent in parents:
            inner = inner[parent]
        inner[last] = value
        write(project / file, values)

    return apply


def refusal() -> str:
    """The line ``check`` refuses with."""
    with pytest.raises(check.StrataError) as caught:
        check.main()
    message = str(caught.value)
    assert "\n" not in message
    assert not Path("data").exists()
    return message


def test_right_parameters_pass_and_the_summary_says_what_was_chosen(project: Path) -> None:
    assert check.main() == "zoo, rn, max, 3 layers"


def outs(project: Path) -> list[bytes]:
    check.main()
    return [(project / out).read_bytes() for out in OUTS]


def test_the_outs_are_constant(project: Path, change: Change) -> None:
    first = outs(project)
    change("params.yaml", "pooling", "avg")
    change("conf/models/rn.yaml", "weights", {**WEIGHTS, "tag": "yfcc15m"})
    assert outs(project) == first


def test_the_command_exits_1_with_one_line(project: Path, change: Change) -> None:
    change("params.yaml", "pooling", "maxx")
    command = [sys.executable, "-m", "stages.check", *OUTS]
    done = subprocess.run(command, capture_output=True, text=True, env={"PYTHONPATH": str(ROOT)}, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("check: error: params.yaml: pooling = 'maxx' is wrong")
    assert done.stderr.count("\n") == 1


def test_a_refused_S_is_taken_back_by_the_command_that_the_error_names(project: Path, change: Change) -> None:
    def git(*arguments: str) -> None:
        identity = ("-c", "user.name=a", "-c", "user.email=a@b.c")
        subprocess.run(["git", *identity, *arguments], check=True, capture_output=True)

    git("init", "-q")
    git("add", "-A")
    git("commit", "-qm", "right")
    change("params.yaml", "pooling", "maximum")
    assert "; `git checkout params.yaml` takes back" in refusal()
    git("checkout", "params.yaml")
    check.main()


@pytest.mark.parametrize(("key", "known"), [("dataset", "zoo"), ("model", "rn")])
def test_an_unknown_data_set_or_model_lists_those_there_are(change: Change, key: str, known: str) -> None:
    change("params.yaml", key, "nope")
    assert refusal() == f"params.yaml: {key} = 'nope' has no file conf/{key}s/nope.yaml; there are: {known}"


def test_a_usual_alias_the_model_lacks_lists_its_own(change: Change) -> None:
    change("conf/models/rn.yaml", "aliases", {"stem": "avgpool"})
    change("params.yaml", "layers", ["stem", "late"])
    assert refusal() == "params.yaml: layers: model rn has no alias 'late'; it has: stem, embedding"


@pytest.mark.parametrize("layer", ["layer 1", "../x", "layer1.", ".layer1", "läyer", "1.layer", ""])
def test_a_layer_that_cannot_be_a_module_path_is_refused(change: Change, layer: str) -> None:
    change("params.yaml", "layers", ["stem", layer])
    assert f"{layer!r} is no layer name" in refusal()


def test_an_alias_that_cannot_be_a_module_path_names_its_file(change: Change) -> None:
    change("conf/models/rn.yaml", "aliases", {"stem": "a b"})
    assert refusal() == "conf/models/rn.yaml: aliases.stem = 'a b' is no module path"


def test_class_tokens_of_a_resnet_are_refused(change: Change) -> None:
    change("params.yaml", "pooling", "cls")
    assert "needs a class token" in refusal()
    change("conf/models/rn.yaml", "architecture", "ViT-B-32")
    assert check.main() == "zoo, rn, cls, 3 layers"


def test_a_dense_patch_convolution_of_a_resnet_is_refused(change: Change) -> None:
    change("params.yaml", "extract.conv1_stride", 3)
    assert "extract.conv1_stride = 3" in refusal()


def test_an_unknown_whitening_lists_those_there_are(change: Change) -> None:
    change("params.yaml", "pool.whiten", "oxford")
    assert refusal().endswith("'oxford' is not in conf/whitening; there are: none, self, paris")
    change("params.yaml", "pool.whiten", "paris")
    assert check.main()


def test_one_cluster_is_refused_wherever_it_stands(change: Change) -> None:
    change("params.yaml", "cluster.k", 1)
    assert refusal().startswith("params.yaml: cluster.k = 1: clustering needs at least 2")
    change("params.yaml", "cluster.k", None)
    change("conf/datasets/zoo.yaml", "k", 1)
    assert refusal().startswith("conf/datasets/zoo.yaml: k = 1: ")


def test_a_prompt_of_an_unknown_facet_lists_those_there_are(change: Change) -> None:
    change("conf/datasets/zoo.yaml", "prompts.plain.facet", "mood")
    assert (
        refusal()
        == "conf/datasets/zoo.yaml: prompts.plain: facet 'mood' is not in classes; there are: animal"
    )


@pytest.mark.parametrize("task", ["class", "my-own", "1st"])
def test_a_task_that_cannot_begin_a_metrics_name_is_refused(change: Change, task: str) -> None:
    change("conf/datasets/zoo.yaml", "protocol.positives", {task: {"positive": ["good"]}})
    assert f"protocol.positives: a task cannot be called {task!r}" in refusal()


@pytest.mark.parametrize("tasks", [["detail", "detail_map"], ["retrieve"], ["train"]])
def test_tasks_that_give_a_metric_two_meanings_are_refused(change: Change, tasks: list[str]) -> None:
    change("conf/datasets/zoo.yaml", "protocol.positives", {t: {"positive": ["good"]} for t in tasks})
    message = refusal()
    assert message.startswith(f"conf/datasets/zoo.yaml: a task cannot be called {tasks[-1]!r}: ")
    assert message.endswith("in metrics/*.json would mean two things; give it another name")


@pytest.mark.parametrize("facet", ["low", "chance", "pca", "out"])
def test_a_facet_that_gives_a_metric_two_meanings_is_refused(change: Change, facet: str) -> None:
    classes = {"animal": [{"id": "cat"}, {"id": "dog"}], facet: [{"id": "yes"}, {"id": "no"}]}
    change("conf/datasets/zoo.yaml", "classes", classes)
    assert f"a facet cannot be called {facet!r}" in refusal()
    change("conf/datasets/zoo.yaml", "classes", DATASET["classes"])
    columns = {"animal": "a", facet: "b"}
    labels = {"from": "csv", "file": "l.csv", "file_column": "file", "label_columns": columns}
    change("conf/datasets/zoo.yaml", "labels", labels)
    assert f"a facet cannot be called {facet!r}" in refusal()


def test_facets_are_not_checked_where_the_classes_come_later(change: Change) -> None:
    change("conf/datasets/zoo.yaml", "classes", None)
    change("conf/datasets/zoo.yaml", "prompts.plain.facet", "mood")
    assert check.main()


@pytest.mark.parametrize(
    ("template", "complaint"),
    [
        ("a photo of a {label}", "asks for {label}; known are"),
        ("a photo", "is the same text for every class"),
        ("a photo of {article}", "is the same text for every class"),
        ("a photo of {name", "expected '}'"),
    ],
)
def test_a_template_that_cannot_be_filled_is_refused(change: Change, template: str, complaint: str) -> None:
    change("conf/datasets/zoo.yaml", "prompts.plain.templates", ["{}", template])
    message = refusal()
    assert template in message
    assert complaint in message


def test_the_path_of_a_folder_must_be_set_and_be_a_folder(project: Path, change: Change) -> None:
    (project / "conf/datasets/zoo.yaml").rename(project / "conf/datasets/folder.yaml")
    change("params.yaml", "dataset", "folder")
    assert "conf/paths/folder.yaml: path is not set" in refusal()
    change("conf/paths/folder.yaml", "path", "/a (b), c/ü")
    assert refusal().startswith("conf/paths/folder.yaml: path = '/a (b), c/ü' is not a folder")
    (project / "a (b), ü").mkdir()
    change("conf/paths/folder.yaml", "path", str(project / "a (b), ü"))
    assert check.main().startswith("folder, ")


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        (
            "words",
            "cat",
            "words = 'cat' is no list of texts; use -S 'conf/paths/folder.yaml:words=[cat,dog]'",
        ),
        ("words", ["cat", 3], "words = ['cat', 3] is no list of texts"),
        ("templates", ["a photo"], "prompts.typed: template 'a photo' is the same text for every class"),
        ("templates", ["a {nam}"], "prompts.typed: template 'a {nam}' asks for {nam}"),
    ],
)
def test_typed_words_and_templates_are_looked_at_first(
    project: Path, change: Change, key: str, value: object, said: str
) -> None:
    (project / "conf/datasets/zoo.yaml").rename(project / "conf/datasets/folder.yaml")
    change("params.yaml", "dataset", "folder")
    change("conf/paths/folder.yaml", "path", str(project))
    change("conf/paths/folder.yaml", key, value)
    assert said in refusal()


def test_the_path_of_local_weights_must_be_set_and_exist(project: Path, change: Change) -> None:
    (project / "conf/models/rn.yaml").rename(project / "conf/models/local.yaml")
    change("params.yaml", "model", "local")
    assert "conf/paths/local.yaml: path is not set" in refusal()
    change("conf/paths/local.yaml", "path", "weights")
    assert refusal() == (
        f"conf/paths/local.yaml: path = '{project}/weights': no weights there; mend the path and run again"
    )
    (project / "weights").mkdir()
    assert check.main().startswith("zoo, local, ")


@pytest.fixture
def pair(project: Path, change: Change) -> Callable[[str | None, str | None], None]:
    """Choose a pair of open_clip's."""
    (project / "conf/models/rn.yaml").rename(project / "conf/models/open_clip.yaml")
    change("params.yaml", "model", "open_clip")
    change("conf/models/open_clip.yaml", "aliases", {})

    def choose(architecture: str | None, pretrained: str | None) -> None:
        values = {"architecture": architecture, "pretrained": pretrained}
        write(project / "conf/paths/open_clip.yaml", values)

    return choose


def test_a_pair_of_open_clips_is_named_in_the_models_out_alone(project: Path, pair: Change) -> None:
    pair("RN50-quickgelu", "openai")
    first = outs(project)
    pair("RN50-quickgelu", "cc12m")
    second = outs(project)
    assert first[0] == second[0]
    assert first[1].endswith(b"RN50-quickgelu openai\n")
    assert second[1].endswith(b"RN50-quickgelu cc12m\n")


@pytest.mark.parametrize(
    ("architecture", "pretrained", "complaint"),
    [
        (None, "openai", "architecture is not set; use -S 'conf/paths/open_clip.yaml:architecture=ViT"),
        ("ViT-B-32", None, "pretrained is not set; use -S 'conf/paths/open_clip.yaml:pretrained="),
        ("vit_b_32", "openai", "open_clip knows no architecture 'vit_b_32'; near it are: ViT-B-32, "),
        (
            "RN50-quickgelu",
            "cc12",
            "open_clip lists no weights 'cc12' for RN50-quickgelu; near it are: cc12m, ",
        ),
        ("ViT-S-32", "openai", "open_clip lists no weights 'openai' for ViT-S-32; near it are: none"),
        ("RN50", "openai", "use architecture: RN50-quickgelu"),
    ],
)
def test_a_pair_that_open_clip_does_not_list_names_near_ones(
    pair: Change, architecture: str | None, pretrained: str | None, complaint: str
) -> None:
    pair(architecture, pretrained)
    message = refusal()
    assert message.startswith("conf/paths/open_clip.yaml: ")
    assert complaint in message


def test_weights_in_the_users_home_are_found(
    project: Path, change: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(project))
    (project / "clip").mkdir()
    change("conf/models/rn.yaml", "weights", {**WEIGHTS, "path": "~/clip"})
    assert check.main().startswith("zoo, rn, ")


def test_missing_weights_say_where_they_come_from(change: Change) -> None:
    change(
        "conf/models/rn.yaml",
        "weights",
        {**WEIGHTS, "path": "models/rn", "source": "make weights"},
    )
    assert refusal() == (
        "conf/models/rn.yaml: weights.path = 'models/rn': no weights there; they come from: make weights"
    )


@pytest.mark.parametrize("text", ["dataset: [", "- a list\n", "", "dataset: !!python/object:os.system x"])
def test_a_file_that_is_no_yaml_mapping_is_one_line(project: Path, text: str) -> None:
    (project / "params.yaml").write_text(text)
    assert refusal().startswith("params.yaml: ")


def test_a_key_that_stands_twice_is_refused(project: Path) -> None:
    with (project / "params.yaml").open("a") as stream:
        stream.write("\npooling: avg\n")
    assert "params.yaml: not YAML" in refusal()


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("dense.layers", ["embedding"], "dense.layers: 'embedding' has no map; there are: stem, layer2.1"),
        ("dense.layers", ["late"], "dense.layers: 'late' is not among layers; there are: stem, layer2.1"),
        ("dense.fit", "rome", "dense.fit = 'rome' is not in conf/projection; there are: self, paris"),
        ("dense.stride", 8, "dense.stride = 8 is for a ViT's patches and model rn (RN50) is a ResNet"),
        ("dense.cells", [6, 19], "dense.cells.1 = 19 is wrong"),
    ],
)
def test_what_cannot_be_matched_densely_is_refused(
    project: Path, change: Change, key: str, value: Any, said: str
) -> None:
    (project / "conf/projection/paris").mkdir(parents=True)
    change("params.yaml", key, value)
    assert said in refusal()


def test_expansion_needs_a_dense_match(change: Change) -> None:
    change("params.yaml", "retrieve.match", "region")
    change("params.yaml", "retrieve.expand", 2)
    assert "retrieve.expand = 2 is for boxes matched densely" in refusal()
