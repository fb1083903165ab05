"""Names that become folders: none escapes the results, and no two share a folder unnoticed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from apprehend.benchmark.console.errors import UsageError
from apprehend.benchmark.store.names import (
    LONGEST,
    check_name,
    folder_name,
    model_folder,
    task_folder,
)
from apprehend.benchmark.store.task_store import Results
from helpers import imported
from hypothesis import given
from hypothesis import strategies as st

PATHS = ["", " ", ".", "..", "../../x", "/tmp/x", "a/../b", "a//b", "a/", "\\x", "C:\\x", "~/x",
         "a\0b", "a\nb", "\x1b[0m", "shards", "report", "NUL", "con.txt", " x", "x ", "x.", ".x",
         "…", "--", "\u2028"]  # fmt: skip


@pytest.mark.parametrize("option", ["--task", "--model"])
@pytest.mark.parametrize("name", [name for name in PATHS if "\0" not in name])
def test_what_cannot_be_a_name_is_refused(option: str, name: str, tmp_path: Path) -> None:
    done = imported(tmp_path, option, name)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"apprehend: error: {option}: expected a name")
    assert {path.name for path in tmp_path.iterdir()} == {"t.csv"}


@pytest.mark.parametrize("name", PATHS)
def test_check_name(name: str) -> None:
    with pytest.raises(UsageError, match="--x: expected a name"):
        check_name("--x", name)


@pytest.mark.parametrize(
    "name", ["org/model", "m", "Qwen2.5-3B", "a b", "модель", "x" * 300, "a=b"]
)
def test_what_is_a_name_is_found_again(name: str, tmp_path: Path) -> None:
    assert check_name("--x", name) == name
    done = imported(tmp_path, "--task", name, model=name)
    assert done.returncode == 0, done.stderr
    (store,) = Results(tmp_path / "in" / "results").stores()
    assert store.manifest["model"]["name"] == name
    assert Results(tmp_path / "in" / "results").open(name, name).path == store.path


def test_folders_of_clean_names_are_what_they_were() -> None:
    assert folder_name("org/model-1.5B") == "org__model-1.5B"
    assert folder_name("mmlu_pro_direct") == "mmlu_pro_direct"
    assert folder_name("org__model") == "org__model"


@given(st.text() | st.sampled_from(PATHS) | st.text("aA/_.: -"))
def test_every_name_becomes_one_safe_folder(name: str) -> None:
    folder = folder_name(name)
    assert folder == folder_name(folder)
    assert 0 < len(folder) <= LONGEST
    assert set(folder) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._=+-")
    assert not folder.startswith(".")
    assert folder.lower() not in ("shards", "report", "con", "nul")


@given(st.text("aA/_.: -é", max_size=6), st.text("aA/_.: -é", max_size=6))
def test_different_names_get_different_folders(one: str, other: str) -> None:
    if one.replace("/", "__") != other.replace("/", "__"):
        assert folder_name(one) != folder_name(other)


def test_names_that_would_share_a_folder_are_refused(tmp_path: Path) -> None:
    assert imported(tmp_path, model="a/b").returncode == 0
    done = imported(tmp_path, "--task", "other", model="a__b")
    assert done.returncode == 2
    assert "holds the answers of a model called 'a/b', not 'a__b'" in done.stderr
    assert not (tmp_path / "in" / "results" / "a__b" / "other").exists()


def test_folders_of_former_versions_are_found(tmp_path: Path) -> None:
    former = tmp_path / "a_b" / "my task"
    former.mkdir(parents=True)
    (former / "manifest.json").write_text(json.dumps({"model": {}}), encoding="utf-8")
    assert model_folder(tmp_path, "a b") == tmp_path / "a_b"
    assert task_folder(tmp_path / "a_b", "my task") == former
    (former / "manifest.json").write_text(json.dumps({"model": {"name": "a:b"}}), "utf-8")
    assert model_folder(tmp_path, "a b") == tmp_path / folder_name("a b") != tmp_path / "a_b"
