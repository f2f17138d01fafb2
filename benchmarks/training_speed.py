"""How fast is our trainer beside TRL's SFTTrainer, at the same loss and in how much memory?

    python benchmarks/training_speed.py [--steps 12] [--rows 8] [--rounds 3] [--threads N]

Same base (the embedded model), rows, rank, rate, schedule, seed and number of optimizer steps, bfloat16 on both
sides, each run in a process of its own, in turns. Two sets of rows from this repository: `short`, chats about an
invented household, and `long`, questions with passages of the sample library. TRL gets the very token ids with their
completion mask. Tokens are those of the rows; memory is the process's peak; the loss of both results is measured by
one and the same evaluation on rows that were not trained on. Needs the extra `bench`.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from adapters.training.runs import KERNELS_KEPT  # noqa: E402 - the repository has to be importable first

LEARNING = ROOT / "benchmarks" / "learning"
RANK, ALPHA, RATE = 16, 32, 5e-4


def rows_of(kind: str) -> list[tuple[str, str]]:
    """(question, answer) of a set, in a fixed order."""
    if kind == "short":
        facts = [json.loads(line) for line in (LEARNING / "household.jsonl").read_text("utf-8").splitlines()]
        return [(ask, say) for turn in range(3) for fact in facts
                for ask, say in [(fact["train"][turn], fact["train_answers"][turn])]]  # fmt: skip
    from assistant.prompting import question_with_passages
    from ingest.document import Passage

    questions = json.loads((ROOT / "examples" / "questions.json").read_text("utf-8"))
    files = sorted((ROOT / "examples" / "library").rglob("*.md")) + sorted(
        (ROOT / "examples" / "library").rglob("*.txt")
    )
    texts = {path.name: path.read_text("utf-8") for path in files}
    pieces = [(name, text[start : start + 700]) for name, text in texts.items() for start in range(0, len(text), 700)]
    made = []
    for number, entry in enumerate(questions * 4):
        chosen = [pieces[(number * 7 + step * 13) % len(pieces)] for step in range(3)]
        passages = [Passage(0, 0, name, name, text, 0, len(text)) for name, text in chosen]
        answers = entry["answer"] or "Nothing found."
        answer = answers if isinstance(answers, str) else answers[0]
        made.append((question_with_passages(entry["question"], passages), answer))
    return made


def encoded(kind: str, count: int) -> tuple[list[Any], list[Any]]:
    """Rows to train on and to validate with, as tokens."""
    from adapters.rows import Row, Turn
    from adapters.training.encoding import codec_for
    from assistant.config import load_config
    from assistant.models.location import resolve_model
    from assistant.prompting import system_prompt

    config = load_config(Path(tempfile.gettempdir()) / "no-home")
    codec = codec_for(Path(resolve_model("starter")), system_prompt(config.answer.system_prompt))
    rows = [codec.encode(Row((Turn("user", ask), Turn("assistant", say))), 1024) for ask, say in rows_of(kind)]
    return rows[:count], rows[-24:]


def ours(kind: str, steps: int, rows: int, threads: int, out: Path) -> dict[str, Any]:
    """Train with our trainer; the adapter goes to `out`."""
    import torch
    from accelerate import Accelerator

    from adapters.training import outcome
    from adapters.training.methods import prepare
    from adapters.training.recipe import Recipe
    from adapters.training.replay import Replay
    from adapters.training.trainer import Trainer
    from assistant.models.location import resolve_model

    torch.set_num_threads(threads)
    train, _ = encoded(kind, steps * rows)
    total = sum(len(row.ids) for row in train)
    recipe = Recipe(rank=RANK, alpha=ALPHA, learning_rate=RATE, epochs=1, replay=0, pull=0, patience=0,
                    batch_tokens=max(16, round(total / steps * 0.97)), precision="bf16", seed=1)  # fmt: skip
    prepared = prepare(Path(resolve_model("starter")), recipe, torch.device("cpu"))
    trainer = Trainer(prepared, recipe, train, [], Replay((), ()), accelerator=Accelerator(cpu=True),
                      folder=out / "checkpoints", emit=lambda event: None)  # fmt: skip
    trainer.run(lambda: "", lambda: None)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    outcome.write(out / "result", prepared, recipe, {}, {"prompts": []})
    return {"tokens": trainer.place.tokens, "seconds": trainer.place.seconds, "steps": trainer.place.step, "mb": memory}


def trl(kind: str, steps: int, rows: int, threads: int, out: Path) -> dict[str, Any]:
    """Train with SFTTrainer on the same tokens."""
    import torch
    from datasets import Dataset
    from peft import LoraConfig
    from trl import SFTConfig, SFTTrainer

    from adapters.training.base_weights import load_base, load_tokenizer
    from adapters.training.recipe import LINEARS
    from assistant.models.location import resolve_model

    torch.set_num_threads(threads)
    base = Path(resolve_model("starter"))
    train, _ = encoded(kind, steps * rows)
    data = Dataset.from_list([
        {"input_ids": list(row.ids), "completion_mask": [int(learned) for learned in row.learned]} for row in train
    ])  # fmt: skip
    settings = SFTConfig(
        output_dir=str(out / "trl"), per_device_train_batch_size=rows, num_train_epochs=1, learning_rate=RATE,
        lr_scheduler_type="cosine", warmup_steps=max(1, round(0.1 * steps)), bf16=True, use_cpu=True, seed=1,
        weight_decay=0.0, max_grad_norm=1.0, logging_strategy="no", save_strategy="no", report_to=[], max_length=1024,
        completion_only_loss=True, disable_tqdm=True, gradient_checkpointing=False, dataloader_pin_memory=False,
    )  # fmt: skip
    lora = LoraConfig(task_type="CAUSAL_LM", r=RANK, lora_alpha=ALPHA, target_modules=list(LINEARS))
    tokenizer = load_tokenizer(base)
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    trainer = SFTTrainer(model=load_base(base, torch.float32), args=settings, train_dataset=data,
                         processing_class=tokenizer, peft_config=lora)  # fmt: skip
    started = time.monotonic()
    trainer.train()
    seconds = time.monotonic() - started
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    trainer.model.save_pretrained(str(out / "result" / "peft"))
    return {"tokens": sum(len(row.ids) for row in train), "seconds": seconds, "steps": trainer.state.global_step,
            "mb": memory}  # fmt: skip


def loss_of(kind: str, out: Path) -> float:
    """Nats per learned token on rows that were not trained on, in float32, by the same code for both."""
    import torch
    from peft import set_peft_model_state_dict
    from safetensors.torch import load_file

    from adapters.training.learner import Learner
    from adapters.training.methods import prepare
    from adapters.training.packing import pack
    from adapters.training.recipe import Recipe
    from assistant.models.location import resolve_model

    _, held = encoded(kind, 1)
    prepared = prepare(
        Path(resolve_model("starter")), Recipe(rank=RANK, alpha=ALPHA, precision="fp32"), torch.device("cpu")
    )
    if (out / "result").exists():
        set_peft_model_state_dict(prepared.peft, load_file(out / "result" / "peft" / "adapter_model.safetensors"))
    learner = Learner(prepared)
    with torch.no_grad():
        total = sum(float(learner(each)) for each in pack(held, range(len(held)), 1024))
    return total / sum(row.targets for row in held)


def run_once(who: str, kind: str, options: argparse.Namespace) -> dict[str, Any]:
    """One training in a fresh process, then its loss in another."""
    with tempfile.TemporaryDirectory() as folder:
        figures = _child("train", who, kind, options, folder)
        return {**figures, "loss": _child("loss", who, kind, options, folder)["loss"]}


def _child(part: str, who: str, kind: str, options: argparse.Namespace, folder: str) -> dict[str, Any]:
    command = [sys.executable, __file__, "--steps", str(options.steps), "--rows", str(options.rows), "--threads",
               str(options.threads), "--part", part, "--who", who, "--kind", kind, "--out", folder]  # fmt: skip
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "OMP_WAIT_POLICY": "passive",
                                "TQDM_DISABLE": "1", "TOKENIZERS_PARALLELISM": "false"}  # fmt: skip
    environment |= KERNELS_KEPT if who == "ours" else {}  # as the product starts it
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        sys.exit(f"{who} failed:\n{done.stderr[-2000:]}")
    figures: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return figures


def main() -> None:
    """All rounds, both sets, as a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--rows", type=int, default=8, help="rows in a step")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--kinds", default="short,long")
    for name in ("--part", "--who", "--kind", "--out"):
        parser.add_argument(name, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part == "train":
        train = {"ours": ours, "trl": trl}[options.who]
        print(json.dumps(train(options.kind, options.steps, options.rows, options.threads, Path(options.out))))
        return
    if options.part == "loss":
        print(json.dumps({"loss": loss_of(options.kind, Path(options.out))}))
        return
    print("| rows | trainer | steps | tokens/s | peak MB | validation loss |\n| --- | --- | --- | --- | --- | --- |")
    for kind in options.kinds.split(","):
        before = _child("loss", "base", kind, options, tempfile.gettempdir() + "/none")["loss"]
        rounds = [{who: run_once(who, kind, options) for who in ("ours", "trl")} for _ in range(options.rounds)]
        for who in ("ours", "trl"):
            runs = [each[who] for each in rounds]
            speed = statistics.median(run["tokens"] / run["seconds"] for run in runs)
            print(f"| {kind} | {who} | {runs[0]['steps']} | {speed:.0f} | {max(run['mb'] for run in runs):.0f} | "
                  f"{statistics.median(run['loss'] for run in runs):.3f} (base {before:.3f}) |")  # fmt: skip
        ratios = [
            (each["ours"]["tokens"] / each["ours"]["seconds"]) / (each["trl"]["tokens"] / each["trl"]["seconds"])
            for each in rounds
        ]
        print(
            f"\n{kind}: ours / TRL {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})\n",
            flush=True,
        )


if __name__ == "__main__":
    main()
