"""What speaks for a sentence: how much of what the whole is about it says, and signs in its words. Pure.

Only English has cues; in other languages the other signs decide.
"""

import re
from collections import Counter
from math import log, sqrt

from core.domain.sentences import Sentence

_CUES = re.compile(
    r"\b(important|key|main|crucial|essential|conclusion|conclude|in short|in summary|the point is|the problem is|"
    r"the reason|which means|that means|we found|we learned|we believe|i believe|we decided|never|always|must|"
    r"surpris\w+|discover\w*|for the first time|the biggest|the best|the worst|more than ever)\b",
    re.IGNORECASE,
)
_LEANS_BACK = re.compile(
    r"^(and|but|so|or|because|it|this|that|these|those|he|she|they|then|also|yeah|yes|no|um|uh|well|okay)\b", re.I
)
_FIGURE = re.compile(r"\d")
_NAME = re.compile(r"(?<=[a-z,;:] )[A-Z][a-zA-Z]{2,}")


def centrality(words: dict[int, list[str]]) -> dict[int, float]:
    """How near every sentence is to the centre of all, from 0 to 1: the cosine of its words' weights with the sum's."""
    spread = Counter(token for said in words.values() for token in set(said))
    weight = {token: log(1 + len(words) / count) for token, count in spread.items()}
    centre: Counter[str] = Counter(token for said in words.values() for token in said)
    # Words said everywhere carry nothing, words said once are about nothing else.
    pull = {token: sqrt(centre[token] - 1) * weight[token] for token in centre}
    near = {}
    for number, said in words.items():
        length = sqrt(sum(weight[token] ** 2 for token in said)) or 1.0
        near[number] = sum(pull[token] * weight[token] for token in said) / length
    most = max(near.values(), default=0.0) or 1.0
    return {number: value / most for number, value in near.items()}


def signs(sentence: Sentence, of: int, central: float) -> dict[str, float]:
    """What speaks for a sentence of `of`, in words and weighed; `central` is its centrality."""
    place = sentence.number / max(1, of - 1)
    return {
        "says what the recording is about": central,
        "names figures": 0.3 if _FIGURE.search(sentence.text) else 0.0,
        "names who or what": 0.2 if _NAME.search(sentence.text) else 0.0,
        "is announced as important": 0.4 if _CUES.search(sentence.text) else 0.0,
        "opens the recording": 0.25 if place < 0.05 else 0.0,
        "closes the recording": 0.15 if place > 0.95 else 0.0,
    }


def leans_back(sentence: Sentence) -> bool:
    """Whether it begins as something does that follows from what was said before."""
    return bool(_LEANS_BACK.search(sentence.text))


def because(weighed: dict[str, float], least: float = 0.15, most: int = 2) -> str:
    """The weightiest reasons in one line, nothing when none weighs `least`."""
    ranked = sorted((-value, reason) for reason, value in weighed.items() if value >= least)
    return "; ".join(reason for _, reason in ranked[:most])
