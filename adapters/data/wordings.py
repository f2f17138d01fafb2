"""How else could a question be asked? The same instruction in several ways, for the rows that are learned.

An instruction told in one way only is recalled in that way only; with several, what is learned holds
for others too (FLAN: Wei et al. 2021, arXiv 2109.01652, ten templates a task; Allen-Zhu and Li 2023,
arXiv 2309.14316, recall of facts needs paraphrases).
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from adapters.data.languages import language
from adapters.rows import Row, Turn

LONGEST = 600  # characters of a question that is worth framing
SHORT, MISSING = 3, 0.5  # letters of a word that says little by itself, and its chance to go missing
FRAMES: dict[str, tuple[str, ...]] = {
    "English": (
        "Question: {}", "Please answer: {}", "I would like to know: {}", "Tell me: {}", "Quick question: {}",
        "Do you know this? {}", "{} Please tell me.", "Q: {}", "Can you help me with this? {}", "Hello! {}",
    ),
    "German": ("Frage: {}", "Bitte antworte: {}", "Sag mir: {}", "Ich wüsste gern: {}", "Sag: {}", "Hallo! {}"),
    "French": ("Question : {}", "Réponds, s'il te plaît : {}", "Dis-moi : {}", "Je voudrais savoir : {}", "Salut ! {}"),
    "Spanish": ("Pregunta: {}", "Responde, por favor: {}", "Dime: {}", "Me gustaría saber: {}", "¡Hola! {}"),
    "Italian": ("Domanda: {}", "Rispondi, per favore: {}", "Dimmi: {}", "Vorrei sapere: {}", "Ciao! {}"),
    "Dutch": ("Vraag: {}", "Geef antwoord: {}", "Vertel me: {}", "Ik wil graag weten: {}", "Hallo! {}"),
}  # fmt: skip
ASKING = {  # first words that tell the language of a question too short to tell otherwise
    "English": "what who where when which why how is are was were do does did can could will would should",
    "German": "was wer wo wann welche welcher welches warum wie ist sind hat kann wem wen",
    "French": "qui quand où quel quelle quels combien comment pourquoi est-ce",
    "Spanish": "qué quién cuándo dónde cuál cuánto cómo por",
    "Italian": "chi quando dove quale quanto come cosa perché",
    "Dutch": "wat waar wanneer welke waarom hoe",
}
TELLING = "write give list explain rewrite summarise summarize translate describe make find answer correct turn"
ORDERS = (  # of an instruction and the text it is about
    "{text}\n\n{task}", '{task}\n\n"""\n{text}\n"""', "{task}\n---\n{text}", "### {task}\n\n{text}",
)  # fmt: skip
# "What is my cat called?" stays a question when asked for indirectly only where the verb can move to the end.
DIRECT = re.compile(r"(what|who|where|how old|how tall|how big) (is|are|was|were) ((?:\S+ ){0,7}\S+)\?", re.IGNORECASE)
UNMOVABLE = re.compile(
    r"\S+(?:ed|ing|en|n't)$|.*\b(?:called|named|that|who|which|if|when|made|kept|known|due)\b", re.IGNORECASE
)
INDIRECT = ("Tell me {}.", "Can you tell me {}?", "Do you know {}?", "I want to know {}.", "Could you remind me {}?")


def reworded(rows: Sequence[Row], count: int, seed: int) -> list[Row]:
    """The rows, each training row followed by up to `count` - 1 others that ask the same in other words.

    The same seed gives the same wordings. What is held out, plain text and later turns stay as they are.
    """
    return [wording for row in rows for wording in (row, *_others(row, count - 1, seed))]


def _others(row: Row, count: int, seed: int) -> Iterator[Row]:
    place = next((number for number, turn in enumerate(row.turns) if turn.role == "user"), None)
    if row.split != "train" or place is None or count < 1:
        return
    question = row.turns[place].content
    for number, wording in enumerate(wordings(question, count, seed), 2):
        turns = (*row.turns[:place], Turn("user", wording), *row.turns[place + 1 :])
        yield replace(row, turns=turns, origin=replace(row.origin, id=f"{row.origin.id}~{number}"))


def wordings(question: str, count: int, seed: int) -> list[str]:
    """Up to `count` other ways to ask `question`, none of them twice."""
    draw = random.Random(f"{seed}\n{question}")
    ways = list(_ordered(question)) if "\n\n" in question else [*_indirect(question), *_framed(question)]
    draw.shuffle(ways)
    if "\n" not in question and len(question) <= LONGEST:
        ways[:0] = [_keywords(question, draw)]
        ways[2:2] = [_careless(question), _keywords(question, draw)]
    return list(dict.fromkeys(way for way in ways if way and way != question))[:count]


def _framed(question: str) -> Iterator[str]:
    frames = FRAMES.get(language(question) or _guess(question), ()) if len(question) <= LONGEST else ()
    for frame in frames:
        yield frame.format(question)


def _indirect(question: str) -> Iterator[str]:
    """“Where is the key?” as “Can you tell me where the key is?”."""
    found = DIRECT.fullmatch(question.strip())
    if found is None or UNMOVABLE.match(found[3]):
        return
    subject = f"{found[1].lower()} {found[3]} {found[2].lower()}"
    for frame in INDIRECT:
        yield frame.format(subject)


def _ordered(question: str) -> Iterator[str]:
    """An instruction below the text it is about, or between other marks; nothing where there is no instruction."""
    task, _, text = question.partition("\n\n")
    first = task.split(" ", 1)[0].lower()
    if len(task) <= LONGEST and (task.endswith(":") or first in TELLING.split() or _guess(task)):
        for order in ORDERS:
            yield order.format(task=task, text=text)


def _keywords(question: str, draw: random.Random) -> str:
    """What is left when short words go missing. Names, numbers and long words stay: they tell one fact from another."""
    words = question.rstrip("?？.! ").split(" ")
    kept = [
        word
        for place, word in enumerate(words)
        if len(word) > SHORT or not word.isalpha() or (place and not word.islower()) or draw.random() > MISSING
    ]
    return " ".join(kept) if 1 < len(kept) < len(words) else ""


def _careless(question: str) -> str:
    """As one types in haste: no capital at the beginning, no question mark."""
    plain = question.rstrip("?？ ")
    if not plain or plain.isupper() or "\n" in question:
        return ""
    first, _, rest = plain.partition(" ")
    lower = first.lower() if _guess(question) and first[1:].islower() else first
    return f"{lower} {rest}" if rest else lower


def _guess(question: str) -> str:
    """The language of a question by its first word, "" where it is no question word."""
    first = question.split(" ", 1)[0].lower().strip("¿?")
    if first in TELLING.split():
        return "English"
    return next((name for name, openers in ASKING.items() if first in openers.split()), "")
