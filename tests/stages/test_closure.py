"""The deps and params of dvc.yaml are exactly what the stages import and read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stages.closure import PIPELINES, closure, stage_deps, stage_params, update
from strata.base.errors import StrataError

ROOT = Path(__file__).resolve().parents[2]


def write(root: Path, **files: str) -> None:
    for name, content in files.items():
        path = root / (name.replace("__", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")


def names(module: str, root: Path) -> set[str]:
    return {path.as_posix() for path in closure(module, root)}


@pytest.mark.parametrize("pipeline", PIPELINES, ids=str)
def test_deps_and_params_equal_what_the_stages_read(
    pipeline: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stale = update(pipeline, ROOT, write=False)
    assert not stale, f"run `make deps`:\n{capsys.readouterr().out}"


@pytest.mark.parametrize(
    ("stage", "old", "new", "said"),
    [
        ("retrieve", "      - pool.levels\n", "", "missing: pool.levels"),
        ("retrieve", "      - query.view\n", "", "missing: query.view"),
        ("reduce", "      - reduce\n", "      - reduce\n      - probe\n", "not read: probe"),
        ("cluster", "          - k\n", "          - prompts\n", "missing: conf/datasets/${dataset}.yaml: k"),
    ],
)
def test_a_param_too_few_or_too_many_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], stage: str, old: str, new: str, said: str
) -> None:
    before, mark, rest = (ROOT / "dvc.yaml").read_text(encoding="utf-8").partition(f"\n  {stage}:\n")
    changed = tmp_path / "dvc.yaml"
    changed.write_text(before + mark + rest.replace(old, new, 1), encoding="utf-8")
    assert update(changed, ROOT, write=False) == [stage]
    assert f"{stage}: params: {said}\n" in capsys.readouterr().out
    update(changed, ROOT, write=True)
    assert changed.read_text(encoding="utf-8") == (ROOT / "dvc.yaml").read_text(encoding="utf-8")


def test_imports_are_followed_through_modules(tmp_path: Path) -> None:
    write(
        tmp_path, stages__a="import strata.b", strata__b="from strata.c import f", strata__c="", strata__d=""
    )
    assert names("stages.a", tmp_path) == {"stages/a.py", "strata/b.py", "strata/c.py"}


def test_imports_inside_functions_count(tmp_path: Path) -> None:
    write(tmp_path, stages__a="def f():\n    from strata import b\n", strata__b="")
    assert names("stages.a", tmp_path) == {"stages/a.py", "strata/b.py"}


def test_imports_for_types_alone_do_not_count(tmp_path: Path) -> None:
    text = (
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n  import strata.b\nelse:\n  import strata.c\n"
    )
    write(tmp_path, stages__a=text, strata__b="", strata__c="")
    assert names("stages.a", tmp_path) == {"stages/a.py", "strata/c.py"}


def test_strings_that_name_a_module_count(tmp_path: Path) -> None:
    write(tmp_path, stages__a='TABLE = {"b": "strata.b", "c": "strata.c:C"}', strata__b="", strata__c="")
    assert names("stages.a", tmp_path) == {"stages/a.py", "strata/b.py", "strata/c.py"}


def test_a_circle_of_imports_ends(tmp_path: Path) -> None:
    write(tmp_path, stages__a="import strata.b", strata__b="import strata.c", strata__c="import strata.b")
    assert names("stages.a", tmp_path) == {"stages/a.py", "strata/b.py", "strata/c.py"}


def test_a_package_counts_only_when_its_init_holds_code(tmp_path: Path) -> None:
    write(
        tmp_path,
        stages__a="from strata.p.m import x\nfrom strata.q.m import x\n",
        strata__p__m="",
        strata__q__m="",
    )
    (tmp_path / "strata/p/__init__.py").write_text('"""Words."""\nfrom __future__ import annotations\n')
    (tmp_path / "strata/q/__init__.py").write_text('"""Words."""\nfrom strata.r import x\n')
    write(tmp_path, strata__r="")
    assert names("stages.a", tmp_path) == {
        "stages/a.py",
        "strata/p/m.py",
        "strata/q/__init__.py",
        "strata/q/m.py",
        "strata/r.py",
    }


def test_templates_of_a_package_count(tmp_path: Path) -> None:
    write(tmp_path, stages__a="from strata.p.m import x", strata__p__m="", strata__p__inner__n="")
    (tmp_path / "strata/p/templates").mkdir()
    (tmp_path / "strata/p/templates/page.html").write_text("<p>")
    assert names("stages.a", tmp_path) == {"stages/a.py", "strata/p/m.py", "strata/p/templates"}


def test_parameters_and_messages_are_not_followed(tmp_path: Path) -> None:
    write(
        tmp_path,
        stages__a="from stages import settings, other\n",
        stages__settings="import strata.c",
    )
    write(tmp_path, stages__other="import strata.b", strata__b="import strata.settings.params", strata__c="")
    write(tmp_path, strata__settings__params="")
    (tmp_path / "strata/__init__.py").write_text("import strata.c\n", encoding="utf-8")
    assert names("stages.a", tmp_path) == {"stages/a.py", "stages/other.py", "strata/b.py"}


def test_parameter_classes_are_followed_only_to_judge_values(tmp_path: Path) -> None:
    imports = "from strata.settings.params import Params\n"
    write(tmp_path, strata__settings__params="", strata__settings__consistency=imports)
    write(tmp_path, stages__a=imports, stages__check="import strata.settings.consistency\n")
    assert names("stages.a", tmp_path) == {"stages/a.py"}
    assert "strata/settings/params.py" in names("stages.check", tmp_path)


def params_of(root: Path, script: str, *deps: str) -> list[Any]:
    write(root, stages__a=f"from stages import settings\n{script}\n", stages__settings="")
    return stage_params({"cmd": "python -m stages.a", "deps": list(deps)}, root)


def test_params_are_the_keys_named_in_the_script_and_its_helpers(tmp_path: Path) -> None:
    write(tmp_path, stages__b="from stages import settings\nsettings.model('title')\n")
    script = "import stages.b\nsettings.params('pool.levels', 'probe')\nsettings.dataset('k')\n"
    script += "def f():\n    settings.params('probe', 'query')\n    settings.own_path('folder')\n"
    script += "    settings.own_words('local')\n"
    assert params_of(tmp_path, script) == [
        "pool.levels",
        "probe",
        "query",
        {"conf/datasets/${dataset}.yaml": ["k"]},
        {"conf/models/${model}.yaml": ["title"]},
        {"conf/paths/folder.yaml": ["path"]},
        {"conf/paths/local.yaml": ["words", "templates"]},
    ]


def test_no_key_means_the_whole_file(tmp_path: Path) -> None:
    assert params_of(tmp_path, "settings.params('probe')\nsettings.params()\n") == [{"params.yaml": None}]


@pytest.mark.parametrize(
    "script",
    [
        "key = 'k'\nsettings.dataset(key)",
        "settings.params(*keys)",
        "settings.params('k', **more)",
        "settings.dataset_conf('demo')",
        "settings.read_yaml(settings.PARAMS)",
        "from stages.settings import params",
    ],
)
def test_reading_that_cannot_be_told_is_refused(tmp_path: Path, script: str) -> None:
    with pytest.raises(StrataError, match=r"a\.py, line \d+: "):
        params_of(tmp_path, script)


def test_a_whole_file_may_be_read_below_a_folder_that_is_a_dep(tmp_path: Path) -> None:
    script = "settings.dataset_conf(name)\nsettings.own_path(name)"
    assert params_of(tmp_path, script, "conf/datasets", "conf/paths") == []


def test_a_stage_without_a_script_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(StrataError, match=r"^stages\.a: no such module$"):
        closure("stages.a", tmp_path)
    with pytest.raises(StrataError, match=r"is not `python -m stages\.NAME"):
        stage_deps({"cmd": "python stages/a.py", "deps": []}, tmp_path)


def test_writing_keeps_comments_and_the_order_of_data(tmp_path: Path) -> None:
    script = "import strata.b, strata.c\nfrom stages import settings\nsettings.params()"
    write(tmp_path, stages__a=script, strata__b="", strata__c="")
    before = (
        "# runs\nstages:\n  a:\n    desc: first    # a word\n    cmd: python -m stages.a data/x\n    deps:\n"
        "      - strata/gone.py\n      - stages/a.py\n      - data/z\n      - data/${dataset}\n    params:\n"
        "      - params.yaml:\n    outs:\n      - data/x\n"
    )
    path = tmp_path / "dvc.yaml"
    path.write_text(before, encoding="utf-8")
    assert update(Path("dvc.yaml"), tmp_path, write=False) == ["a"]
    assert path.read_text(encoding="utf-8") == before
    assert update(Path("dvc.yaml"), tmp_path, write=True) == ["a"]
    wanted = "      - stages/a.py\n      - strata/b.py\n      - strata/c.py\n"
    expected = before.replace("      - strata/gone.py\n      - stages/a.py\n", wanted)
    assert path.read_text(encoding="utf-8") == expected
    assert update(Path("dvc.yaml"), tmp_path, write=False) == []
