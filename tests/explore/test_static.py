"""The folder that opens from disk: everything is in it, nothing is asked for elsewhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import strata
from strata.base.errors import StrataError
from strata.explore import static


def test_the_folder_has_every_picture_and_its_neighbours(finished: Path, tmp_path: Path) -> None:
    run = strata.open_run(finished)
    static.write_static(run, tmp_path / "page", tmp_path / "kept")
    text = (tmp_path / "page" / "data.js").read_text()
    data = json.loads(text.removeprefix("window.STATIC = ").removesuffix(";\n"))
    assert len(list((tmp_path / "page" / "pictures").iterdir())) == len(run.ids())
    wanted = [one.image_id for one in strata.search(run, run.ids()[2], layer="late", top=5)]
    assert [run.ids()[number] for number, _ in data["nearest"]["late"][2][:5]] == wanted
    assert "/page/" not in (tmp_path / "page" / "index.html").read_text()
    files = [path for path in (tmp_path / "page").rglob("*") if path.is_file()]
    assert static.size_of_static(run, tmp_path / "kept") < 3 * sum(path.stat().st_size for path in files)


def test_too_many_pictures_are_refused(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(static, "MOST_PICTURES", 3)
    with pytest.raises(StrataError, match="at most 3"):
        static.size_of_static(strata.open_run(finished), tmp_path)
