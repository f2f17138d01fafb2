"""LoRA adapters: what an adapter file says, whether it fits a base model, and the live swap."""
