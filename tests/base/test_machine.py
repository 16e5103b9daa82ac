"""The processor by its name, packages by their versions."""

from __future__ import annotations

from pathlib import Path

from strata.base.machine import processor, versions_of

CPUINFO = "processor\t: {}\nmodel name\t: Some Core 9\nflags\t\t: fpu {}\n\n"


def test_a_processor_is_called_by_its_name(tmp_path: Path) -> None:
    info = tmp_path / "cpuinfo"
    info.write_text(CPUINFO.format(0, "sse") + CPUINFO.format(1, "sse"))
    assert processor(info) == "Some Core 9"


def test_a_processor_that_multiplies_bf16_matrices_says_so(tmp_path: Path) -> None:
    info = tmp_path / "cpuinfo"
    info.write_text(CPUINFO.format(0, "amx_bf16 sse"))
    assert processor(info) == "Some Core 9 with AMX bf16"


def test_a_processor_that_is_not_described_still_has_a_name(tmp_path: Path) -> None:
    assert processor(tmp_path / "nothing")


def test_packages_that_are_not_installed_are_left_out() -> None:
    assert list(versions_of(("numpy", "no-such-package", "torch"))) == ["numpy", "torch"]
