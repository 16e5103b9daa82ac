"""The machine as keys and reports name it: the processor, packages by their versions, two ways told apart."""

from __future__ import annotations

from pathlib import Path

from strata.base.machine import cpu_vendor, cpu_with, processor, told_apart, versions_of

CPUINFO = "processor\t: {}\nvendor_id\t: GenuineIntel\nmodel name\t: Some Core 9\nflags\t\t: fpu {}\n\n"


def test_a_processor_is_called_by_its_name(tmp_path: Path) -> None:
    info = tmp_path / "cpuinfo"
    info.write_text(CPUINFO.format(0, "sse") + CPUINFO.format(1, "sse"))
    assert processor(info) == "Some Core 9"


def test_a_processor_says_who_made_it_and_what_it_can(tmp_path: Path) -> None:
    info = tmp_path / "cpuinfo"
    info.write_text(CPUINFO.format(0, "amx_bf16 sse"))
    assert processor(info) == "Some Core 9 with AMX bf16"
    assert cpu_vendor(info) == "GenuineIntel"
    assert cpu_with(("amx_fp16", "amx_bf16"), info) == ["amx_bf16"]


def test_a_system_without_that_file_has_a_word_for_its_processor_too(tmp_path: Path) -> None:
    assert processor(tmp_path / "none")
    assert cpu_vendor(tmp_path / "none")
    assert cpu_with(("avx2",), tmp_path / "none") == []


def test_packages_that_are_not_installed_are_left_out() -> None:
    assert list(versions_of(("numpy", "no-such-package", "torch"))) == ["numpy", "torch"]


def test_two_ways_are_told_by_what_differs() -> None:
    assert told_apart({"batch": 16, "timm": "1"}, {"batch": 8}) == ("batch 16, timm 1", "batch 8")
    assert told_apart({}, {"batch": 8, "device": "cpu"}) == ("no record of how", "batch 8, device cpu")
    assert told_apart({"batch": 8}, {"batch": 8}) == ("", "")
