"""A user's prompt template: what it may do, and that nothing else costs time, memory or secrets."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from apprehend.tasks import DataError
from apprehend.tasks.prompting import Choice, Prompt, load_prompt, prompt_names
from apprehend.tasks.templates import MAX_STEPS, MAX_TEXT

CHOICES = [Choice("A", "red"), Choice("B", "green")]
HOSTILE = {
    "division by zero": "{{ question }}{{ 1/0 }}",
    "include": "{{ question }}{% include 'direct.jinja' %}",
    "import": "{% import 'os' as os %}{{ question }}",
    "from import": "{% from 'os' import x %}{{ question }}",
    "extends": "{% extends 'base' %}{{ question }}",
    "macro": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}{{ question }}",
    "recursive loop": "{% for c in choices recursive %}{{ loop(choices) }}{% endfor %}"
    "{{ question }}",
    "long range": "{% for i in range(10**9) %}{% endfor %}{{ question }}",
    "longer range": "{% for i in range(1000000000) %}{% endfor %}{{ question }}",
    "nested loops": "{% for i in range(9999) %}{% for j in range(9999) %}{% endfor %}{% endfor %}"
    "{{ question }}",
    "power": "{{ 10**10**10 }}{{ question }}",
    "long text": "{{ 'a' * 10000000000 }}{{ question }}",
    "long text, turned": "{{ 10000000000 * question }}",
    "long list": "{{ ([1] * 10000000000)|length }}{{ question }}",
    "doubled texts": "".join(f"{{% set x{i + 1} = x{i} ~ x{i} %}}" for i in range(60)).replace(
        "x0", "question") + "{{ question }}",
    "added texts": "{% set a0 = question %}" + "".join(
        f"{{% set a{i + 1} = a{i} + a{i} %}}" for i in range(60)) + "{{ question }}",
    "nested lists": "{% set a0 = question %}" + "".join(
        f"{{% set a{i + 1} = [a{i}, a{i}] %}}" for i in range(60)) + "{{ a60 }}",
    "block set": "{% set x %}{{ question }}{{ question }}{% endset %}{{ x }}",
    "multiplied numbers": "{% set a0 = 10 %}" + "".join(
        f"{{% set a{i + 1} = a{i} * a{i} %}}" for i in range(60)) + "{{ a60 }}{{ question }}",
    "wide field": "{{ '%1000000000d' % 1 }}{{ question }}",
    "wide format": "{{ '{:1000000000d}'.format(1) }}{{ question }}",
    "padding": "{{ question.ljust(10000000000) }}",
    "centered": "{{ question|center(10000000000) }}",
    "indented": "{{ question|indent(10000000000) }}",
    "grown by replacing": "{% set a = 'a' * 100000 %}{{ a|replace('a', a) }}{{ question }}",
    "joined": "{% set a = 'a' * 100000 %}{{ a|join(a) }}{{ question }}",
    "much output": "{% for i in range(9999) %}{{ 'a' * 9999 }}{% endfor %}{{ question }}",
    "lipsum": "{{ lipsum(n=1000000) }}{{ question }}",
    "namespace": "{% set n = namespace(x=question) %}{{ n.x }}",
    "class": "{{ question.__class__.__mro__ }}",
    "globals": "{{ self.__init__.__globals__ }}{{ question }}",
    "attr filter": "{{ question|attr('__class__') }}",
    "map to class": "{{ choices|map(attribute='__class__')|join }}{{ question }}",
    "join of classes": "{{ choices|join(attribute='__class__') }}{{ question }}",
    "list printed": "{{ choices }}{{ question }}",
    "undefined": "{{ question }}{{ nothing_such }}",
    "nested 5,000 deep": "{{ " + "(" * 5000 + "question" + ")" * 5000 + " }}",
    "5,000 ifs": "{% if question %}" * 5000 + "x" + "{% endif %}" * 5000,
    "unfinished": "{{ question",
    "empty": "",
    "blank": " \n\t\n",
    "nothing but a comment": "{# question #}",
    "never uses the question": "Which of these? {{ choices[0].text }}",
    "question in a branch that never comes": "Hm. {% if topic == 'no' %}{{ question }}{% endif %}",
    "longer than any prompt": "{{ question }}" + " " * MAX_TEXT,
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_template_that_is_refused_is_refused_at_once(name: str, tmp_path: Path) -> None:
    file = tmp_path / "p.jinja"
    file.write_text(HOSTILE[name], encoding="utf-8")
    began = time.monotonic()
    with pytest.raises(DataError, match="prompt template 'direct' in "):
        load_prompt("direct", file)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ question }}", "Why?"),
        ("{% for c in choices if c.label != 'A' %}{{ loop.index }}/{{ loop.length }} {{ c.text }}"
         "{% endfor %} {{ question|upper }}", "1/1 green WHY?"),
        ("{{ choices|map(attribute='text')|join(', ') }} {{ question }}", "red, green Why?"),
        ("{{ choices|length }}{{ question ~ '!' ~ 1 }}", "2Why?!1"),
        ("{% set n = choices|length %}{% for i in range(n) %}{{ choices[i].label }}{% endfor %}"
         "{{ question }}", "ABWhy?"),
        ("{{ question if topic else '' }}{{ 'x' * 3 }}{{ (7 / 2)|round }}", "Why?xxx4.0"),
        ("{{ question.strip() }}", "Why?"),
        ("{{ question|replace('?', '!')|indent(2, true) }}", "  Why!"),
        ("{% for a in ['x', 'y'] %}{{ a }}{% endfor %}{{ question }}", "xyWhy?"),
    ],
)  # fmt: skip
def test_what_templates_have(template: str, text: str, tmp_path: Path) -> None:
    file = tmp_path / "p.jinja"
    file.write_text(template, encoding="utf-8")
    prompt = load_prompt("direct", file)
    shown = prompt.render(
        question="Why?", choices=CHOICES, topic="law", label_kind="letter", dont_know=None
    )
    assert shown == text


def test_a_rendering_has_its_own_steps() -> None:
    prompt = Prompt("direct", "{% for i in range(6000) %}{% endfor %}{{ question }}")
    assert MAX_STEPS < 12000
    assert [prompt.render(question=str(i)) for i in range(3)] == ["0", "1", "2"]


@pytest.mark.parametrize("name", prompt_names())
def test_every_packaged_template_would_pass_as_a_user_s(name: str, tmp_path: Path) -> None:
    packaged = load_prompt(name)
    file = tmp_path / "p.jinja"
    file.write_text(packaged.source, encoding="utf-8")
    assert load_prompt(name, file) == packaged


def test_a_system_prompt_needs_no_question(tmp_path: Path) -> None:
    file = tmp_path / "p.jinja"
    file.write_text("Be brief.", encoding="utf-8")
    assert load_prompt("direct_system", file).source == "Be brief."
    file.write_text("Be brief. {{ question }}", encoding="utf-8")
    with pytest.raises(DataError, match="'question' is undefined"):
        load_prompt("direct_system", file)


def test_a_file_without_end_is_not_read_to_its_end() -> None:
    with pytest.raises(DataError, match="longer than"):
        load_prompt("direct", "/dev/zero")
