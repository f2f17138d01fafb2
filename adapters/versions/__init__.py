"""Which adapters there are: versions, states, history, and how they travel."""
