#!/usr/bin/env python3
"""Drives `poolscope mcp` with the official Python client (PyPI: mcp).

usage: mcp_client.py [--no-live] [--drive Z:] FOLDER COMMAND [ARG...]

FOLDER holds before.csv and after.csv; COMMAND starts the server with FOLDER allowed and as its recordings folder.
Runs everything twice: with the handshake of 2025 and with whatever the client prefers.
"""

import json
import os
import sys
import time

import anyio
import jsonschema
from mcp import Client
from mcp.client.stdio import StdioServerParameters

TOOLS = {"diagnose", "snapshot", "track", "analyze", "owner", "compare", "explain"}


def check(truth, what):
    if not truth:
        sys.exit(f"mcp client: {what}")


class Caller:
    """Calls tools and holds each answer to its schema and to its budget."""

    def __init__(self, client, tools):
        self.client = client
        self.schemas = {tool.name: tool.output_schema for tool in tools}
        for tool in tools:
            jsonschema.Draft202012Validator.check_schema(tool.input_schema)
            jsonschema.Draft202012Validator.check_schema(tool.output_schema)

    async def __call__(self, name, arguments, **options):
        result = await self.client.call_tool(name, arguments, **options)
        check(not result.is_error, f"{name} {arguments}: {result.content}")
        answer = result.structured_content
        jsonschema.validate(answer, self.schemas[name])
        unknown = set(answer) - set(self.schemas[name]["properties"])
        check(not unknown, f"{name}: the schema does not tell of {unknown}")
        check(json.loads(result.content[0].text) == answer, f"{name}: text and structure differ")
        size = len(result.content[0].text.encode())
        check(size <= arguments.get("max_bytes", 24_000), f"{name} {arguments}: {size} bytes")
        return answer

    async def refused(self, name, arguments):
        result = await self.client.call_tool(name, arguments)
        check(result.is_error, f"{name} {arguments} was not refused")


async def main(folder, shown, command, live, mode):
    server = StdioServerParameters(command=command[0], args=command[1:])
    async with Client(server, mode=mode, read_timeout_seconds=120) as client:
        check(client.server_info.name == "poolscope", "server name")
        tools = (await client.list_tools()).tools
        check({tool.name for tool in tools} == TOOLS, f"tools {tools}")
        call = Caller(client, tools)
        await call_each_tool(call, shown)
        if live:
            await sample(client, call, folder)
        await resources_and_prompts(client, live)
        await many_at_once(call)


async def resources_and_prompts(client, live):
    uris = [str(resource.uri) for resource in (await client.list_resources()).resources]
    check("poolscope://findings" in uris and "poolscope://findings/PS0101" in uris, f"resources {uris}")
    check(not live or "poolscope://recordings/from-client.poolscope" in uris, f"resources {uris}")
    for uri in uris:
        contents = (await client.read_resource(uri)).contents
        check(contents and contents[0].text, f"resource {uri} is empty")
    try:
        await client.read_resource("file:///etc/passwd")
        check(False, "a file was read as a resource")
    except Exception as error:  # the client has its own class for the protocol's errors
        check("no such resource" in str(error), f"resource outside: {error}")
    for prompt in (await client.list_prompts()).prompts:
        arguments = {argument.name: "x" for argument in prompt.arguments or []}
        check((await client.get_prompt(prompt.name, arguments)).messages, f"prompt {prompt.name} is empty")


async def call_each_tool(call, shown):
    before, after = f"{shown}/before.csv", f"{shown}/after.csv"
    for name in ("analyze", "diagnose"):
        report = await call(name, {"path": before})
        check(report["schema"] == "poolscope.report/1", f"{name}: schema")
        check(report["series"][0]["tag"] in ("Leak", "NDsh"), f"{name}: first series {report['series'][0]}")
    owners = await call("owner", {"tags": ["NtFC"]})
    check(owners["tags"][0]["tag"] == "NtFC", "owner")
    check("NDsh" in str(await call("compare", {"before_path": before, "after_path": after})), "compare")
    for what in ("PS0101", "NtFC", "EtwB", "Proc", "WCsc"):
        check((await call("explain", {"what": what}))["text"], f"explain {what}")
    seen = {}
    arguments = {"path": before, "max_bytes": 2000}
    while True:
        page = await call("analyze", arguments)
        for section in ("series", "findings"):
            seen[section] = seen.get(section, 0) + len(page.get(section, []))
        if "omitted" not in page:
            break
        arguments["continue"] = page["omitted"]["continue"]
    check(seen["series"] == 40 and seen["findings"] >= 2, f"paging handed out {seen}")
    for path in ("/etc/passwd", "..", f"{shown}/../x", "missing.csv"):
        await call.refused("analyze", {"path": path})
    await call.refused("analyze", {"path": before, "continue": "r999:series=1"})
    await call.refused("explain", {"what": "PS9999"})
    for name in ("../out", "a/b", "NUL", ".hidden"):
        await call.refused("track", {"samples": 2, "interval_seconds": 1, "name": name})


async def sample(client, call, folder):
    # As many as there are places for, so that one which did not end would keep the next call waiting.
    for _ in range(2):
        async with anyio.create_task_group() as tasks:
            for _ in range(4):
                await start_track(client, tasks)
            tasks.cancel_scope.cancel()
    notes = []

    async def progress(done, total, message):
        notes.append((done, total))

    since = time.monotonic()
    arguments = {"interval_seconds": 1, "samples": 3, "name": "from-client"}
    report = await call("track", arguments, progress_callback=progress)
    check(time.monotonic() - since < 20, "cancelled calls go on")
    check(report["schema"] == "poolscope.report/1" and report["source"]["samples"] >= 3, "track")
    check(notes == [(1, 3), (2, 3), (3, 3)], f"progress {notes}")
    check(os.path.exists(f"{folder}/from-client.poolscope"), "no recording was written")
    check((await call("snapshot", {"min_bytes": 1}))["series"], "snapshot")
    check((await call("diagnose", {"seconds": 5}))["summary"], "live diagnosis")


async def start_track(client, tasks):
    heard = anyio.Event()

    async def progress(*_):
        heard.set()

    async def track():
        await client.call_tool("track", {"interval_seconds": 1, "samples": 600}, progress_callback=progress)

    tasks.start_soon(track)
    with anyio.fail_after(30):
        await heard.wait()


async def many_at_once(call):
    async def one(number):
        owners = await call("owner", {"tags": [f"T{number:03}"]})
        check(owners["tags"][0]["tag"] == f"T{number:03}", f"call {number} got another's answer")

    with anyio.fail_after(120):
        async with anyio.create_task_group() as tasks:
            for number in range(100):
                tasks.start_soon(one, number)


if __name__ == "__main__":
    arguments = sys.argv[1:]
    live, drive = True, ""
    while arguments[0].startswith("--"):
        if arguments[0] == "--no-live":
            live, arguments = False, arguments[1:]
        else:
            drive, arguments = arguments[1], arguments[2:]
    for mode in ("legacy", "auto"):
        anyio.run(main, arguments[0], drive + arguments[0], arguments[1:], live, mode)
        if live:
            os.remove(f"{arguments[0]}/from-client.poolscope")
    print("mcp client: all calls answered as expected")
