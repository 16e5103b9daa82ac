"""The deps of dvc.yaml are exactly the project's modules that a stage imports, directly or not."""

from __future__ import annotations

from pathlib import Path

import pytest

from stages.closure import PIPELINES, closure, stage_deps, update
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
def test_deps_equal_the_imports(pipeline: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stale = update(pipeline, ROOT, write=False)
    assert not stale, capsys.readouterr().out


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


def test_a_stage_without_a_script_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(StrataError, match=r"^stages\.a: no such module$"):
        closure("stages.a", tmp_path)
    with pytest.raises(StrataError, match=r"is not `python -m stages\.NAME"):
        stage_deps({"cmd": "python stages/a.py", "deps": []}, tmp_path)


def test_writing_keeps_comments_and_the_order_of_data(tmp_path: Path) -> None:
    write(tmp_path, stages__a="import strata.b, strata.c", strata__b="", strata__c="")
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
