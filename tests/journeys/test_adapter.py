"""An adapter goes onto the live model, changes its answers, is recorded, and comes off without a trace."""

import pytest

from adapters.files.gguf import read_gguf
from assistant.bootstrap import opened
from assistant.config import load_config
from assistant.conversation import Sampling
from assistant.errors import AdapterError
from assistant.models.location import resolve_model
from tests.made_gguf import lora

pytestmark = pytest.mark.usefixtures("base_alone")
GREEDY = Sampling(temperature=0, max_tokens=16)


def style(folder):
    """A random adapter for the embedded model, strong enough to be seen."""
    folder.mkdir(exist_ok=True)
    return lora(folder / "style.gguf", read_gguf(resolve_model("starter")), strength=0.5)


async def answer(core, text="Name three colours of the rainbow."):
    chat = await core.conversations.create(collections=[])
    return [event async for event in core.engine.ask(chat.id, text, sampling=GREEDY)][-1].message


async def test_on_stronger_off(real_home):
    """The same question: base, adapter, half strength, base again word for word; each turn says what answered it."""
    style(real_home / "adapters")
    async with opened(load_config(real_home)) as core:
        base = await answer(core)
        assert (base.model, base.adapter) == ("starter", "")
        pid = core.workers[0].pid
        assert await core.model.use_adapter("style") == core.model.adapter == "style"
        changed = await answer(core)
        assert changed.adapter == "style" and changed.text != base.text
        await core.model.use_adapter("style", 0.0)
        assert (await answer(core)).text == base.text
        await core.model.use_adapter(None)
        again = await answer(core)
        assert (again.text, again.adapter, core.model.adapter) == (base.text, "", "")
        assert core.workers[0].pid == pid


async def test_a_bad_adapter_is_refused_and_the_chat_goes_on(real_home, tmp_path):
    """Missing, no adapter, or broken: words, the state before stays, the next answer comes."""
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(style(tmp_path).read_bytes()[:-1000])
    text = tmp_path / "notes.gguf"
    text.write_text("Dear model")
    async with opened(load_config(real_home)) as core:
        for path in (tmp_path / "missing.gguf", broken, text):
            with pytest.raises(AdapterError):
                await core.model.use_adapter(str(path))
            assert core.model.adapter == ""
        assert (await answer(core)).text


async def test_the_adapter_comes_back_after_a_crash(real_home):
    """When the model process dies, the next answer is again the adapter's."""
    style(real_home / "adapters")
    async with opened(load_config(real_home)) as core:
        await core.model.use_adapter("style")
        before = await answer(core)
        core.workers[0]._process.kill()
        await core.workers[0]._process.wait()
        after = await answer(core)
        assert (after.text, after.adapter) == (before.text, "style")
