"""What SECURITY.md promises."""

from __future__ import annotations

import ast
import json
import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from apprehend.benchmark.console.masking import (
    MASK,
    MaskingFormatter,
    is_secret_name,
    mask_arguments,
    mask_command,
    mask_text,
)
from faulty_server import serving
from helpers import ROOT, Run, environment

SOURCES = [
    path for folder in ("benchmark", "estimators", "interface", "reports", "tasks") for path in
    sorted((ROOT / folder).rglob("*.py"))
]  # fmt: skip
UNSAFE_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "shelve", "marshal"}
UNSAFE_CALLS = {
    "eval", "exec", "torch.load", "read_pickle", "to_pickle", "yaml.load", "yaml.unsafe_load",
    "os.system", "os.popen",
}  # fmt: skip
PROCESSES = {"joblib.Parallel", "joblib.delayed", "joblib.cpu_count"}
"""All that is used of joblib, whose other functions read and write pickles."""


def dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def unsafe(source: str) -> list[str]:
    """Return the constructs of a module that could execute untrusted code."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [a.name for a in node.names if a.name.split(".")[0] in UNSAFE_MODULES]
        elif isinstance(node, ast.ImportFrom):
            unsafe_ones = UNSAFE_MODULES | {"joblib"}
            found += [node.module or ""] * ((node.module or "").split(".")[0] in unsafe_ones)
        elif isinstance(node, ast.Attribute) and dotted(node).startswith("joblib."):
            found += [dotted(node)] * (dotted(node) not in PROCESSES)
        elif isinstance(node, ast.Call):
            name = dotted(node.func)
            if name in UNSAFE_CALLS or name.rsplit(".", 1)[-1] in {"read_pickle", "to_pickle"}:
                found.append(name)
            for keyword in node.keywords:
                constant = keyword.value.value if isinstance(keyword.value, ast.Constant) else None
                if keyword.arg in ("allow_pickle", "shell", "trust_remote_code") and constant:
                    found.append(f"{name}({keyword.arg}=True)")
    return found


@pytest.mark.parametrize(
    "source",
    [
        "import pickle", "from joblib import load", "joblib.load('x')", "joblib.Memory('x')",
        "import torch\ntorch.load('x')", "eval('1')",
        "np.load('x', allow_pickle=True)", "pd.read_pickle('x')", "yaml.load(x)",
        "subprocess.run('x', shell=True)", "f(trust_remote_code=True)",
    ],
)  # fmt: skip
def test_the_scan_sees_what_it_looks_for(source: str) -> None:
    assert unsafe(source)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_source_runs_untrusted_code(path: Path) -> None:
    assert unsafe(path.read_text(encoding="utf-8")) == []


# -- masking ----------------------------------------------------------------------------------

KEYS = [
    "sk-proj-abcdefghijklmnopqrstuvwxyz", "hf_abcdefghijklmnopqrstuvwxyz", "ghp_0123456789abcdef",
    "AKIAIOSFODNN7EXAMPLE", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
]  # fmt: skip


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(
    "form",
    ["{}", "api_key={}", "--judge_args model=x,api_key={}", "Authorization: Bearer {}", "x ({})",
     '{{"Authorization": "Bearer {}"}}', "https://x/v1?key={}", "https://user:{}@x/v1"],
)  # fmt: skip
def test_keys_are_masked_in_any_text(key: str, form: str) -> None:
    shown = mask_text(form.format(key))
    assert key not in shown
    assert MASK in shown


@pytest.mark.parametrize("name", ["api_key", "OPENAI_API_KEY", "--token", "auth_token", "password",
                                  "header", "Authorization", "access_key_id"])  # fmt: skip
def test_secret_names(name: str) -> None:
    assert is_secret_name(name)
    assert mask_arguments({name: "quite ordinary"}) == {name: MASK}


@pytest.mark.parametrize("name", ["tokenizer", "max_tokens", "token_entropy", "keyword", "model",
                                  "tokenizer_backend", "custom_prefix_token_id"])  # fmt: skip
def test_ordinary_names(name: str) -> None:
    assert not is_secret_name(name)
    assert mask_arguments({name: "gpt2"}) == {name: "gpt2"}


def test_ordinary_texts_stay() -> None:
    for text in ("--score token_entropy=entropy", "pretrained=org/model,dtype=bfloat16",
                 "unknown key 'modle'", "base_url=http://127.0.0.1:8000/v1/chat/completions",
                 "add_bos_token=True", "HTTP 500: {\"error\": \"oh\"}"):  # fmt: skip
        assert mask_text(text) == text


def test_commands_and_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert mask_command(["run", "--token", "abc", "--model", "x"]) == [
        "run", "--token", MASK, "--model", "x"
    ]  # fmt: skip
    monkeypatch.setenv("MY_SERVICE_TOKEN", "not-like-a-key-at-all")
    assert mask_text("said not-like-a-key-at-all twice") == f"said {MASK} twice"
    record = logging.LogRecord("x", 30, "f", 1, "sent %s", ("not-like-a-key-at-all",), None)
    assert MaskingFormatter("%(message)s").format(record) == f"sent {MASK}"


PLANTED = "sk-planted-0123456789abcdefghij"


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["", "status 401", "status 422", "status 500"])
def test_a_planted_key_is_in_no_file_and_no_message(tmp_path: Path, fault: str) -> None:
    """The server sends the key back in its errors, as some do."""
    with serving(rate=1.0 if fault else 0.0, faults=(fault,)) as server:
        done = subprocess.run(
            [sys.executable, "-m", "apprehend.benchmark", "--debug", "run",
             "--no_report", "--model_args",
             "pretrained=embedded", "--data", "embedded", "--device", "cpu", "--limit", "3",
             "--tasks", "mmlu_pro_direct_law", "--estimators", "token_entropy,masj_complexity",
             "--judge", "local-chat-completions", "--judge_name", "j", "--judge_args",
             f"model=j,base_url={server.url},max_retries=2,api_key={PLANTED}x",
             "--output_path", str(tmp_path)],
            capture_output=True, text=True, check=False, timeout=900,
            env={**environment(), "OPENAI_API_KEY": PLANTED},
        )  # fmt: skip
    sent = {headers.get("Authorization") for headers in server.headers}
    if server.headers:
        assert sent == {f"Bearer {PLANTED}"}
    assert PLANTED not in done.stdout + done.stderr
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert files
    for file in files:
        assert PLANTED.encode() not in file.read_bytes(), file


@pytest.mark.slow
def test_code_that_comes_with_a_model_is_not_run(tmp_path: Path, cli: Run) -> None:
    from apprehend.tasks.dataset import embedded_file

    model = tmp_path / "model"
    shutil.copytree(embedded_file("model"), model)
    config = json.loads((model / "config.json").read_text())
    named = {"AutoConfig": "evil.Config", "AutoModelForCausalLM": "evil.Model"}
    config |= {"model_type": "evil", "auto_map": named}
    (model / "config.json").write_text(json.dumps(config))
    (model / "evil.py").write_text(f"open({str(tmp_path / 'was-run')!r}, 'w').close()\n")
    done = cli("run", "--model_args", f"pretrained={model}", "--data", "embedded", "--device",
               "cpu", "--limit", 1, "--output_path", tmp_path / "out")  # fmt: skip
    assert done.returncode in (1, 2)
    assert not (tmp_path / "was-run").exists()
    assert len(done.stderr.strip().splitlines()[-1]) > 0


@pytest.mark.slow
def test_weights_that_would_be_unpickled_are_refused(tmp_path: Path, cli: Run) -> None:
    import torch
    from apprehend.tasks.dataset import embedded_file
    from safetensors.torch import load_file

    model = tmp_path / "model"
    shutil.copytree(embedded_file("model"), model)
    weights = model / "model.safetensors"
    torch.save(load_file(weights), model / "pytorch_model.bin")
    weights.unlink()
    arguments = ("--no_report", "--data", "embedded", "--device", "cpu", "--limit", 1, "--tasks",
                 "mmlu_pro_direct_law", "--output_path", tmp_path / "out")  # fmt: skip
    done = cli("run", "--model_args", f"pretrained={model}", *arguments)
    assert done.returncode in (1, 2), done.stderr
    assert "safetensors" in done.stderr
    done = cli("run", "--model_args", f"pretrained={model},use_safetensors=False", *arguments)
    assert done.returncode == 0, done.stderr


def test_dependencies_without_known_weaknesses() -> None:
    if not os.environ.get("APPREHEND_AUDIT"):
        pytest.skip("asks a service on the net; make audit does it")
    done = subprocess.run(
        [sys.executable, "-m", "pip_audit", "--requirement", ROOT / "constraints.txt",
         "--no-deps", "--disable-pip", "--progress-spinner", "off", "--timeout", "15"],
        capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    unreachable = ("ConnectionError", "Max retries", "Temporary failure", "No module named")
    if done.returncode and any(word in done.stderr for word in unreachable):
        pytest.skip(f"cannot ask: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stdout + done.stderr
