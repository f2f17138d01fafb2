"""Does llama.cpp compute with an exported adapter what transformers with PEFT computes?

First a tiny random llama in 32-bit floats throughout, so that every difference is the export's: plain LoRA,
rsLoRA, rank and alpha patterns, the head, a weighted mix; and, to see that the comparison can fail, the same
adapter with the rows of q and k left in transformers' order. Then the embedded model as the chat runs it (Q4_1,
16-bit cache) with an adapter trained for a few steps: 20 prompts, 24 greedy tokens each, 16 logits at each place,
judged as the assistant judges a new adapter.

    python benchmarks/adapter_parity.py [--steps 12] [--prompts 20]
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "adapters")]
warnings.filterwarnings("ignore")

import numpy as np  # noqa: E402 - the repository has to be importable first
import torch  # noqa: E402
from made_peft import LINEARS, Twin, engine_logits, exact_engine, logits_of, peft_folder, twin  # noqa: E402
from peft import LoraConfig, get_peft_model  # noqa: E402

from adapters.files import export  # noqa: E402
from adapters.files.export import export_lora  # noqa: E402
from adapters.files.gguf import read_gguf  # noqa: E402
from adapters.files.parity import ParityReport  # noqa: E402
from adapters.hotswap import HotSwap  # noqa: E402
from adapters.mix import Share  # noqa: E402
from adapters.training.base_weights import load_base, load_tokenizer  # noqa: E402
from adapters.training.outcome import PARITY_TOKENS, PARITY_TOP  # noqa: E402
from assistant.config import load_config  # noqa: E402
from assistant.model import Model  # noqa: E402
from assistant.models.location import starter_path  # noqa: E402
from assistant.parity_check import check_parity  # noqa: E402
from assistant.worker_process import WorkerProcess  # noqa: E402

TARGET = 5e-6
SETTINGS: dict[str, dict[str, Any]] = {
    "LoRA, r 8, seven linears": {},
    "rsLoRA": {"use_rslora": True},
    "rank pattern": {"rank_pattern": {"down_proj": 2, "layers.1.self_attn.q_proj": 12}},
    "alpha pattern": {"alpha_pattern": {"k_proj": 4, "layers.0.mlp.up_proj": 64}},
    "rsLoRA with both patterns": {"use_rslora": True, "rank_pattern": {"v_proj": 3}, "alpha_pattern": {"v_proj": 5}},
}
QUESTIONS = [
    "What is the capital of France?", "Name three colours.", "How does a lighthouse work?", "Write a haiku.",
    "What is 7 times 8?", "Who wrote Hamlet?", "Explain rain to a child.", "Translate 'good morning' to German.",
    "List two uses of salt.", "Why is the sky blue?", "What do bees make?", "Give me a short poem about the sea.",
    "What is a prime number?", "How do I boil an egg?", "Name a large river.", "What does a carpenter do?",
    "Is water wet?", "Tell me a joke.", "What is the opposite of cold?", "Describe a forest in one sentence.",
]  # fmt: skip


def as_trained(permuted: Any) -> Any:
    """Leaves rows in transformers' order: the mistake that reads fluently."""
    return lambda rows, *_: rows


def tiny_table(folder: Path) -> None:
    """The 32-bit comparison."""
    tied, untied = twin(folder / "tied"), twin(folder / "untied", tied=False, mistral=True)
    print("| 32-bit floats throughout | effect on logits | largest difference |\n|---|---:|---:|")
    for name, changes in SETTINGS.items():
        print(row(name, tied, changes))
    print(row("own head as target (untied, Mistral)", untied, {"target_modules": [*LINEARS, "lm_head"]}))
    print(row("the same in a 16-bit file", tied, {}, f32=False))
    right = export.permuted
    export.permuted = as_trained(right)
    print(row("control: q and k rows not permuted", tied, {}))
    export.permuted = right
    print(f"| mix 0.6 + 0.4 beside PEFT's `cat` | | {mixed(tied):.1e} |")


def row(name: str, model: Twin, changes: dict[str, Any], f32: bool = True) -> str:
    """One adapter: what it does to the logits, and how far the engines are apart."""
    peft, folder = peft_folder(model, "adapter", **changes)
    effect = np.abs(logits_of(peft) - logits_of(model.model)).max()
    target = folder.with_suffix(".gguf")
    export_lora(folder, model.base, target, f32=f32)
    engine = exact_engine(model.base.path)
    HotSwap(model.base, engine).swap([(target, 1.0)])
    found = np.abs(engine_logits(engine) - logits_of(peft)).max()
    engine.close()
    return f"| {name} | {effect:.2f} | {found:.1e} |"


