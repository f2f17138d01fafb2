"""The loss of packed rows: what they teach, and how far the model strays from its base. [H] torch."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from adapters.training.encoding import Encoded
from adapters.training.methods import Prepared
from adapters.training.packed_attention import NAME, layout_of
from adapters.training.packing import Pack, pack
from adapters.training.preference_loss import Rated, Reference

CHUNK = 512  # learned tokens whose logits (a float for each word of the vocabulary) exist at once


class Learner(nn.Module):
    """A prepared model as a function of packs, so that DDP and FSDP can wrap it.

    Logits are computed for learned tokens only: with a vocabulary of 49,152 they are most of the memory
    of a small model, and a good part of its time.
    """

    def __init__(self, prepared: Prepared) -> None:
        super().__init__()
        self.whole = prepared.peft or prepared.model
        self._prepared = prepared
        self._inner: Any = prepared.model
        self._teacher_head: Tensor | None = None

    def keep_teacher(self) -> None:
        """Keep the base's own head where training changes it: distances to the base need it."""
        weight: Tensor = self._inner.lm_head.weight
        changes = any(parameter is weight for parameter in self._prepared.trainable.values())
        self._teacher_head = weight.detach().clone() if changes else None

    def forward(self, pack: Pack, beside: Tensor | Reference | Rated | None = None) -> Tensor:
        """The summed loss over the pack, in nats.

        Without anything beside it, the cross-entropy of its learned tokens. Beside the base's last hidden state
        where it predicts each of the N learned tokens (N, hidden), the KL divergence from the base's distribution
        to ours. Beside what the base says of its pairs or rated rows, the loss of preferences.
        """
        if isinstance(beside, Reference | Rated):
            return beside.loss(self.log_probs(pack), torch.tensor(pack.counts))
        hidden = self.hidden(pack)
        targets = torch.tensor(pack.targets, device=hidden.device)
        total = hidden.new_zeros((), dtype=torch.float32)
        for start in range(0, len(pack.targets), CHUNK):
            part = slice(start, start + CHUNK)
            taught = None if beside is None else beside[part]
            if len(pack.targets) > CHUNK and torch.is_grad_enabled():
                total = total + checkpoint(self._loss, hidden[part], targets[part], taught, use_reentrant=False)
            else:
                total = total + self._loss(hidden[part], targets[part], taught)
        return total

    def log_probs(self, pack: Pack) -> Tensor:
        """The log-probability of each row's learned tokens together, in nats, (rows,)."""
        hidden = self.hidden(pack)
        targets = torch.tensor(pack.targets, device=hidden.device)
        losses = []
        for start in range(0, len(pack.targets), CHUNK):
            part = slice(start, start + CHUNK)
            if len(pack.targets) > CHUNK and torch.is_grad_enabled():
                losses.append(checkpoint(self._losses, hidden[part], targets[part], use_reentrant=False))
            else:
                losses.append(self._losses(hidden[part], targets[part]))
        rows = torch.repeat_interleave(torch.tensor(pack.counts, device=hidden.device))
        total = hidden.new_zeros(len(pack.rows), dtype=torch.float32)
        return -total.index_add(0, rows, torch.cat(losses))

    @contextlib.contextmanager
    def without_adapter(self) -> Iterator[None]:
        """The base as it was; where it is trained itself, as it is now."""
        peft = self._prepared.peft
        with contextlib.nullcontext() if peft is None else peft.disable_adapter():
            yield

    def hidden(self, pack: Pack) -> Tensor:
        """The last hidden states that predict the pack's learned tokens, (N, hidden)."""
        device = self._inner.device
        soft = self._prepared.soft_prompt()
        layout = layout_of(_behind(pack, 0 if soft is None else len(soft)), device)
        ids = torch.tensor([pack.ids], device=device)
        inputs: dict[str, Any] = {"input_ids": ids}
        if soft is not None:
            embedded = self._inner.get_input_embeddings()(ids)
            inputs = {"inputs_embeds": torch.cat([soft[None].to(embedded.dtype), embedded], 1)}
        shift = 0 if soft is None else len(soft)
        with self._precision(), self._attention():
            states = self._inner.model(**inputs, position_ids=layout.positions, use_cache=False, packing=layout)
        places = torch.tensor(pack.predictors, device=device) + shift
        chosen: Tensor = states.last_hidden_state[0, places]
        return chosen

    def _losses(self, hidden: Tensor, targets: Tensor) -> Tensor:
        with self._precision():
            logits = nn.functional.linear(hidden, self._inner.lm_head.weight).float()
        return nn.functional.cross_entropy(logits, targets, reduction="none")

    def _loss(self, hidden: Tensor, targets: Tensor, taught: Tensor | None) -> Tensor:
        with self._precision():
            logits = nn.functional.linear(hidden, self._inner.lm_head.weight).float()
        if taught is None:
            return nn.functional.cross_entropy(logits, targets, reduction="sum")
        head = self._inner.lm_head.weight if self._teacher_head is None else self._teacher_head
        with torch.no_grad():
            wanted = torch.log_softmax(nn.functional.linear(taught.to(head.dtype), head).float(), -1)
        return nn.functional.kl_div(torch.log_softmax(logits, -1), wanted, reduction="sum", log_target=True)

    def _precision(self) -> contextlib.AbstractContextManager[Any]:
        """Weights kept in float32 for training are multiplied in bfloat16 all the same."""
        compute, stored = self._prepared.compute, self._inner.dtype
        if compute == stored:
            return contextlib.nullcontext()
        return torch.autocast(self._inner.device.type, compute)

    @contextlib.contextmanager
    def _attention(self) -> Any:
        """Packed attention while packs are evaluated; generation has transformers' own."""
        config = self._inner.config
        before, config._attn_implementation = config._attn_implementation, NAME
        try:
            yield
        finally:
            config._attn_implementation = before


class Teacher:
    """The base's last hidden states on some rows, taken before anything was trained: 2 bytes a number.

    The base's whole distribution follows from them through its head, so nothing of it is lost or stored.
    """

    def __init__(self, learner: Learner, rows: Sequence[Encoded], which: Sequence[int], pack_tokens: int) -> None:
        self._states: dict[int, Tensor] = {}
        for packed in pack(rows, which, pack_tokens):
            with torch.no_grad():
                states = learner.hidden(packed)
            self._states.update(zip(packed.rows, states.split(packed.counts), strict=True))

    def of(self, packed: Pack) -> Tensor:
        """The states for a pack's learned tokens, (N, hidden)."""
        return torch.cat([self._states[index] for index in packed.rows])


def _behind(pack: Pack, virtual: int) -> Pack:
    """The pack's layout behind `virtual` tokens of a soft prompt, which all rows share."""
    if not virtual:
        return pack
    return replace(pack, prefix=pack.prefix + virtual)
