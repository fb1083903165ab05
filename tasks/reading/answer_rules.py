"""The rules that read an answer out of a generated text, and the words and signs they look for.

A false reading is worse than none, since it becomes a wrong row: every rule asks for words or
signs that mark a letter as the answer, and a letter beside another one is no answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from .answer_types import Choices, ReadAnswer, Rule
from .parsing import parse_marked_label

_NOUN = r"(?:answer|option|choice|solution|response)"
_ASKED = (
    r"(?:to|for|of)\s+(?:this|the|that|your)"
    r"(?:\s+(?:given|above|following|multiple[- ]choice|original|current|main|actual)){0,2}"
    r"\s+(?:question|problem)(?:\s+[\"“][^\"”\n]{1,300}[\"”])?"
)
_QUALIFIED = rf"(?:\s+(?:choice|option|letter|here|among\s+the\s+options|{_ASKED}))?"
_VERB = (
    r"(?:is|'s|’s|was|(?:would|must|should|will)(?:\s+(?:therefore|thus|then))?\s+be|"
    r"could\s+only\s+be|has\s+to\s+be|"
    r"seems\s+to\s+be|appears\s+to\s+be|remains)"
)
_ADVERB = (
    r"(?:\s*(?:therefore|thus|then|hence|clearly|indeed|actually|likely|probably|simply|"
    r"most\s+likely|most\s+probably|option|choice|letter|labell?ed|closest\s+to)\b,?)*"
)
_CUES = re.compile(
    "|".join(
        (
            rf"\b{_NOUN}{_QUALIFIED}[*_]{{0,3}}\s*(?:{_VERB}\b\s*:?|:|=|→|->){_ADVERB}"
            rf"(?:\s*:)?",
            rf"\b(?:closest|nearest|best)\s+(?:one|match|fit|approximation)\s+{_VERB}\b{_ADVERB}",
            r"\b(?:is|are|be)\s+closest\s+to\b(?:\s+(?:option|choice)\b)?",
            r"\b(?:I|we)(?:\s+(?:would|will|must|should|can)|'ll|'d)?\s+(?:therefore\s+)?"
            r"(?:choose|select|pick|go\s+with|conclude\s+with)\b(?:\s+(?:option|choice|answer)\b)*",
            r"\b(?:matches|corresponds\s+to|is|in|as)\s+(?:option|choice|answer)\b",
            r"(?:正确|正確|最终|最終)?的?(?:答案|选项|選項)\s*"
            r"(?:[\]】」]|(?:应该|应当|应)?(?:是|为|為|选)\s*[:：]?|[:：])\s*",
            r"(?:故|因此|所以|应该|应当|应|我)[,，]?(?:本题)?(?:选择|選擇|选|選)\s*[:：]?\s*",
        )
    ),
    re.IGNORECASE,
)
_OPEN = r"[\s*_`\"'“‘(\[{$]{0,8}(?:\\(?:text(?:bf)?|mathrm|mathbf)\{)?[\s(]{0,3}"
_BARE = (
    r"([A-Z])(?![A-Za-z0-9_^]|['’][A-Za-z]|[-−–][A-Za-z0-9]"
    r"|\s*(?!<eo[a-z]{1,2}>)[=+×<>≈*/^]\s*[\w\\$])"
)
_LABEL_HERE = re.compile(_OPEN + _BARE)
_PARENTHESISED = r"(?<![A-Za-z0-9_^\\}\])])[(\[]\s?([A-Z])\s?[)\]](?![A-Za-z0-9_^=])"
_NAMED = re.compile(_PARENTHESISED + r"|\b(?i:option|choice)\s+([A-Z])\b(?!['’])")
_IS_NAMED = re.compile(r"\b(?:is|are|be)\s+(?:\*\*)?" + _PARENTHESISED)
_NOT = re.compile(
    r"(?:\bnot|n't|n’t|\bneither|\bnor)\s*(?:the\s+|option\s+|choice\s+|in\s+)?[*(\[]*$", re.I
)
_IS_CORRECT = re.compile(
    r"(?<![A-Za-z0-9'’_^\\])(?:(?i:option|choice|answer)\s+)?[*_`\"“(\[]{0,4}([A-Z])"
    r"[*_`\"”)\].:]{0,4}(?:\s[^\n.;:]{1,200}?)?,?\s+(?:is|must be|would be)\s+"
    r"(?:therefore\s+|thus\s+|clearly\s+)?the\s+(?:only\s+)?(?:(?:most|best|one)\s+)?"
    r"(?:correct|right|best|accurate|appropriate)\s+(?:answer|option|choice)\b"
)
_BOXED = re.compile(
    r"\\boxed\s{0,3}\{\s{0,3}(?:\\(?:text(?:bf)?|mathrm|mathbf)\{)?\s{0,3}(?:(?i:option|choice)\s+)?\(?\s?"
    r"([A-Z])(?![A-Za-z0-9_^]|\s*[=+×<>≈*/^-])"
)
_HEDGED = re.compile(
    r"\b(?:if|whether|suppose|assuming|assume|unless|when)\b[^.;:\n]{0,40}$"
    r"|(?:例如|比如|如果|假如|不是|并非)[^。；\n]{0,20}$",
    re.IGNORECASE,
)
_WITHDRAWN = re.compile(
    r"\bnot\s+(?:actually\s+)?(?:the\s+)?(?:correct|right)\b|\bno\s+(?:correct|right)\s+answer|"
    r"\bnone\s+of\s+(?:the|these|those)\b|\banswer(?:\s+is)?:?\s*[*(]*none\b|"
    r"\banswer\s+(?:is|was)\s+not\s+(?:given|listed|available|among|in)\b",
    re.IGNORECASE,
)
_COMPLETE = re.compile(r"[.!?:)\]*\"”}]$")
_SENTENCE = re.compile(r"[.!?][)\]*\"”]*\s+(?=\S)|\n\s*(?=\S)")
_DENIED = re.compile(
    r"[^\n.;]{0,80}\bbut\s+(?:it|this|that|these|those)\s+(?:is|are|does|do)(?:\s+not|n't|n’t)\b",
    re.IGNORECASE,
)
_CORRECTION = re.compile(
    r"\b(?:wait|however|actually|correction|correct(?:ing|ed)|mistake|mistaken|error|re-?check\w*|"
    r"re-?consider\w*|re-?evaluat\w*|second\s+thought|but|instead|hmm|let\s+me|double-check\w*|"
    r"therefore|thus|so|hence|final|in\s+conclusion|to\s+sum)\b",
    re.IGNORECASE,
)
_RIVAL = re.compile(
    r"[\s*_`\"'”’)\]}$]{0,8}(?:[,/&，、和或]|\band\b|\bor\b)\s*(?:(?:and|or|option|choice|answer)\s+)*"
    r"[*_`\"“(\[]{0,4}([A-Z])(?![A-Za-z0-9'’])"
)
_CONNECTIVE = re.compile(
    r"[^\S\n]+(?:because|since|as|and|but|which|that|for|due|with|by|in|on|from|is|\(|—|–|-|:)",
)
_IS = re.compile(r"\b(?:is|are|was|were)\b:?")
_IS_LABEL = re.compile(r"\b(?:is|are|was|were)\s{0,3}:?[\s*_(\[]{0,4}([A-Z])[*_)\]]{0,3}[.:)]")
_LAST_LINE = re.compile(
    r"[\s>#*_`\"“(\[$-]{0,12}"
    r"(?:(?i:so|therefore|thus|hence|final|answer|option|choice)\b[\s:,*]{0,8}){0,4}"
    r"[\s*_`\"“(\[{$]{0,8}([A-Z])(?:[*_`\"”)\]}$]+|\s*[.:)]|\s*$)"
)


def as_answer(choices: Choices, match: re.Match[str], rule: Rule) -> ReadAnswer | None:
    """Return the match's first group as an answer, None where no option has this label."""
    index = choices.index(match.group(1))
    return None if index is None else ReadAnswer(index, match.start(1), match.end(1), rule)