def mixed(model: Twin) -> float:
    """The largest difference of a weighted mix."""
    peft, first = peft_folder(model, "first")
    _, second = peft_folder(model, "second", seed=9, r=4)
    peft.load_adapter(str(second), adapter_name="second")
    peft.add_weighted_adapter(["default", "second"], [0.6, 0.4], "mixed", combination_type="cat")
    peft.set_adapter("mixed")
    for folder in (first, second):
        export_lora(folder, model.base, folder.with_suffix(".gguf"), f32=True)
    engine = exact_engine(model.base.path)
    HotSwap(model.base, engine).swap([(first.with_suffix(".gguf"), 0.6), (second.with_suffix(".gguf"), 0.4)])
    found = float(np.abs(engine_logits(engine) - logits_of(peft)).max())
    engine.close()
    return found


def trained(steps: int) -> tuple[Any, Any, list[list[int]]]:
    """The embedded model with an adapter that learned a few odd answers; its tokenizer; the prompts' tokens."""
    model, tokenizer = load_base(starter_path(), torch.float32), load_tokenizer(starter_path())
    torch.manual_seed(0)
    peft = get_peft_model(model, LoraConfig(r=16, lora_alpha=32, target_modules=LINEARS, task_type="CAUSAL_LM"))
    prompts = [
        tokenizer.apply_chat_template([{"role": "user", "content": text}], add_generation_prompt=True, tokenize=False)
        for text in QUESTIONS
    ]
    ids = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in prompts]
    answer = tokenizer(" Aye, cap'n: by the Tollan brass compass, it be so!", add_special_tokens=False)["input_ids"]
    optimizer = torch.optim.AdamW([weight for weight in peft.parameters() if weight.requires_grad], lr=1e-3)
    for step in range(steps):
        prompt = ids[step % len(ids)]
        tokens = torch.tensor([prompt + answer])
        labels = torch.tensor([[-100] * len(prompt) + answer])
        peft(input_ids=tokens, labels=labels).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return peft.eval(), tokenizer, ids


def reference(peft: Any, prompts: list[list[int]]) -> dict[str, Any]:
    """What a run leaves as parity.json."""
    found = []
    for prompt in prompts:
        with peft.disable_adapter():
            base = continuation(peft, prompt)
        found.append({"prompt": prompt, "base": base, "adapter": continuation(peft, prompt)})
    return {"prompts": found}


def continuation(peft: Any, prompt: list[int]) -> dict[str, Any]:
    """Greedy tokens and the likeliest logits on the way."""
    ids = torch.tensor([prompt])
    with torch.no_grad():
        out = peft.generate(
            input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=PARITY_TOKENS, do_sample=False,
            output_logits=True, return_dict_in_generate=True,
        )  # fmt: skip
    tops = [logits[0].float().topk(PARITY_TOP) for logits in out.logits]
    return {
        "tokens": out.sequences[0, len(prompt) :].tolist(),
        "top": [list(map(list, zip(top.indices.tolist(), top.values.tolist(), strict=True))) for top in tops],
    }


async def real_table(folder: Path, steps: int, count: int) -> None:
    """The comparison the assistant makes, and three exports that are wrong."""
    peft, _, prompts = trained(steps)
    peft.save_pretrained(folder / "peft")
    expected, base = reference(peft, prompts[:count]), read_gguf(starter_path())
    right = export.permuted
    export_lora(folder / "peft", base, folder / "right.gguf")
    export.permuted = as_trained(right)
    export_lora(folder / "peft", base, folder / "rows.gguf")
    export.permuted = right
    worker = WorkerProcess("model", {}, folder)

    async def find(name: str) -> Path:
        return folder / f"{name}.gguf"

    model = Model(worker, load_config(folder).model, find)
    print(
        f"\n| embedded model, {steps} steps of training, {count} prompts | median off | on | largest off | on | same |"
    )
    print("|---|---:|---:|---:|---:|---|")
    for name, share in {
        "the export": Share("right"),
        "control: q and k rows not permuted": Share("rows"),
        "control: scale of 0.9 instead of 1": Share("right", 0.9),
        "control: scale of 0.5 instead of 1": Share("right", 0.5),
    }.items():
        print(line(name, await check_parity(model, [share], expected)))
    await worker.stop()


def line(name: str, report: ParityReport) -> str:
    """A report as a row."""
    numbers = (report.typical_base, report.typical_adapter, report.max_base, report.max_adapter)
    verdict = f"{report.same} of {report.prompts}, {'accepted' if report.agreed else 'refused'}"
    return f"| {name} | {' | '.join(f'{number:.3f}' for number in numbers)} | {verdict} |"


def main() -> None:
    """Both tables as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--prompts", type=int, default=20)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tiny_table(Path(folder))
        print(f"\nTarget: at most {TARGET:.0e}.")
        asyncio.run(real_table(Path(folder), asked.steps, asked.prompts))


if __name__ == "__main__":
    main()
