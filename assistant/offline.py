"""No library below us may call home: the variables that say so, set before any of them is imported."""

from __future__ import annotations

import os

VARIABLES = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "ANONYMIZED_TELEMETRY": "False",
    "ORT_DISABLE_TELEMETRY": "1",  # ONNX Runtime 1.29 and later report to Microsoft; we pin an earlier one as well
    "ORT_TELEMETRY_DISABLED": "1",
    "LANGCHAIN_TRACING_V2": "false",
    "TOKENIZERS_PARALLELISM": "false",
    "OMP_WAIT_POLICY": "passive",  # not telemetry: idle OpenMP threads must not spin beside the screen
}


def enforce() -> None:
    """Set them in this process and so in every child it starts."""
    os.environ.update(VARIABLES)