def _is_word(text: str, match: re.Match[str]) -> bool:
    """Whether the letter is the article or the pronoun: "is A bird", "is I think"."""
    if match.group(1) not in "AI" or re.search(r"[*_`\"'“(\[{]", match.group(0)):
        return False
    after = text[match.end(1) : match.end(1) + 24]
    return bool(re.match(r"[^\S\n]+\w", after)) and not _CONNECTIVE.match(after)


def _before(text: str, end: int) -> str:
    """Return the words right before a position."""
    return text[max(0, end - 60) : end]


def read_marker(text: str, choices: Choices) -> ReadAnswer | None:
    """Read the label inside the last ``[[…]]``, as the prompts of this project ask for it."""
    label = parse_marked_label(text, choices.labels)
    return ReadAnswer(label.index, label.start, label.end, Rule.MARKER) if label else None


def read_statement(text: str, choices: Choices) -> ReadAnswer | None:
    """Read the last statement, as "the answer is (C)", "Answer: C", "(C) is the correct option".

    A statement under a condition ("if the answer is C"), a denied one, or one that names two
    options is none.
    """
    statements: list[ReadAnswer] = []
    for cue in _CUES.finditer(text):
        match = _LABEL_HERE.match(text, cue.end())
        if match is None or _is_word(text, match) or _HEDGED.search(_before(text, cue.start())):
            continue
        answer = as_answer(choices, match, Rule.STATEMENT)
        if (
            answer
            and not ("\n" in match.group(0) and _enumerates(text[answer.start :], 1, choices))
            and not _names_another(text, answer, choices)
            and not _DENIED.match(text, answer.end)
        ):
            statements.append(answer)
    for match in _IS_CORRECT.finditer(text):
        answer = as_answer(choices, match, Rule.STATEMENT)
        if answer and not _HEDGED.search(_before(text, match.start())):
            statements.append(answer)
    return _settled(text, sorted(statements, key=lambda answer: answer.start))


