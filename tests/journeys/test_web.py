"""The interface in a browser: a question is typed and answered over the websocket that the page opens."""

import asyncio
import re

import aiohttp
import pytest

from assistant.bootstrap import opened
from assistant.config import load_config
from assistant.web import opened_web

ANSWER = "You asked: Hello there."


async def screen_of(session, url, **headers):
    """What a page gets: status, headers, text."""
    async with session.get(url, headers=headers, allow_redirects=False) as reply:
        return reply.status, reply.headers, await reply.text(errors="replace")


async def read_until(socket, wanted):
    """Read what is drawn until a text stands there; escape sequences are left out."""
    drawn = ""
    async with asyncio.timeout(120):
        while wanted not in drawn:
            message = await socket.receive()
            assert message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY), message
            data = message.data if isinstance(message.data, str) else message.data.decode("utf-8", "replace")
            drawn += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", data)
    return drawn


@pytest.mark.timeout(300)
async def test_a_question_is_asked_in_a_browser(home):
    """Only with the token, by this name, from this page; nothing is fetched from elsewhere; one page at a time."""
    async with opened_web(["--home", str(home)], 0) as interface, aiohttp.ClientSession() as session:
        base = f"http://{interface.host}"
        for path in ("/", "/?token=wrong", "/ws", "/static/js/textual.js"):
            assert (await screen_of(session, base + path))[0] == 403, path
        assert (await screen_of(session, interface.url, Host="evil.example"))[0] == 403
        assert (await screen_of(session, interface.url, Origin="http://evil.example"))[0] == 403
        status, headers, _ = await screen_of(session, interface.url)
        assert status == 302 and headers["Location"] == "/" and "HttpOnly" in headers["Set-Cookie"]

        key = {"Cookie": f"assistant={interface.token}"}
        status, headers, page = await screen_of(session, base + "/", **key)
        assert status == 200 and "default-src 'none'" in headers["Content-Security-Policy"]
        assert "//" not in page.replace(f"ws://{interface.host}/ws", "").replace("<!DOCTYPE html>", "")
        for path in set(re.findall(r"/static/[\w./-]+", page)):
            assert (await screen_of(session, base + path, **key))[0] == 200, path

        address = f"ws://{interface.host}/ws?width=80&height=24"
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(address, headers=key | {"Origin": "http://evil.example"})
        async with session.ws_connect(address, headers=key | {"Origin": base}) as socket:
            with pytest.raises(aiohttp.WSServerHandshakeError) as second:
                await session.ws_connect(address, headers=key)
            assert second.value.status == 409
            await read_until(socket, "tokens")  # the status line: the model is loaded
            await socket.send_json(["stdin", "Hello there"])
            await read_until(socket, "there")
            await socket.send_json(["stdin", "\r"])
            await read_until(socket, ANSWER)
    async with opened(load_config(home)) as core:  # which nobody holds any longer
        [chat] = await core.conversations.recent()
        assert [each.text for each in await core.conversations.thread(chat.id)] == ["Hello there", ANSWER]
