"""Arguments of models and generation: lm-eval's spellings, JSON and YAML, values intact."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from apprehend.benchmark.console.arguments import parse_arguments
from apprehend.benchmark.console.errors import UsageError
from apprehend.benchmark.console.masking import is_secret_name, mask_arguments
from apprehend.benchmark.console.options import read_config
from apprehend.benchmark.engines.shared.engine import Sampling
from apprehend.benchmark.run.asking.generation_settings import GenerationSettings, read_gen_kwargs
from apprehend.benchmark.run.run_options import read_options, typed_options

PARSED: dict[str, dict[str, Any]] = {
    "": {},
    "a=1,b=x, c = 2.5 ": {"a": 1, "b": "x", "c": 2.5},
    "a=True,b=none,c=": {"a": True, "b": None, "c": ""},
    "base_url=http://h/v1?a=b,model=m": {"base_url": "http://h/v1?a=b", "model": "m"},
    'p=x,chat_template_args={"a": 1, "b": [1, "2"]},q=3': {
        "p": "x", "chat_template_args": {"a": 1, "b": [1, "2"]}, "q": 3,
    },
    "chat_template_args={reasoning_effort: low, n: 2}": {
        "chat_template_args": {"reasoning_effort": "low", "n": 2},
    },
    '{"pretrained": "m,n", "enable_thinking": true, "version": "007"}': {
        "pretrained": "m,n", "enable_thinking": True, "version": "007",
    },
    'until=["\\n\\n", "Q:, A"],top_p=0.9': {"until": ["\n\n", "Q:, A"], "top_p": 0.9},
    "think_end_token=[/THINK],a=1": {"think_end_token": "[/THINK]", "a": 1},
    "think_end_token=<|channel|>final<|message|>,a=1": {
        "think_end_token": "<|channel|>final<|message|>", "a": 1,
    },
    'a={"b": "}, {"},c=1': {"a": {"b": "}, {"}, "c": 1},
    "a={b,c=1": {"a": "{b", "c": 1},
}  # fmt: skip


@pytest.mark.parametrize("text", PARSED)
def test_arguments(text: str) -> None:
    assert parse_arguments("--model_args", text) == PARSED[text]


@pytest.mark.parametrize("text", ["a", "a=1,b", "a={: }", "{1", '{"a": 1', "[1]"])
def test_what_is_no_argument(text: str) -> None:
    with pytest.raises(UsageError, match="--model_args: expected"):
        parse_arguments("--model_args", text)


def test_values_of_a_config_file_stay_what_they_are(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text(
        "model_args:\n  pretrained: m\n  chat_template_args: {level: '1', deep: [true, 2]}\n"
        "gen_kwargs:\n  temperature: 0.6\n  until: ['a,b', \"\\n\"]\n"
    )
    names = [name for name, _ in typed_options()]
    read = read_config(file, names, [])
    given = {name: option.default for name, option in typed_options()} | read
    options = read_options(given)
    assert options.model_args == {
        "pretrained": "m", "chat_template_args": {"level": "1", "deep": [True, 2]},
    }  # fmt: skip
    assert options.gen_kwargs == {"temperature": 0.6, "until": ["a,b", "\n"], "do_sample": True}


def test_marks_are_no_secrets() -> None:
    assert not is_secret_name("think_end_token")
    assert not is_secret_name("add_bos_token")
    assert is_secret_name("token")
    assert is_secret_name("auth_token")
    assert mask_arguments({"think_end_token": "</think>"}) == {"think_end_token": "</think>"}


def test_generation_settings() -> None:
    assert read_gen_kwargs("max_new_tokens=9") == {"max_gen_toks": 9}
    assert read_gen_kwargs("temperature=0") == {"temperature": 0.0, "do_sample": False}
    sampled = read_gen_kwargs("temperature=0.6,top_p=0.95,top_k=20")
    assert sampled["do_sample"] is True
    settings = GenerationSettings.of(
        {"until": "x", "max_gen_toks": 7, "do_sample": False} | sampled
    )
    assert (settings.most, settings.until) == (7, ("x",))
    assert settings.sampling([3]) == Sampling(0.6, [[3]], 0.95, 20)
    greedy = GenerationSettings.of({"temperature": 0.6, "do_sample": False})
    assert greedy.sampling([3]) is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("max_gen_toks=0", "max_gen_toks: expected a whole number from 1"),
        ("max_gen_toks=x", "max_gen_toks: expected a whole number from 1"),
        ("temperature=-1", "temperature: expected a number from 0"),
        ("temperature=1,top_p=0", "top_p: expected a number above 0"),
        ("top_p=0.9", "top_p has no effect on greedy texts"),
        ("temperature=1,top_k=-2", "top_k: expected a whole number from 0"),
        ("do_sample=1", "do_sample: expected True or False"),
        ("do_sample=True,temperature=0", "needs a temperature above 0"),
        ("until=3", "until: expected a text or a JSON list"),
        ("seed=3", "seed cannot be set; --seed sets it"),
        ("logprobs=3", "logprobs cannot be set"),
    ],
)
def test_generation_settings_that_cannot_be(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        read_gen_kwargs(text)


def test_request_fields_are_for_endpoints() -> None:
    given = {name: option.default for name, option in typed_options()}
    given |= {"model_args": "pretrained=m", "gen_kwargs": "min_p=0.1"}
    with pytest.raises(UsageError, match="min_p: hf knows max_gen_toks"):
        read_options(given)
    read_options(given | {"model": "local-completions"})