def _settled(text: str, statements: Sequence[ReadAnswer]) -> ReadAnswer | None:
    """Return the last statement before the text starts anew.

    A model that is not stopped goes on with the next question of its examples: a statement in a
    later paragraph, without a word of correction before it, answers something else. A text that
    states one option after the other has no answer, nor has a statement that is withdrawn
    afterwards ("but it is not the correct answer").
    """
    settled: ReadAnswer | None = None
    for answer in statements:
        if settled is not None:
            between = text[settled.end : answer.start]
            if "\n\n" in between and not _CORRECTION.search(between):
                others = {later.index for later in statements if later.start >= answer.start}
                if len(others - {settled.index}) > 1:
                    return None
                break
        settled = answer
    if settled is not None and _WITHDRAWN.search(text, settled.end):
        return None
    return settled


def _enumerates(text: str, end: int, choices: Choices) -> bool:
    """Whether a label at the start of a line opens a list of the options: "A. …", "B. …"."""
    index = choices.labels.index(text[end - 1])
    beside = [choices.labels[k] for k in (index - 1, index + 1) if 0 <= k < len(choices.labels)]
    pattern = rf"^\W{{0,4}}(?:{'|'.join(beside)})[.):]"
    return bool(beside) and re.search(pattern, text, re.MULTILINE) is not None


def _names_another(text: str, answer: ReadAnswer, choices: Choices) -> bool:
    rival = _RIVAL.match(text, answer.end)
    return rival is not None and choices.index(rival.group(1)) not in (None, answer.index)


def read_boxed(text: str, choices: Choices) -> ReadAnswer | None:
    r"""Read the label inside the last ``\boxed{…}``, as mathematical training data have it."""
    boxes = list(_BOXED.finditer(text))
    if not boxes or boxes[-1].start() < text.rfind("\\boxed"):
        return None
    return as_answer(choices, boxes[-1], Rule.BOXED)


