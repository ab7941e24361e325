"""What a language model is asked in order to find highlights."""

from collections.abc import Sequence

import msgspec

from core.domain.markup import one_line
from core.stages.language_offers import Offer, Question, list_of

PROMPT_VERSION = 1
MOST = {"low": 3, "medium": 5, "high": 8, "max": 12}  # of one part, by sensitivity

_TASK = """You choose the highlights of a recording from its transcript. Each line is one sentence and begins with its
number. Choose the at most {most} passages that somebody who has no time for the whole should hear: a surprise, a result,
a decision, a good story, a joke that works. A passage is two to eight neighbouring sentences that can be understood
alone, at most a minute. Give the numbers of its first and last sentence (start_id, end_id), the most telling of its
sentences copied exactly, letter by letter, as it stands there (text), in at most fifteen words what makes it a highlight
(why), and how much it stands out from 1 to 10 (rating). If nothing stands out, give an empty list."""
_WISHES = """
Passages about these words, given as a JSON list of what the listener cares for, matter most: {words}"""

_STRING = {"type": "string"}


class Pick(Offer, frozen=True):
    """One passage a model offers as a highlight, with its own rating from 1 to 10."""

    rating: float = 5.0


def question(sensitivity: str, keywords: Sequence[str]) -> Question[Pick]:
    """What is asked for these settings."""
    task = _TASK.format(most=MOST[sensitivity])
    if keywords:
        words = msgspec.json.encode([one_line(word, 100) for word in keywords]).decode()
        task += _WISHES.format(words=words)
    schema = list_of(
        "highlights", start_id=_STRING, end_id=_STRING, text=_STRING, why=_STRING, rating={"type": "number"}
    )
    return Question(name="highlights", task=task, schema=schema, kind=Pick)
