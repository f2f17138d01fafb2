"""GGUF and safetensors: read within bounds, written, converted, compared."""
