"""What does the assistant check, and what does it not? In words, for whoever has to decide what to trust it with."""

from __future__ import annotations

CHECKED = (
    "What documents say reaches the model as quoted data between markers that stand nowhere in them; control tokens of "
    "the model in them are broken up.",
    "Nothing that an answer says opens a link, writes a file, changes a setting or puts an adapter on: that takes a "
    "key of yours.",
    "A mark in an answer stands for a passage that was found, or is removed; an answer that no passage supports says "
    "so.",
    "Characters that could steer the terminal are replaced wherever text is shown.",
    "No process of a session opens a connection to the internet.",
    "The tools of an agent only read: whatever stands in a document, it can bring about another search and no more.",
    "Other programs are answered only while you serve them, on this machine, with the key; web pages are refused.",
    "An adapter is held against its base, on its task and on general questions with refusals among them, before it "
    "is called proven.",
    "An answer can be flagged by what you yourself called harmful, once there are enough such scores.",
    "The probes: harmful requests, harmless ones that sound like them, documents with instructions planted in them.",
)
NOT_CHECKED = (
    "Answers are shown as the model writes them: no filter reads them first. The flag is a figure, not a gate.",
    "Whether an answer is true. Grounding says whether it stands in the passages, not whether these are right.",
    "A planted instruction can still change what an answer says; the probe counts how often that worked.",
    "What a model file was trained on, and whether it hides a behaviour that some words bring out.",
    "Advice on health, law or money is given as any other. Nobody has tried this on people in distress.",
    "The probes are few and in English, and a model may have read others like them: to pass them is no proof of "
    "safety. Whether it declines is told by its words.",
    "The root user, malware that runs as you, and a stolen disk that is not encrypted.",
)


def told() -> str:
    """Both lists as text."""
    parts = (("Checked", CHECKED), ("Not checked", NOT_CHECKED))
    return "\n\n".join("\n".join([title, *(f"  - {line}" for line in lines)]) for title, lines in parts)
