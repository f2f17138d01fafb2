"""Tools that a model may call: what they are, calls that always parse, a calculator, and an agent with two of them."""
