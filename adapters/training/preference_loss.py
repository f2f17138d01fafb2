"""How much is a chosen answer preferred to a rejected one? DPO's loss, with a term on the chosen answer. [H] torch.

The implicit reward of an answer is beta times what its log-probability has gained on the base (Rafailov et al. 2023,
arXiv 2305.18290, equation 7: the loss is the negative log-sigmoid of the difference of the two rewards). Where data is
scarce the chosen answer may lose too, as long as the rejected one loses more; so its own loss, in nats for each token,
is added (Pang et al. 2024, arXiv 2404.19733, equation 2).
"""

from __future__ import annotations

from dataclasses import dataclass

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