def read_final_line(text: str, choices: Choices) -> ReadAnswer | None:
    """Read the letter that is the whole last line, alone or with its option's text: "**C**".

    Or with which the line ends, before that text: "The strongest argument is C. gall bladder".
    """
    body = text.rstrip()
    match = _LAST_LINE.match(body, body.rfind("\n") + 1)
    answer = match and as_answer(choices, match, Rule.FINAL_LINE)
    if answer is None:
        return _ends_in_option(body, choices)
    above = body[: body.rfind("\n") + 1].rstrip()
    if above.endswith(":") or _enumerates(body, answer.end, choices):
        return None
    rest = _plain(body[answer.end :])
    repeated = answer.index < len(choices.texts) and rest == _plain(choices.texts[answer.index])
    return answer if not rest or repeated else None


def _ends_in_option(body: str, choices: Choices) -> ReadAnswer | None:
    """Read the letter after the last line's first "is" that its own option's text follows.

    A line that speaks of the answer is a statement, which `read_statement` has read or refused.
    """
    if _CUES.search(body, body.rfind("\n") + 1):
        return None
    for match in _IS_LABEL.finditer(body, body.rfind("\n") + 1):
        answer = as_answer(choices, match, Rule.FINAL_LINE)
        if answer and answer.index < len(choices.texts):
            repeated = _plain(body[answer.end :]) == _plain(choices.texts[answer.index])
            if repeated and not _HEDGED.search(_before(body, match.start())):
                return answer
    return None


def read_option_text(text: str, choices: Choices) -> ReadAnswer | None:
    """Find the option whose whole text the last line repeats after "the answer is" or alone.

    Where the text is one sentence, any "is" will do: "The organ that stores bile is the kidney."
    """
    body = text.rstrip()
    start = body.rfind("\n") + 1
    line = body[start:]
    cues = list(_CUES.finditer(line))
    said = line[cues[-1].end() :] if cues else line
    if not cues and not _SENTENCE.search(body) and (verbs := list(_IS.finditer(body))):
        said = line[verbs[0].end() :]
    wanted = _plain(said)
    if not wanted:
        return None
    fits = [k for k, option in enumerate(choices.texts) if _plain(option) == wanted]
    if len(fits) != 1:
        return None
    begin = start + len(line) - len(said)
    return ReadAnswer(fits[0], begin, len(body), Rule.OPTION_TEXT)


def _plain(text: str) -> str:
    """Text without emphasis, quotes, outer punctuation and case, for comparing options."""
    return re.sub(r"\s+", " ", re.sub(r"[*_`$\"“”]", "", text)).strip(" .:;,!()").casefold()


def read_last_label(text: str, choices: Choices) -> ReadAnswer | None:
    """Read the only option that the last sentence names, as "(C)" or "option C".

    Or, where it names none, the only one of which the last paragraph says that something "is (C)".
    A text that breaks off within its last sentence has no such answer.
    """
    body = text.rstrip()
    if not _COMPLETE.search(body):
        return None
    sentence = max((match.end() for match in _SENTENCE.finditer(body)), default=0)
    answer, named = _only(body, _NAMED.finditer(body, sentence), choices)
    if not named:
        answer, _ = _only(body, _IS_NAMED.finditer(body, body.rfind("\n\n") + 1), choices)
    return answer


def _only(
    text: str, matches: Iterator[re.Match[str]], choices: Choices
) -> tuple[ReadAnswer | None, bool]:
    """Return the one option that all matches name, if it is one, and whether any names one."""
    answers: dict[int, ReadAnswer] = {}
    for match in matches:
        group = match.lastindex or 1
        index = choices.index(match.group(group))
        if index is not None:
            answers[index] = ReadAnswer(
                index, match.start(group), match.end(group), Rule.LAST_LABEL
            )
    if len(answers) != 1:
        return None, bool(answers)
    (answer,) = answers.values()
    before = _before(text, answer.start)
    doubtful = _HEDGED.search(before) or _NOT.search(before) or _DENIED.match(text, answer.end)
    return (None if doubtful or _WITHDRAWN.search(text, answer.end) else answer), True
