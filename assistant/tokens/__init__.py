"""How text becomes tokens: what a text is cut into, how byte-level BPE got there, and what it costs."""
