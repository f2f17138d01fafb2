"""What is a step to change, and how is it measured? Answers, pairs, ratings, the base's general rows. [H] torch."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Protocol

import torch
from torch import Tensor

from adapters.training.encoding import Encoded
from adapters.training.learner import Learner, Teacher
from adapters.training.packing import Pack, pack, pack_pairs
from adapters.training.preference_loss import Rated, Reference
from adapters.training.recipe import PACK_TOKENS, Recipe
from adapters.training.replay import Replay

MEASURED = 64  # held-out rows or pairs looked at each time, spread over all: more tell little more and cost time
Beside = Tensor | Reference | Rated | None


class Objective(Protocol):
    """Rows, by number, with a loss and a measure."""

    sizes: list[int]  # tokens of each row or pair
    weight: float  # of its mean loss in a step

    def begin(self) -> None:
        """Look at the base, before the first change."""

    def units(self, indices: Sequence[int]) -> int:
        """What the loss of these is the mean over: learned tokens, or pairs."""

    def packs(self, indices: Sequence[int]) -> Iterator[tuple[Pack, Beside]]:
        """These, packed, with what the loss is taken beside."""

    def measured(self) -> dict[str, float]:
        """Figures of what is held out; {} where nothing is."""


class Answers:
    """Learned tokens are made likelier. Loss: cross-entropy, in nats for each of them."""

    weight = 1.0

    def __init__(self, learner: Learner, rows: Sequence[Encoded], held_out: Sequence[Encoded]) -> None:
        self.sizes = [len(row.ids) for row in rows]
        self._learner, self._rows, self._held_out = learner, rows, [held_out[row] for row in _spread(len(held_out))]

    def begin(self) -> None:
        """Nothing."""

    def units(self, indices: Sequence[int]) -> int:
        """Learned tokens."""
        return sum(self._rows[index].targets for index in indices)

    def packs(self, indices: Sequence[int]) -> Iterator[tuple[Pack, Beside]]:
        """Each by itself."""
        return ((packed, None) for packed in pack(self._rows, indices, PACK_TOKENS))

    def measured(self) -> dict[str, float]:
        """The loss."""
        return _mean_loss(self._learner, self._held_out, None)


class General:
    """What the base itself says stays as likely. Loss: KL divergence from the base, in nats for each token."""

    def __init__(self, learner: Learner, replay: Replay, recipe: Recipe) -> None:
        self.sizes = [len(row.ids) for row in replay.train]
        self._pulled = recipe.replay > 0 and recipe.distance_weight > 0
        self.weight = recipe.distance_weight if self._pulled else 1.0
        self._learner, self._rows = learner, replay.train
        self._held_out = [replay.held_out[row] for row in _spread(len(replay.held_out), MEASURED // 2)]
        self.taken: Collection[int] = range(len(self._rows))  # the rows that the run will come to

    def begin(self) -> None:
        """The base's own distributions."""
        self._teacher = Teacher(self._learner, self._rows, sorted(self.taken) if self._pulled else (), PACK_TOKENS)
        self._held_teacher = Teacher(self._learner, self._held_out, range(len(self._held_out)), PACK_TOKENS)

    def units(self, indices: Sequence[int]) -> int:
        """Learned tokens."""
        return sum(self._rows[index].targets for index in indices)

    def packs(self, indices: Sequence[int]) -> Iterator[tuple[Pack, Beside]]:
        """Beside the base, or without a pull as answers to learn."""
        for packed in pack(self._rows, indices, PACK_TOKENS):
            yield packed, self._teacher.of(packed) if self._pulled else None

    def measured(self) -> dict[str, float]:
        """The distance."""
        return _mean_loss(self._learner, self._held_out, self._held_teacher)


