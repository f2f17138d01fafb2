"""How does the shell follow a training to its end? Ctrl-C pauses it, and the exit code says how it ended."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any

from assistant.commands.train_report import Report
from assistant.errors import AssistantError, TrainingError
from assistant.output import fail, warn

if TYPE_CHECKING:
    from assistant.bootstrap import Core

INTERRUPTED = 130


async def follow(core: Core, events: AsyncGenerator[dict[str, Any], None], report: Report) -> bool:
    """Show a stream of events to its end; Ctrl-C pauses, a second one leaves at once. False if it was left."""
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    asked: list[asyncio.Task[None]] = []

    def interrupted() -> None:
        if asked or not report.training or task is None:
            task.cancel() if task else None
            return
        report.line_done()
        warn("Pausing at the next step; Ctrl-C again leaves at once.")
        asked.append(loop.create_task(core.training.stop(report.run, "pause")))

    loop.add_signal_handler(signal.SIGINT, interrupted)
    try:
        async with contextlib.aclosing(events) as stream:
            async for event in stream:
                report.show(event)
    except asyncio.CancelledError:
        report.state = "paused" if report.training else "interrupted"
        return False
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        for stopping in asked:
            with contextlib.suppress(AssistantError):
                await stopping
    return True


def ended(report: Report, again: str = "") -> int:
    """Print the result, or why there is none; the exit code. `again` is the command that goes on, where it is one."""
    report.end()
    if report.state == "failed":
        return fail(TrainingError(report.failure[0], report.failure[1]))
    if report.state == "finished":
        return 0
    if report.training and report.run:
        warn(f"{report.run} is {report.state}. Go on with: {again or f'assistant train --resume {report.run}'}")
    elif report.adapter:
        told = f"{report.adapter} is not judged yet" if again else f"{report.adapter} is trained, not proven"
        warn(f"{told}. Go on with: {again or f'assistant adapters prove {report.adapter}'}")
    return INTERRUPTED
