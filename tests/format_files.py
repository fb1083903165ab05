"""Small files as other programs write them, all of the same recorded answers."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

LETTERS = "ABCD"
TOPICS = ("law", "math")


@dataclass(frozen=True)
class Answers:
    """Recorded answers: (n, 4) log-probabilities that leave some mass, gold options, topics."""

    logprobs: np.ndarray[Any, np.dtype[np.float64]]
    gold: np.ndarray[Any, np.dtype[np.int64]]

    @classmethod
    def made(cls, n: int = 60, seed: int = 0) -> Answers:
        rng = np.random.default_rng(seed)
        logits = rng.normal(size=(n, 4)) * 2
        shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True) * 0.96
        gold = np.array([rng.choice(4, p=row / row.sum()) for row in shares])
        return cls(np.log(shares), gold)

    @property
    def pred(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        return self.logprobs.argmax(axis=1)

    @property
    def wrong(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        return self.pred != self.gold

    @property
    def entropy(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        p = np.exp(self.logprobs)
        p = p / p.sum(axis=1, keepdims=True)
        return -(p * np.log(p)).sum(axis=1)

    def topic(self, i: int) -> str:
        return TOPICS[i % 2]

    def __iter__(self) -> Iterable[tuple[int, int, int, list[float]]]:  # type: ignore[misc]
        for i, row in enumerate(self.logprobs):
            yield i, int(self.gold[i]), int(self.pred[i]), row.tolist()


def lines(file: Path, rows: Iterable[Any]) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return file


def document(file: Path, content: Any) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content, indent=1), "utf-8")
    return file


def question(i: int) -> str:
    return f"Question {i}\u2028on two lines?"


def options(i: int) -> list[str]:
    return [f"{name} {i}" for name in ("red", "green", "blue", "none")]


def table(folder: Path, answers: Answers) -> Path:
    """CSV with everything that options of ``import table`` name."""
    rows = [
        {"id": f"{i:03d}", "subject": answers.topic(i), "gold": LETTERS[gold],
         "said": LETTERS[pred], "probs": json.dumps(np.exp(row).tolist()),
         "confidence": f"{100 * np.exp(max(row)):.10g}%"}
        for i, gold, pred, row in answers
    ]  # fmt: skip
    pd.DataFrame(rows).to_csv(folder / "answers.csv", index=False)
    return folder / "answers.csv"


def key(folder: Path, answers: Answers) -> Path:
    """The right answers, for formats without them."""
    rows = [(f"q-{i}", LETTERS[gold], answers.topic(i)) for i, gold, _, _ in answers]
    frame = pd.DataFrame(rows, columns=["id", "answer", "topic"])
    frame.to_csv(folder / "key.csv", index=False)
    return folder / "key.csv"


def sample(i: int, gold: int, pred: int, row: list[float], topic: str) -> dict[str, Any]:
    pairs = [[str(value), str(n == pred)] for n, value in enumerate(row)]
    return {
        "doc_id": i, "doc": {"question": question(i), "subject": topic, "choices": options(i),
                             "answer": gold},
        "target": str(gold), "arguments": {}, "resps": [[pair] for pair in pairs],
        "filtered_resps": pairs, "filter": "none", "metrics": ["acc"], "doc_hash": "x",
        "acc": float(pred == gold),
    }  # fmt: skip


def lm_eval(folder: Path, answers: Answers) -> Path:
    """Today's samples of a group, a file per subject, and the results file beside them."""
    for topic in TOPICS:
        own = [
            (n, *rest)
            for n, rest in enumerate(r[1:] for r in answers if answers.topic(r[0]) == topic)
        ]
        stamp = "2026-11-26T21-52-43.897341"
        lines(folder / "lm_eval_output" / "org__x" / f"samples_quiz_{topic}_{stamp}.jsonl",
              (sample(*row, topic) for row in own))  # fmt: skip
    document(folder / "lm_eval_output" / "org__x" / "results_2026-11-26T21-52-43.897341.json",
             {"results": {}, "group_subtasks": {"quiz": ["quiz_law", "quiz_math"]}})  # fmt: skip
    return folder / "lm_eval_output"


def lm_eval_array(folder: Path, answers: Answers) -> Path:
    """An array, as versions 0.4.0 to 0.4.2 wrote it."""
    rows = [sample(*row, answers.topic(row[0])) for row in answers]
    for row in rows:
        row["filtered_resps"] = [[float(v), g == "True"] for v, g in row["filtered_resps"]]
        row["target"] = int(row["target"])
        del row["filter"], row["metrics"]
    return document(folder / "pretrained__org__x_quiz.jsonl", rows)


def lm_eval_write_out(folder: Path, answers: Answers) -> Path:
    """What version 0.3 wrote with ``--write_out``."""
    rows = [
        {"doc_id": i, **{f"prompt_{n}": question(i) for n in range(4)},
         **{f"logit_{n}": value for n, value in enumerate(row)}, "truth": f" {LETTERS[gold]}",
         "acc": str(float(pred == gold))}
        for i, gold, pred, row in answers
    ]  # fmt: skip
    return document(folder / "quiz_write_out_info.json", rows)


