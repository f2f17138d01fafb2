"""How much is an answer preferred, to another one or as such? The losses of DPO and of KTO. [H] torch.

The implicit reward of an answer is beta times what its log-probability has gained on the base (Rafailov et al. 2023,
arXiv 2305.18290, equation 7: the loss is the negative log-sigmoid of the difference of the two rewards). Where data is
scarce the chosen answer may lose too, as long as the rejected one loses more; so its own loss, in nats for each token,
is added (Pang et al. 2024, arXiv 2404.19733, equation 2).

Where answers were only rated, the reward of each is held against a point of reference: how far the model has strayed
from its base, the KL divergence, estimated from answers to other questions (Ethayarajh et al. 2024, arXiv 2402.01306,
equation 8).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class Reference:
    """What the base says of some pairs: log-probabilities of chosen and rejected answers in nats, (pairs, 2)."""

    log_probs: Tensor
    beta: float
    chosen_weight: float

    def margins(self, log_probs: Tensor) -> Tensor:
        """The reward of each chosen answer less that of the rejected one, (pairs,).

        `log_probs` (2 * pairs,) are the model's own: chosen and rejected in turns.
        """
        gained = log_probs.view(-1, 2) - self.log_probs
        return self.beta * (gained[:, 0] - gained[:, 1])

    def loss(self, log_probs: Tensor, counts: Tensor) -> Tensor:
        """The loss summed over the pairs; `counts` (2 * pairs,) are the tokens of the answers."""
        chosen = -log_probs.view(-1, 2)[:, 0] / counts.view(-1, 2)[:, 0].to(log_probs.device)
        return (self.chosen_weight * chosen - nn.functional.logsigmoid(self.margins(log_probs))).sum()


@dataclass(frozen=True, slots=True)
class Rated:
    """Ratings of some rows beside what the base says of them: log-probabilities in nats, (rows,).

    `strayed` is the KL divergence in nats; the weights make up for more good answers than bad ones, or fewer.
    """

    log_probs: Tensor
    desirable: Tensor  # (rows,), bool
    beta: float
    strayed: float
    weights: tuple[float, float]  # of bad and of good answers

    def loss(self, log_probs: Tensor, counts: Tensor) -> Tensor:
        """The loss summed over the rows: one less their value, 0 to 1 for each. `counts` does not matter."""
        above = self.beta * (log_probs - self.log_probs - self.strayed)
        value = torch.sigmoid(torch.where(self.desirable, above, -above))
        bad, good = self.weights
        return (torch.where(self.desirable, good, bad) * (1 - value)).sum()
