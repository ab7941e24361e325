"""What a language model is asked in order to find quotes."""

from core.stages.language_offers import Offer, Question, list_of

PROMPT_VERSION = 1

_TASK = """You choose quotes from the transcript of a recording. Each line is one sentence and begins with its number.
Choose the at most 6 passages best worth quoting: a claim, a figure, a conclusion, a vivid remark. A passage is one to
three neighbouring sentences that can be understood alone. Give the numbers of its first and last sentence (start_id,
end_id), its words copied exactly, letter by letter, as they stand there (text), and in at most fifteen words what makes
it worth quoting (why). If nothing is worth quoting, give an empty list."""

_STRING = {"type": "string"}

QUESTION = Question(
    name="quotes",
    task=_TASK,
    schema=list_of("quotes", start_id=_STRING, end_id=_STRING, text=_STRING, why=_STRING),
    kind=Offer,
)