def lm_eval_generated(folder: Path, answers: Answers) -> Path:
    """Generated texts under two filters."""
    rows = []
    for i, gold, pred, _ in answers:
        base = sample(i, gold, pred, [0.0] * 4, answers.topic(i))
        base |= {"target": LETTERS[gold], "resps": [[f"I think the answer is ({LETTERS[pred]})."]]}
        del base["acc"]
        rows.append(
            {**base, "filter": "strict", "filtered_resps": ["[invalid]"], "exact_match": 0.0}
        )
        rows.append({**base, "filter": "flexible", "filtered_resps": [LETTERS[pred]],
                     "exact_match": float(pred == gold)})  # fmt: skip
    return lines(folder / "samples_quiz_2026-11-26T21-52-43.897341.jsonl", rows)


def mmlu_pro(folder: Path, answers: Answers) -> Path:
    """Results by subject with summaries, zipped on a Mac."""
    file = folder / "eval_results.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for topic in TOPICS:
            rows = [
                {"question_id": i, "question": question(i), "options": options(i),
                 "answer": LETTERS[gold], "answer_index": gold, "category": topic,
                 "pred": f"({LETTERS[pred]})", "model_outputs": f"The answer is ({LETTERS[pred]})."}
                for i, gold, pred, _ in answers if answers.topic(i) == topic
            ]  # fmt: skip
            archive.writestr(f"x/{topic}_result.json", json.dumps(rows))
            summary = {"total": {"corr": 1, "wrong": 1, "acc": 0.5}}
            archive.writestr(f"x/{topic}_summary.json", json.dumps(summary))
            archive.writestr(f"__MACOSX/x/._{topic}_result.json", b"\0\5\26\7")
    return file


def chat_logprobs(pred: int, row: list[float]) -> dict[str, Any]:
    top = [
        {"token": LETTERS[n], "logprob": value, "bytes": [65 + n]} for n, value in enumerate(row)
    ]
    return {"content": [{"token": LETTERS[pred], "logprob": row[pred], "top_logprobs": top}]}


def openai(folder: Path, answers: Answers) -> Path:
    """Output of the batch API."""
    rows = [
        {"id": f"batch_req_{i}", "custom_id": f"q-{i}", "error": None, "response": {
            "status_code": 200, "body": {"object": "chat.completion", "choices": [
                {"index": 0, "message": {"role": "assistant", "content": LETTERS[pred]},
                 "logprobs": chat_logprobs(pred, row), "finish_reason": "stop"}]}}}
        for i, _, pred, row in answers
    ]  # fmt: skip
    return lines(folder / "batch_output.jsonl", rows)


def openai_texts(folder: Path, answers: Answers) -> Path:
    """Replies of the older text protocol, as a client stored them."""
    rows = [
        {"id": f"q-{i}", "object": "text_completion", "choices": [
            {"text": f" {LETTERS[pred]}", "logprobs": {
                "tokens": [f" {LETTERS[pred]}"], "token_logprobs": [row[pred]],
                "top_logprobs": [{f" {LETTERS[n]}": value for n, value in enumerate(row)}]}}]}
        for i, _, pred, row in answers
    ]  # fmt: skip
    return lines(folder / "replies.jsonl", rows)


def vllm(folder: Path, answers: Answers) -> Path:
    """Request outputs of vLLM."""
    rows = [
        {"request_id": f"q-{i}", "prompt": question(i), "outputs": [
            {"index": 0, "text": f" {LETTERS[pred]}", "token_ids": [319 + pred], "logprobs": [
                {str(319 + n): {"logprob": value, "rank": 1, "decoded_token": f" {LETTERS[n]}"}
                 for n, value in enumerate(row)}]}]}
        for i, _, pred, row in answers
    ]  # fmt: skip
    return lines(folder / "outputs.jsonl", rows)


def opencompass(folder: Path, answers: Answers) -> Path:
    """Predictions by subject."""
    for topic in TOPICS:
        own = [row for row in answers if answers.topic(row[0]) == topic]
        document(folder / "predictions" / "x" / f"lukaemon_mmlu_{topic}.json", {
            str(n): {"origin_prompt": [{"role": "HUMAN", "prompt": question(i)}],
                     "prediction": f"The answer is {LETTERS[pred]}.", "gold": LETTERS[gold]}
            for n, (i, gold, pred, _) in enumerate(own)})  # fmt: skip
    return folder / "predictions" / "x"


def lighteval(folder: Path, answers: Answers) -> Path:
    """Details of today, a file per subject."""
    for topic in TOPICS:
        rows = [
            {"doc": {"id": str(i), "query": question(i), "choices": [f" {x}" for x in LETTERS],
                     "gold_index": [gold], "task_name": f"lighteval|mmlu:{topic}"},
             "metric": {"acc": int(pred == gold)},
             "model_response": {"text": [], "logprobs": row}}
            for i, gold, pred, row in answers if answers.topic(i) == topic
        ]  # fmt: skip
        place = folder / "details" / "org" / "x" / "2026-11-26T21-52-43.897341"
        place.mkdir(parents=True, exist_ok=True)
        name = f"details_lighteval|mmlu:{topic}|5_2026-11-26T21-52-43.897341.parquet"
        pd.DataFrame(rows).to_parquet(place / name)
    return folder / "details"


