"""How does a folder's tokenizer become the vocabulary of a GGUF file?

Two kinds are known, both byte-pair encodings in a tokenizer.json: byte-level ones (GPT-2's, Llama 3's, SmolLM's), which
GGUF calls `gpt2`, and those with a byte fallback that SentencePiece made (Llama 2's, Mistral's), which it calls
`llama`.
How a byte-level one cuts a text before merging is not in the file as llama.cpp needs it: it knows ways by name, and a
folder with another one is refused. Whether both read the same is checked afterwards on texts.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters.errors import TrainingError
from adapters.files.gguf_facts import shown

MAX_FILE = 64 * 2**20  # bytes of a tokenizer.json
NORMAL, UNKNOWN, CONTROL, ADDED, UNUSED, BYTE = 1, 2, 3, 4, 5, 6  # token types of GGUF
BYTE_TOKEN = re.compile(r"<0x[0-9A-F]{2}>")
UNMERGED = -1e6  # score of a piece that no merge makes
# the pattern that a tokenizer.json splits by -> what llama.cpp calls it (src/llama-vocab.cpp)
LLAMA_3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
PATTERNS = {LLAMA_3: "llama-bpe"}


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What stands in a GGUF file's header: `model` gpt2 or llama, a type for each token; `scores` of llama only."""

    model: str
    pre: str
    tokens: tuple[str, ...]
    types: tuple[int, ...]
    scores: tuple[float, ...]
    merges: tuple[str, ...]
    space_before: bool


def read_vocabulary(folder: Path, rows: int) -> Vocabulary:
    """The vocabulary of a folder whose embedding has so many rows; rows without a token are called [PAD…].

    Raises:
        TrainingError: there is no tokenizer.json, it is damaged, or of a kind that is not known here.
    """
    path = folder / "tokenizer.json"
    described = _read(path)
    try:
        model = described["model"]
        if model.get("type") != "BPE":
            raise _unknown(folder, f"of the type {model.get('type')}")
        return _vocabulary(folder, described, rows)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise TrainingError(f"{path.name} is damaged.", "Get the model again.") from error


def _vocabulary(folder: Path, described: dict[str, Any], rows: int) -> Vocabulary:
    model = described["model"]
    added = {int(each["id"]): each for each in described.get("added_tokens") or ()}
    pieces = {int(number): str(piece) for piece, number in model["vocab"].items()}
    pieces |= {number: str(each["content"]) for number, each in added.items()}
    if max(pieces) >= rows:
        raise TrainingError(
            f"The tokenizer has {max(pieces) + 1:,} tokens, the model {rows:,}.", "They do not belong together."
        )
    merges = [_merge(each) for each in model["merges"]]
    fallback = bool(model.get("byte_fallback"))
    tokens = tuple(pieces.get(number, f"[PAD{number}]") for number in range(rows))
    types = tuple(_type(number, pieces, added, model, fallback) for number in range(rows))
    if not fallback:
        written = tuple(f"{left} {right}" for left, right in merges)
        return Vocabulary("gpt2", _pre(folder, described), tokens, types, (), written, False)
    ranks: dict[str, int] = {}
    for rank, (left, right) in enumerate(merges):
        ranks.setdefault(left + right, rank)
    scores = tuple(float(-ranks[piece]) if piece in ranks else UNMERGED for piece in tokens)
    return Vocabulary("llama", "", tokens, types, scores, (), _space_before(described))


def _type(number: int, pieces: dict[int, str], added: dict[int, Any], model: dict[str, Any], fallback: bool) -> int:
    if number not in pieces:
        return UNUSED
    if fallback and pieces[number] == model.get("unk_token"):
        return UNKNOWN
    if number in added:
        return CONTROL if added[number].get("special") else ADDED
    return BYTE if fallback and BYTE_TOKEN.fullmatch(pieces[number]) else NORMAL


def _merge(written: Any) -> tuple[str, str]:
    """`"a b"`, or `["a", "b"]` as newer files have it."""
    left, right = written.split(" ") if isinstance(written, str) else written
    return str(left), str(right)


def _pre(folder: Path, described: dict[str, Any]) -> str:
    """What llama.cpp calls the way a byte-level tokenizer cuts a text before merging."""
    whole = described.get("pre_tokenizer") or {}
    steps = whole.get("pretokenizers", [whole])
    kinds = [step.get("type") for step in steps]
    if kinds == ["ByteLevel"] and steps[0].get("use_regex", True):
        return "gpt-2"
    if kinds == ["Digits", "ByteLevel"] and steps[0].get("individual_digits"):
        return "smollm"
    if kinds == ["Split", "ByteLevel"]:
        pattern = str((steps[0].get("pattern") or {}).get("Regex"))
        if pattern in PATTERNS:
            return PATTERNS[pattern]
    raise _unknown(folder, f"which cuts texts by {' and '.join(str(kind) for kind in kinds)}")


def _space_before(described: dict[str, Any]) -> bool:
    """Whether a space is put before a text, by a normalizer or by the pre-tokenizer."""
    normalizer = described.get("normalizer") or {}
    steps = normalizer.get("normalizers", [normalizer])
    if any(step.get("type") == "Prepend" for step in steps):
        return True
    before = described.get("pre_tokenizer") or {}
    return before.get("type") == "Metaspace" and before.get("prepend_scheme", "always") != "never"


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MAX_FILE:
            raise TrainingError(f"{path} is too large to be a tokenizer.", "Choose another model.")
        value = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise TrainingError(
            f"{path.parent.name} has no tokenizer.json that can be read.",
            "transformers writes one: AutoTokenizer.from_pretrained(DIR).save_pretrained(DIR)",
        ) from error
    except (ValueError, RecursionError) as error:
        raise TrainingError(f"{path} is not valid JSON.", "Get the model again.") from error
    return value if isinstance(value, dict) else {}


def _unknown(folder: Path, what: str) -> TrainingError:
    return TrainingError(
        f"{shown(folder.name)} has a tokenizer {shown(what, 100)}, which cannot be converted here.",
        "llama.cpp's convert_hf_to_gguf.py knows more kinds.",
    )
