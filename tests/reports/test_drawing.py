"""Figures come out the same from one process and from several."""

from __future__ import annotations

from pathlib import Path

import pytest
from apprehend.reports import Drawer
from apprehend.reports.frames.figure_kind import FigureKind
from matplotlib.figure import Figure

KIND = FigureKind("roc_curves", "ROC curves", "How to read them.")


def figures(count: int) -> list[Figure]:
    made = []
    for number in range(count):
        figure = Figure(figsize=(2, 1.5))
        figure.subplots().plot([0, number], label=f"line {number}")
        made.append(figure)
    return made


def drawn(folder: Path) -> dict[str, bytes]:
    with Drawer(folder, ("png", "svg", "pdf")) as drawer:
        shown = drawer.add(KIND, "A title", "m_t", figures(3))
    assert [figure.svg for figure in shown] == [
        path.read_bytes() for path in drawer.files if path.suffix == ".svg"
    ]
    assert sorted(drawer.files) == sorted(folder.iterdir())
    return {path.name: path.read_bytes() for path in drawer.files}


def test_processes_do_not_change_the_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    one = drawn(tmp_path / "one")
    assert set(one) == {
        f"roc_curves_{part}m_t.{extension}"
        for part in ("", "2_", "3_")
        for extension in ("png", "svg", "pdf")
    }
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "2")
    assert drawn(tmp_path / "two") == one


def test_nothing_is_drawn_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(KeyError), Drawer(tmp_path / "figures", ("png",)) as drawer:
        drawer.add(KIND, "A title", "m_t", figures(1))
        raise KeyError
    assert not (tmp_path / "figures").exists()


def test_unknown_formats_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="png, svg, pdf"):
        Drawer(tmp_path, ("gif",))
