"""Who judges the fake DingTalk: its official clients, which nobody here wrote, find its gateway
true, each in a process of its own.
"""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Awaitable, Callable

import pytest

from tests.vendors import judges
from tests.vendors.dingtalk import CLIENT, SECRET, FakeDingTalk
from tests.waiting import wait_until

MESSAGES = "/v1.0/im/bot/messages/get"
CARDS = "/v1.0/card/instances/callback"
PATIENCE = 60
"""Seconds for an interpreter to start on a busy machine."""

PYTHON = """
import sys
import dingtalk_stream as ds

class Heard(ds.ChatbotHandler):
    async def process(self, callback):
        print(ds.ChatbotMessage.from_dict(callback.data).text.content.strip(), flush=True)
        return ds.AckMessage.STATUS_OK, "OK"

class Pressed(ds.CallbackHandler):
    async def process(self, callback):
        press = ds.CardCallbackMessage.from_dict(callback.data)
        print(press.card_instance_id, press.user_id, press.content["cardPrivateData"]["actionIds"],
              flush=True)
        return ds.AckMessage.STATUS_OK, {"cardData": {"cardParamMap": {"title": "已接单"}}}

ds.DingTalkStreamClient.OPEN_CONNECTION_API = sys.argv[1] + "/v1.0/gateway/connections/open"
client = ds.DingTalkStreamClient(ds.Credential(sys.argv[2], sys.argv[3]))
client.register_callback_handler(ds.ChatbotMessage.TOPIC, Heard())
client.register_callback_handler(ds.CallbackHandler.TOPIC_CARD_CALLBACK, Pressed())
client.start_forever()
"""

NODE = """
const { DWClient, TOPIC_ROBOT, TOPIC_CARD } = require('dingtalk-stream');
const axios = require('axios');
const say = console.log;
console.info = () => {};
axios.defaults.proxy = false;
axios.interceptors.request.use((asked) => {
  asked.url = asked.url.replace('https://api.dingtalk.com', given.address);
  return asked;
});
const client = new DWClient({ clientId: given.client, clientSecret: given.secret });
client.reconnectInterval = 50;
client.registerCallbackListener(TOPIC_ROBOT, (frame) => {
  say(JSON.parse(frame.data).text.content.trim());
  client.socketCallBackResponse(frame.headers.messageId, 'OK');
});
client.registerCallbackListener(TOPIC_CARD, (frame) => {
  const press = JSON.parse(frame.data);
  const actions = JSON.parse(press.content).cardPrivateData.actionIds;
  say(press.outTrackId, press.userId, `['${actions.join("', '")}']`);
  const painted = { cardData: { cardParamMap: { title: '已接单' } } };
  client.socketCallBackResponse(frame.headers.messageId, painted);
});
client.connect();
"""


async def python(fake: FakeDingTalk) -> Process:
    command = [sys.executable, "-c", PYTHON, fake.address, CLIENT, SECRET]
    return await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=DEVNULL)


async def node(fake: FakeDingTalk) -> Process:
    given = {"address": fake.address, "client": CLIENT, "secret": SECRET}
    return await judges.start(NODE, given)


async def said(client: Process) -> str:
    assert client.stdout is not None
    async with asyncio.timeout(PATIENCE):
        return (await client.stdout.readline()).decode().strip()


async def heard(fake: FakeDingTalk, client: Process, words: str) -> None:
    """The client reads the words of a message and acknowledges them."""
    message = fake.message("anna", "customer:anna", text={"content": f" {words}"})
    ack = await fake.frame("CALLBACK", MESSAGES, message, within=PATIENCE)
    assert (ack["code"], json.loads(ack["data"])) == (200, {"response": "OK"})
    assert await said(client) == words


@pytest.mark.parametrize("start", [python, node])
async def test_the_official_client_finds_the_gateway_true(
    start: Callable[[FakeDingTalk], Awaitable[Process]],
) -> None:
    fake = FakeDingTalk()
    await fake.start()
    client = None
    try:
        client = await start(fake)
        await heard(fake, client, "灯坏了")
        ping = {"opaque": "0d6b"}
        assert json.loads((await fake.frame("SYSTEM", "ping", ping))["data"]) == ping
        press = fake.press("anna", "card-1", "b1", "k")
        answer = json.loads((await fake.frame("CALLBACK", CARDS, press))["data"])["response"]
        assert answer == {"cardData": {"cardParamMap": {"title": "已接单"}}}
        assert await said(client) == f"card-1 {fake.user('anna')} ['b1']"
        await (await fake.farewell()).close()

        async def again() -> bool:
            return fake.connections == 2

        await wait_until(again)
        await heard(fake, client, "还没来吗")
    finally:
        if client is not None:
            client.kill()
            await client.wait()
        await fake.stop()
