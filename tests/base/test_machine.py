"""The machine as keys and reports name it."""

from __future__ import annotations

from pathlib import Path

from strata.base.machine import cpu_vendor, cpu_with, processor, told_apart

CPUINFO = "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel name\t: Some Xeon\nflags\t\t: fpu amx_bf16 avx2\n"


def test_the_processor_says_who_made_it_and_what_it_can(tmp_path: Path) -> None:
    path = tmp_path / "cpuinfo"
    path.write_text(CPUINFO)
    assert cpu_vendor(path) == "GenuineIntel"
    assert cpu_with(("amx_fp16", "amx_bf16"), path) == ["amx_bf16"]
    assert processor(path) == "Some Xeon with AMX bf16"


def test_a_system_without_that_file_has_a_word_for_its_processor_too(tmp_path: Path) -> None:
    assert cpu_vendor(tmp_path / "none")
    assert cpu_with(("avx2",), tmp_path / "none") == []


def test_two_ways_are_told_by_what_differs() -> None:
    assert told_apart({"batch": 16, "timm": "1"}, {"batch": 8}) == ("batch 16, timm 1", "batch 8")
    assert told_apart({}, {"batch": 8, "device": "cpu"}) == ("no record of how", "batch 8, device cpu")
    assert told_apart({"batch": 8}, {"batch": 8}) == ("", "")
