#!/usr/bin/env python3
"""Drives `poolscope mcp` with the official Python client (PyPI: mcp).

usage: mcp_client.py FOLDER COMMAND [ARG...]

FOLDER holds before.csv and after.csv; COMMAND starts the server with FOLDER allowed and as its recordings folder.
Runs everything twice: with the handshake of 2025 and with whatever the client prefers.
"""

import sys

import anyio
from mcp import Client
from mcp.client.stdio import StdioServerParameters


def check(truth, what):
    if not truth:
        sys.exit(f"mcp client: {what}")


async def main(folder, command, live, mode):
    server = StdioServerParameters(command=command[0], args=command[1:])
    async with Client(server, mode=mode, read_timeout_seconds=120) as client:
        check(client.server_info.name == "poolscope", "server name")
        tools = {tool.name for tool in (await client.list_tools()).tools}
        check(tools == {"diagnose", "snapshot", "track", "analyze", "owner", "compare", "explain"}, f"tools {tools}")
        for resource in (await client.list_resources()).resources:
            contents = (await client.read_resource(str(resource.uri))).contents
            check(contents and contents[0].text, f"resource {resource.uri} is empty")
        for prompt in (await client.list_prompts()).prompts:
            arguments = {argument.name: "x" for argument in prompt.arguments or []}
            check((await client.get_prompt(prompt.name, arguments)).messages, f"prompt {prompt.name} is empty")
        await call_each_tool(client, folder)
        if live:
            await cancel_track(client)
        await many_at_once(client)


async def call(client, name, arguments, **options):
    result = await client.call_tool(name, arguments, **options)
    check(not result.is_error, f"{name} {arguments}: {result.content}")
    return result.structured_content


async def call_each_tool(client, folder):
    before, after = f"{folder}/before.csv", f"{folder}/after.csv"
    for name in ("analyze", "diagnose"):
        report = await call(client, name, {"path": before})
        check(report["schema"] == "poolscope.report/1", f"{name}: schema")
        check(report["series"][0]["tag"] in ("Leak", "NDsh"), f"{name}: first series {report['series'][0]}")
    owners = await call(client, "owner", {"tags": ["NtFC"]})
    check(owners["tags"][0]["tag"] == "NtFC", "owner")
    check("NDsh" in str(await call(client, "compare", {"before_path": before, "after_path": after})), "compare")
    check((await call(client, "explain", {"what": "PS0101"}))["text"], "explain")
    first = await call(client, "analyze", {"path": before, "max_bytes": 2000})
    seen = len(first.get("series", []))
    while "omitted" in first:
        first = await call(client, "analyze", {"path": before, "max_bytes": 2000, "continue": first["omitted"]["continue"]})
        seen += len(first.get("series", []))
    check(seen == 40, f"paging handed out {seen} of 40 series")
    refused = await client.call_tool("analyze", {"path": "/etc/passwd"})
    check(refused.is_error, "a path outside was not refused")


async def cancel_track(client):
    heard = anyio.Event()

    async def progress(*_):
        heard.set()

    async def track():
        await client.call_tool("track", {"interval_seconds": 1, "samples": 600}, progress_callback=progress)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(track)
        with anyio.fail_after(30):
            await heard.wait()
        tasks.cancel_scope.cancel()
    report = await call(client, "track", {"interval_seconds": 1, "samples": 2, "name": "from-client"})
    check(report["schema"] == "poolscope.report/1", "track")
    snapshot = await call(client, "snapshot", {"min_bytes": 1})
    check(snapshot["series"], "snapshot")


async def many_at_once(client):
    async def one(number):
        owners = await call(client, "owner", {"tags": [f"T{number:03}"]})
        check(owners["tags"][0]["tag"] == f"T{number:03}", f"call {number} got another's answer")

    with anyio.fail_after(120):
        async with anyio.create_task_group() as tasks:
            for number in range(100):
                tasks.start_soon(one, number)


if __name__ == "__main__":
    arguments = sys.argv[1:]
    live = "--no-live" not in arguments
    arguments = [argument for argument in arguments if argument != "--no-live"]
    for mode in ("legacy", "auto"):
        anyio.run(main, arguments[0], arguments[1:], live, mode)
    print("mcp client: all calls answered as expected")