def lighteval_old(folder: Path, answers: Answers) -> Path:
    """Details as the first leaderboard stored them."""
    rows = [
        {"example": question(i), "choices": list(LETTERS), "gold_index": gold,
         "gold": LETTERS[gold], "predictions": row, "full_prompt": question(i),
         "metrics": {"acc": float(pred == gold), "acc_norm": 0.0}}
        for i, gold, pred, row in answers
    ]  # fmt: skip
    name = "details_harness|hendrycksTest-law|5_2023-08-28T20-32-00.000000.parquet"
    pd.DataFrame(rows).to_parquet(folder / name)
    return folder / name


def helm(folder: Path, answers: Answers, separate: bool = False) -> Path:
    """Scenario states, a run per subject, with a perturbed copy of the first question."""
    for topic in TOPICS:
        states = []
        for i, gold, pred, row in answers:
            if answers.topic(i) != topic:
                continue
            references = [{"output": {"text": text}, "tags": ["correct"] if n == gold else []}
                          for n, text in enumerate(options(i))]  # fmt: skip
            instance = {"input": {"text": question(i)}, "references": references, "id": f"id{i}"}
            state = {"instance": instance, "train_trial_index": 0,
                     "output_mapping": dict(zip(LETTERS, options(i), strict=True))}  # fmt: skip
            if separate:
                states += [{**state, "reference_index": n, "request_mode": "original", "result": {
                    "success": True, "completions": [{"text": "", "tokens": [
                        {"text": question(i), "logprob": -9.0},
                        {"text": options(i)[n], "logprob": value}]}]}}
                    for n, value in enumerate(row)]  # fmt: skip
                continue
            top = {f" {LETTERS[n]}": value for n, value in enumerate(row)}
            states.append(
                {
                    **state,
                    "result": {
                        "success": True,
                        "completions": [
                            {
                                "text": f" {LETTERS[pred]}",
                                "logprob": row[pred],
                                "tokens": [
                                    {
                                        "text": f" {LETTERS[pred]}",
                                        "logprob": row[pred],
                                        "top_logprobs": top,
                                    }
                                ],
                            }
                        ],
                    },
                }
            )
            if i < 2:
                states.append(
                    {**states[-1], "instance": {**instance, "perturbation": {"name": "typos"}}}
                )
        run = f"quiz:subject={topic},method=multiple_choice_joint,model=org_x"
        content = {"adapter_spec": {}, "request_states": states}
        document(folder / "runs" / "suite" / run / "scenario_state.json", content)
    return folder / "runs" / "suite"


def helm_separate(folder: Path, answers: Answers) -> Path:
    """Scenario states with one request per option."""
    return helm(folder, answers, separate=True)


def inspect_log(answers: Answers) -> dict[str, Any]:
    samples = [
        {"id": f"q-{i}", "epoch": epoch, "input": question(i), "choices": options(i),
         "target": LETTERS[gold], "metadata": {"subject": answers.topic(i)}, "messages": [],
         "output": {"model": "x", "completion": f"ANSWER: {LETTERS[pred]}", "choices": [
             {"message": {"role": "assistant", "content": f"ANSWER: {LETTERS[pred]}"},
              "stop_reason": "stop", "logprobs": {"content": [
                  {"token": "ANSWER", "logprob": -0.1, "top_logprobs": []},
                  {"token": ":", "logprob": -0.1, "top_logprobs": []},
                  *chat_logprobs(pred, row)["content"]]}}]},
         "scores": {"choice": {"value": "C" if pred == gold else "I", "answer": LETTERS[pred]}}}
        for epoch in (1, 2) for i, gold, pred, row in answers
    ]  # fmt: skip
    return {
        "version": 2, "status": "success",
        "eval": {"task": "org/quiz", "created": "2026-11-26T21:52:43+00:00", "model": "x/x",
                 "dataset": {}, "config": {}},
        "samples": samples,
    }  # fmt: skip


def inspect_json(folder: Path, answers: Answers) -> Path:
    """A JSON log of two epochs."""
    return document(folder / "2026-11-26T21-52-43+00-00_quiz_abc.json", inspect_log(answers))


def inspect_eval(folder: Path, answers: Answers) -> Path:
    """A log in Inspect's own format."""
    log = inspect_log(answers)
    file = folder / "logs" / "2026-11-26T21-52-43+00-00_quiz_abc.eval"
    file.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for one in log.pop("samples"):
            archive.writestr(f"samples/{one['id']}_epoch_{one['epoch']}.json", json.dumps(one))
        archive.writestr("header.json", json.dumps(log))
    return file


Writer = Callable[[Path, Answers], Path]
