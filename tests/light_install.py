"""Use the package where neither torch nor lm-eval is installed; run by `make test-wheel`.

Imports recorded answers, scores and reports them with the installed program, and says how large the
environment is.
"""

from __future__ import annotations

import random
import subprocess
import sys
import sysconfig
from importlib.util import find_spec
from pathlib import Path

HEAVY = ("torch", "transformers", "lm_eval", "datasets")
QUESTIONS = 240


def answers(path: Path) -> None:
    """Write recorded answers: four topics, a certainty that says something about errors."""
    draw = random.Random(0)
    lines = ["id,topic,gold,prediction,certainty"]
    for number in range(QUESTIONS):
        certainty = draw.random()
        prediction = "A" if draw.random() < certainty else "B"
        lines.append(f"q{number},topic {number % 4},A,{prediction},{certainty:.3f}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def apprehend(*arguments: str, status: int = 0) -> str:
    program = Path(sys.executable).with_name("apprehend")
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == status, f"{arguments}: {done.returncode}\n{done.stderr}"
    return done.stdout + done.stderr


def size(folder: Path) -> float:
    """Return the size of a folder's files in MB (10^6 bytes)."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6


def main() -> None:
    heavy = [name for name in HEAVY if find_spec(name) is not None]
    assert not heavy, heavy
    answers(Path("answers.csv"))
    columns = ("--id", "id", "--answer", "gold", "--prediction", "prediction", "--topic", "topic")
    apprehend(
        *("import", "table", "answers.csv", "--model", "m", "--output_path", "results"),
        *(*columns, "--confidence", "certainty=certainty"),
    )
    apprehend("score", "results")
    apprehend("report", "results", "--output_path", "report", "--replicates", "100")
    assert Path("report/index.html").stat().st_size > 50_000
    apprehend("analyse", "results", "--output_path", "analyses")
    apprehend("threshold", "results", "--estimator", "certainty", "--target_risk", "0.3")
    apprehend("export", "results", "--output_path", "results.zip")
    apprehend("verify", "results.zip")
    apprehend("leaderboard", "results.zip", "--output_path", "site")
    assert Path("site/index.html").is_file()
    assert "hf" in apprehend("doctor", "--no_network")
    for command in (
        ("run", "--model_args", "pretrained=embedded", "--data", "embedded"),
        ("demo",),
    ):
        assert "pip install 'apprehend[hf]'" in apprehend(*command, status=1)
    folder = Path(sysconfig.get_path("purelib"))
    print(f"without torch and lm-eval: {size(folder):,.0f} MB in {folder.name}")  # noqa: T201


if __name__ == "__main__":
    main()
