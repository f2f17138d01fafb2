"""Nothing goes out by itself: libraries must not call home, and one switch makes every connection impossible."""

from __future__ import annotations

import os

from adapters.offline_guard import VARIABLE, forbid_connections, forbidden, is_loopback
from assistant.errors import UsageError

VARIABLES = {  # set before any of the libraries they speak to is imported
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "ANONYMIZED_TELEMETRY": "False",
    "ORT_DISABLE_TELEMETRY": "1",  # ONNX Runtime 1.29 and later report to Microsoft; we pin an earlier one as well
    "ORT_TELEMETRY_DISABLED": "1",
    "LANGCHAIN_TRACING_V2": "false",
    "LANGSMITH_TRACING": "false",
    "TOKENIZERS_PARALLELISM": "false",
    "OMP_WAIT_POLICY": "passive",  # not telemetry: idle OpenMP threads must not spin beside the screen
}


def enforce() -> None:
    """Set them in this process and so in every child it starts."""
    os.environ.update(VARIABLES)


def go_offline() -> None:
    """Make connections to other machines impossible in this process and in every child that it starts from now on."""
    os.environ[VARIABLE] = "1"
    forbid_connections()


def check_online(host: str) -> None:
    """Nothing, if this host may be asked.

    Raises:
        UsageError: the assistant is offline, and it is another machine.
    """
    if forbidden() and not is_loopback(host):
        raise UsageError(
            f"The assistant is offline, so {host} is not asked.",
            "Start it without --offline, and with network.offline = false in config.toml.",
        )