class _BesideBase:
    """Rows two by two, measured by what they have gained on the base, which is the model with its adapter off."""

    weight = 1.0

    def __init__(self, learner: Learner, rows: Sequence[Encoded], held_out: Sequence[Encoded], recipe: Recipe) -> None:
        self.sizes = [len(rows[place].ids) + len(rows[place + 1].ids) for place in range(0, len(rows), 2)]
        self._learner, self._rows, self._recipe = learner, rows, recipe
        self._held_out = [held_out[2 * pair + which] for pair in _spread(len(held_out) // 2) for which in (0, 1)]

    def begin(self) -> None:
        """The base's log-probabilities of all answers: there is no second model."""
        with self._learner.without_adapter():
            self._base = _log_probs(self._learner, self._rows)
            self._held_base = _log_probs(self._learner, self._held_out)

    def units(self, indices: Sequence[int]) -> int:
        """Pairs, or rated rows with the mismatched one that follows each."""
        return len(indices)


class Preferences(_BesideBase):
    """Chosen answers gain on rejected ones, whose rows follow theirs. Loss: see preference_loss, for each pair."""

    def packs(self, indices: Sequence[int]) -> Iterator[tuple[Pack, Beside]]:
        """Beside the base."""
        return (
            (packed, self._reference(packed, self._base)) for packed in pack_pairs(self._rows, indices, PACK_TOKENS)
        )

    def measured(self) -> dict[str, float]:
        """The loss, the share of pairs in which the chosen answer has the higher reward (equal ones count half), and
        the mean margin of the rewards.
        """
        if not self._held_out:
            return {}
        loss, margins = 0.0, []
        for packed in pack_pairs(self._held_out, range(len(self._held_out) // 2), PACK_TOKENS):
            reference = self._reference(packed, self._held_base)
            with torch.no_grad():
                log_probs = self._learner.log_probs(packed)
            loss += float(reference.loss(log_probs, torch.tensor(packed.counts)))
            margins += reference.margins(log_probs).tolist()
        return {"loss": loss / len(margins), **_won(margins)}

    def _reference(self, packed: Pack, base: dict[int, Tensor]) -> Reference:
        log_probs = torch.stack([base[row] for row in packed.rows]).view(-1, 2)
        return Reference(log_probs, self._recipe.beta, self._recipe.chosen_weight)


class Ratings(_BesideBase):
    """Good answers gain, bad ones lose; a mismatched row follows each. Loss: see preference_loss, for each row."""

    def __init__(self, learner: Learner, rows: Sequence[Encoded], held_out: Sequence[Encoded], recipe: Recipe) -> None:
        super().__init__(learner, rows, held_out, recipe)
        good = sum(row.desirable is True for row in rows[::2])
        bad = len(rows) // 2 - good
        self._weights = (max(good, bad) / max(1, bad), max(good, bad) / max(1, good))  # both kinds count the same

    def packs(self, indices: Sequence[int]) -> Iterator[tuple[Pack, Beside]]:
        """Beside the base and the distance from it that the mismatched answers of the step show."""
        strayed = self._strayed(self._rows, self._base, indices)
        for packed in pack(self._rows, [2 * index for index in indices], PACK_TOKENS):
            yield packed, self._rated(self._rows, self._base, packed, strayed)

    def measured(self) -> dict[str, float]:
        """The loss; in how many pairs of a good and a bad answer the good one has the higher reward (equal ones count
        half), and by how much on the average. {} where not both are held out.
        """
        if {row.desirable for row in self._held_out} != {True, False}:
            return {}
        count, loss = len(self._held_out) // 2, 0.0
        rewards: dict[bool, list[float]] = {True: [], False: []}
        strayed = self._strayed(self._held_out, self._held_base, range(count))
        for packed in pack(self._held_out, range(0, 2 * count, 2), PACK_TOKENS):
            rated = self._rated(self._held_out, self._held_base, packed, strayed)
            with torch.no_grad():
                log_probs = self._learner.log_probs(packed)
            loss += float(rated.loss(log_probs, torch.tensor(packed.counts)))
            for row, reward in zip(
                packed.rows, (self._recipe.beta * (log_probs - rated.log_probs)).tolist(), strict=True
            ):
                rewards[bool(self._held_out[row].desirable)].append(reward)
        return {"loss": loss / count, **_won([good - bad for good in rewards[True] for bad in rewards[False]])}

    def _strayed(self, rows: Sequence[Encoded], base: dict[int, Tensor], indices: Sequence[int]) -> float:
        gained = 0.0
        for packed in pack(rows, [2 * index + 1 for index in indices], PACK_TOKENS):
            with torch.no_grad():
                log_probs = self._learner.log_probs(packed)
            gained += float((log_probs - torch.stack([base[row] for row in packed.rows])).sum())
        return max(0.0, gained / max(1, len(indices)))

    def _rated(self, rows: Sequence[Encoded], base: dict[int, Tensor], packed: Pack, strayed: float) -> Rated:
        log_probs = torch.stack([base[row] for row in packed.rows])
        desirable = torch.tensor([bool(rows[row].desirable) for row in packed.rows], device=log_probs.device)
        return Rated(log_probs, desirable, self._recipe.beta, strayed, self._weights)


def _won(margins: Sequence[float]) -> dict[str, float]:
    """The share of margins above zero, where zero counts half, and their mean."""
    won = sum(1.0 if margin > 0 else 0.5 if margin == 0 else 0.0 for margin in margins)
    return {"accuracy": won / len(margins), "margin": sum(margins) / len(margins)}


def _log_probs(learner: Learner, rows: Sequence[Encoded]) -> dict[int, Tensor]:
    """The log-probability of each row, two by two behind their prompt."""
    found: dict[int, Tensor] = {}
    for packed in pack_pairs(rows, range(len(rows) // 2), PACK_TOKENS):
        with torch.no_grad():
            found.update(zip(packed.rows, learner.log_probs(packed), strict=True))
    return found


def _spread(rows: int, count: int = MEASURED) -> list[int]:
    """The numbers of at most `count` of so many rows, from all over."""
    return list(range(rows)) if rows <= count else [place * rows // count for place in range(count)]


def _mean_loss(learner: Learner, rows: Sequence[Encoded], teacher: Teacher | None) -> dict[str, float]:
    """Nats for each learned token."""
    targets = sum(row.targets for row in rows)
    if not targets:
        return {}
    total = 0.0
    with torch.no_grad():
        for packed in pack(rows, range(len(rows)), PACK_TOKENS):
            total += float(learner(packed, teacher.of(packed) if teacher else None))
    return {"loss": total / targets}
