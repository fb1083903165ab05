"""A server of its own, with another engine's numerics: llama.cpp on the embedded model.

``make test-engines`` installs what this needs (llama-cpp-python is compiled, which takes minutes).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from apprehend.tasks.dataset import embedded_file
from gguf_model import write_gguf
from helpers import ROOT, Run, environment, rows
from real_servers import serving

ENGINES = Path(os.environ.get("APPREHEND_ENGINES", ROOT / ".venv" / "engines"))
TASKS = "mmlu_pro_direct_law,mmlu_pro_direct_math"
pytestmark = pytest.mark.skipif(
    not (ENGINES / "llama_cpp").is_dir(), reason=f"no llama-cpp-python in {ENGINES}"
)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a llama.cpp server with the embedded model."""
    sys.path.append(str(ENGINES))
    try:
        file = write_gguf(embedded_file("model"), tmp_path_factory.mktemp("gguf") / "model.gguf")
    finally:
        sys.path.remove(str(ENGINES))
    command = (sys.executable, "-m", "llama_cpp.server", "--model", file, "--n_ctx", "4096",
               "--logits_all", "true")  # fmt: skip
    environ = {**environment(), "PYTHONPATH": str(ENGINES)}
    with serving(command, "/v1/models", environ, file.with_name("server.log"), 120) as address:
        yield f"{address}/v1/completions"


def both(
    url: str, folder: Path, cli: Run, tasks: str, limit: int, estimator: str
) -> tuple[Path, Path]:
    """Results of llama.cpp and of the hf engine on the same questions."""
    common = ("run", "--no_report", "--data", "embedded", "--tasks", tasks, "--limit", limit,
              "--estimators", estimator, "--model_name", "m")  # fmt: skip
    done = cli(*common, "--model", "local-completions", "--model_args",
               f"model=m,base_url={url}", "--output_path", folder / "http")  # fmt: skip
    assert done.returncode == 0, done.stderr
    done = cli(*common, "--model_args", "pretrained=embedded", "--device", "cpu",
               "--output_path", folder / "hf")  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder / "http" / "m", folder / "hf" / "m"


def test_option_logprobs_equal_those_of_the_hf_engine(url: str, tmp_path: Path, cli: Run) -> None:
    folders = both(url, tmp_path, cli, TASKS, 12, "option_entropy")
    over, local = (rows(folder / "mmlu_pro_direct", "answer") for folder in folders)
    assert over.question_id.tolist() == local.question_id.tolist()
    # llama.cpp splits some texts into other tokens: the model is then asked something else.
    same = over.prompt_tokens == local.prompt_tokens
    assert same.mean() > 0.5, (over.prompt_tokens.tolist(), local.prompt_tokens.tolist())
    pairs = zip(over.option_logprobs[same], local.option_logprobs[same], strict=True)
    for mine, theirs in pairs:
        np.testing.assert_allclose(mine, theirs, atol=1e-2)
    assert over.answer[same].tolist() == local.answer[same].tolist()
    assert over.entropy.isna().all()


def test_traces_equal_those_of_the_hf_engine(url: str, tmp_path: Path, cli: Run) -> None:
    folders = both(url, tmp_path, cli, "mmlu_pro_cot_law", 8, "perplexity")
    over, local = (rows(folder / "mmlu_pro_cot", "trace") for folder in folders)
    same = over.text.str.strip() == local.text.str.strip()
    assert same.mean() > 0.8, [over.text.tolist(), local.text.tolist()]
    assert over.answer[same].tolist() == local.answer[same].tolist()
