"""Words and phrases of hedging and of reflection, by language (ISO 639-1), in lower case.

A phrase matches whole words in any case; in languages written without spaces it matches anywhere.
To add a language, add its lists here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

UNSPACED = frozenset({"ja", "zh"})
"""Languages that are written without spaces between words."""

HEDGES: Mapping[str, tuple[str, ...]] = {
    "en": (
        *("maybe", "perhaps", "possibly", "probably", "likely", "unlikely", "presumably"),
        *("apparently", "seemingly", "might", "could be", "may be", "seems", "appears to"),
        *("i think", "i believe", "i guess", "i suppose", "i assume", "not sure", "unsure"),
        *("not certain", "uncertain", "not entirely", "hard to say", "as far as i know"),
        *("roughly", "approximately", "sort of", "kind of", "unclear"),
    ),
    "de": (
        *("vielleicht", "möglicherweise", "wahrscheinlich", "vermutlich", "eventuell", "wohl"),
        *("anscheinend", "scheinbar", "könnte", "dürfte", "scheint", "ich glaube", "ich denke"),
        *("ich vermute", "nicht sicher", "unsicher", "ungefähr", "schwer zu sagen", "unklar"),
    ),
    "fr": (
        *("peut-être", "probablement", "possiblement", "sans doute", "apparemment", "semble"),
        *("pourrait", "je pense", "je crois", "je suppose", "pas sûr", "pas certain", "incertain"),
        *("environ", "difficile à dire", "vraisemblablement"),
    ),
    "es": (
        *("quizás", "quizá", "tal vez", "probablemente", "posiblemente", "aparentemente"),
        *("parece", "podría", "creo que", "pienso que", "supongo", "no estoy seguro"),
        *("no estoy segura", "incierto", "aproximadamente", "difícil de decir"),
    ),
    "zh": (
        *("也许", "可能", "大概", "或许", "似乎", "好像", "我认为", "我觉得", "我猜", "不确定"),
        *("不太清楚", "大约", "应该是", "恐怕"),
    ),
    "ja": (
        *("たぶん", "おそらく", "かもしれ", "と思います", "と思う", "でしょう", "ようです"),
        *("らしい", "わからない", "確かではない", "およそ"),
    ),
}
"""Language → words and phrases by which a writer commits to less than a plain statement."""

REFLECTIONS: Mapping[str, tuple[str, ...]] = {
    "en": (
        *("wait", "hold on", "however", "alternatively", "on second thought", "let me check"),
        *("let me double-check", "let me double check", "let me re-check", "let me recheck"),
        *("let me reconsider", "let me think again", "let me verify", "actually", "hmm"),
        *("but then", "that's not right", "that is not right", "i made a mistake"),
    ),
    "de": (
        *("moment", "warte", "jedoch", "allerdings", "andererseits", "noch einmal"),
        *("lass mich prüfen", "ich prüfe", "eigentlich", "das stimmt nicht", "hm"),
    ),
    "fr": (
        *("attends", "attendez", "cependant", "toutefois", "en fait", "vérifions", "je vérifie"),
        *("reconsidérons", "autrement", "ce n'est pas correct", "hmm"),
    ),
    "es": (
        *("espera", "sin embargo", "en realidad", "de hecho", "verifiquemos", "déjame verificar"),
        *("déjame revisar", "alternativamente", "eso no es correcto", "hmm"),
    ),
    "zh": (
        "等等",
        "等一下",
        "不过",
        "然而",
        "但是",
        "再检查",
        "重新考虑",
        "再想想",
        "其实",
        "不对",
    ),
    "ja": ("待って", "しかし", "ただし", "もう一度", "確認", "考え直", "実は", "違う"),
}
"""Language → words and phrases by which a chain of thought turns back on itself."""


@cache
def pattern(lists: str, language: str) -> re.Pattern[str]:
    """Return a pattern of the phrases.

    Args:
        lists: "hedges" or "reflections".
        language: One of the languages, or "all".
    """
    known = {"hedges": HEDGES, "reflections": REFLECTIONS}[lists]
    chosen = list(known) if language == "all" else [language]
    spaced = {phrase for name in chosen if name not in UNSPACED for phrase in known[name]}
    unspaced = {phrase for name in chosen if name in UNSPACED for phrase in known[name]}
    parts = [rf"(?<!\w){re.escape(p)}(?!\w)" for p in _longest_first(spaced)]
    parts += [re.escape(p) for p in _longest_first(unspaced)]
    return re.compile("|".join(parts), re.IGNORECASE)


def _longest_first(phrases: set[str]) -> list[str]:
    return sorted(phrases, key=lambda phrase: (-len(phrase), phrase))


WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W\u3040-\u30ff\u3400-\u9fff]+")
"""A word; a character of Chinese or Japanese counts as one."""


def word_count(text: str) -> int:
    """Count the words of a text."""
    return sum(1 for _ in WORD.finditer(text))
