#!/usr/bin/env python3
"""Speaks to `poolscope mcp` without any client: what no well-behaved client sends.

usage: mcp_raw.py FOLDER COMMAND [ARG...]

FOLDER holds before.csv and after.csv; COMMAND starts the server with FOLDER allowed and no recordings folder.
Needs nothing but Python. Options before FOLDER: --drive Z: when the server is a Windows program and FOLDER a path of
the system below it.
"""

import hashlib
import json
import os
import pathlib
import queue
import subprocess
import sys
import threading
import time


def check(truth, what):
    if not truth:
        sys.exit(f"mcp raw: {what}")


class Server:
    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.said = queue.Queue()
        self.noise = b""
        threading.Thread(target=self.listen, daemon=True).start()
        threading.Thread(target=self.overhear, daemon=True).start()
        self.last = 0
        hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "raw", "version": "1"}}
        check(self.ask("initialize", hello)["result"]["serverInfo"]["name"] == "poolscope", "server name")
        self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def listen(self):
        for line in self.process.stdout:
            try:
                message = json.loads(line)
                self.said.put(message if message.get("jsonrpc") == "2.0" else {"not the protocol": line})
            except ValueError:
                self.said.put({"not the protocol": line})

    def overhear(self):
        self.noise = self.process.stderr.read()

    def raw(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def send(self, message):
        self.raw(json.dumps(message).encode() + b"\n")

    def next(self, seconds=30):
        try:
            message = self.said.get(timeout=seconds)
        except queue.Empty:
            return {}
        check("not the protocol" not in message, f"on standard output: {message}")
        return message

    def request(self, method, params):
        self.last += 1
        self.send({"jsonrpc": "2.0", "id": self.last, "method": method, "params": params})
        return self.last

    def ask(self, method, params):
        number = self.request(method, params)
        while True:
            message = self.next()
            check(message, f"no answer to {method}")
            if message.get("id") == number:
                return message

    def tool(self, name, arguments):
        return self.ask("tools/call", {"name": name, "arguments": arguments})

    def refused(self, name, arguments, reason):
        result = self.tool(name, arguments).get("result", {})
        text = str(result.get("content"))
        check(result.get("isError") and reason in text, f"{name} {arguments} was not refused with {reason!r}: {text[:300]}")


def odd_messages(server):
    for line, code, number in [
        (b"{ this is not json", -32700, None),
        (b"\xff\xfe", -32700, None),
        (b"[" * 100_000, -32700, None),
        (b"[]", -32600, None),
        (b'"x"', -32600, None),
        (b"{}", -32600, None),
        (b'{"jsonrpc":"1.0","id":5000,"method":"ping"}', -32600, 5000),
        (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600, None),
        (b'{"jsonrpc":"2.0","id":5001,"method":"no/such"}', -32601, 5001),
        (b'{"jsonrpc":"2.0","id":5002,"method":"tools/call","params":{"name":7}}', -32602, 5002),
        (b'{"jsonrpc":"2.0","id":5003,"method":"tools/call","params":{"name":"format_disk"}}', -32602, 5003),
        (b'{"jsonrpc":"2.0","id":5004,"method":"tools/call","params":{"name":"owner","arguments":{"tags":["' + b"A" * (32 << 20) + b'"]}}}', -32600, 5004),
    ]:
        server.raw(line + b"\n")
        answer = server.next()
        got = (answer.get("error", {}).get("code"), answer.get("id"))
        check(got == (code, number), f"{line[:60]} was answered with {str(answer)[:200]}")
    for line in (b"\n", b"  \r\n", b'{"jsonrpc":"2.0","method":"$/unknown"}\n', b'{"jsonrpc":"2.0","id":9,"result":{}}\n'):
        server.raw(line)
    # A message in pieces, and a batch of requests at once, whose answers may come in any order.
    server.raw(b'{"jsonrpc":"2.0","id":6000,"meth')
    time.sleep(0.1)
    server.raw(b'od":"ping"}\n')
    check(server.next().get("id") == 6000, "a message in pieces, or something that needs no answer got one")
    wanted = {server.request("tools/call", {"name": "owner", "arguments": {"tags": [f"T{n:03}"]}}): f"T{n:03}" for n in range(100)}
    for _ in range(100):
        answer = server.next()
        tag = answer["result"]["structuredContent"]["tags"][0]["tag"]
        check(wanted.pop(answer["id"], None) == tag, "an answer belongs to another question")


def paths(server, folder, shown):
    for path, reason in [
        ("..", "not a path"),
        (f"{shown}/../x", "not a path"),
        ("/etc/passwd", "outside"),
        (f"{shown}X/before.csv", "outside"),
        ("//server/share/x.csv", "outside"),
        ("missing.csv", "missing.csv"),
        ("", "not a path"),
        ("a\0b", "not a path"),
    ]:
        server.refused("analyze", {"path": path}, reason)
        server.refused("owner", {"tags": ["NtFC"], "path": path}, reason)
        server.refused("compare", {"before_path": "before.csv", "after_path": path}, reason)
    server.refused("track", {"name": "today"}, "--recordings")
    server.refused("track", {"name": "../today"}, "--recordings")
    if os.name != "posix":
        return
    with open(folder / "before.csv", "rb") as file:
        (folder.parent / "outside.csv").write_bytes(file.read())
    (folder / "links").mkdir()
    (folder / "links/out.csv").symlink_to(folder.parent / "outside.csv")
    (folder / "leads").symlink_to(folder.parent)
    os.mkfifo(folder / "fifo")
    server.refused("analyze", {"path": "links/out.csv"}, "outside")
    server.refused("analyze", {"path": "leads/outside.csv"}, "outside")
    if shown == str(folder):
        # Wine shows a link of this system as what it leads to, so only a path's own end can be judged there.
        server.refused("owner", {"tags": ["NtFC"], "path": "links"}, "leads out")
    server.refused("analyze", {"path": "fifo"}, "")


def swapped(server, folder):
    """A file that becomes a link and back all the time must never show what it leads to."""
    secret = folder.parent / "secret.csv"
    secret.write_text("time,tag,pool,allocs,frees,bytes\n1790000000,SECR,paged,1,0,1\n")
    plain, victim, spare = folder / "plain.csv", folder / "victim.csv", folder / "spare"
    plain.write_text("time,tag,pool,allocs,frees,bytes\n1790000000,OPEN,paged,1,0,1\n")
    stop = threading.Event()

    def swap():
        while not stop.is_set():
            for target in (plain, secret):
                spare.symlink_to(target)
                os.replace(spare, victim)

    victim.symlink_to(plain)
    swapper = threading.Thread(target=swap)
    swapper.start()
    try:
        shown = [str(server.tool("analyze", {"path": "victim.csv"})) for _ in range(200)]
    finally:
        stop.set()
        swapper.join()
        victim.unlink()
    check(not any("SECR" in answer for answer in shown), "a link that was swapped in was followed out of the folder")


def tree(folder):
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink()]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def keeps_to_itself(server):
    """No sockets, no other programs."""
    proc = pathlib.Path(f"/proc/{server.process.pid}")
    if not (proc / "fd").is_dir():
        return
    opened = [os.readlink(link) for link in (proc / "fd").iterdir() if link.is_symlink()]
    check(not any(name.startswith("socket:") for name in opened[3:]), f"a socket is open: {opened}")
    children = "".join(task.read_text() for task in proc.glob("task/*/children"))
    check(not children.strip(), f"it started {children}")


def main():
    arguments = sys.argv[1:]
    drive = ""
    if arguments[0] == "--drive":
        drive, arguments = arguments[1], arguments[2:]
    folder, command = pathlib.Path(arguments[0]), arguments[1:]
    before = tree(folder)
    server = Server(command)
    odd_messages(server)
    paths(server, folder, drive + str(folder))
    if not drive:
        swapped(server, folder)
    # A sampling of an hour ends with the connection.
    token = {"name": "track", "arguments": {"interval_seconds": 1, "samples": 3600}, "_meta": {"progressToken": "p"}}
    server.request("tools/call", token)
    if not drive:
        # Wine itself has sockets open, to its server.
        keeps_to_itself(server)
    changed = {name for name, digest in tree(folder).items() if before.get(name) != digest and not name.endswith("plain.csv")}
    check(not changed, f"files in the allowed folder changed: {changed}")
    server.process.stdin.close()
    ended = time.monotonic()
    server.process.wait(30)
    check(time.monotonic() - ended < 10, "it took long to end after its input had ended")
    check(server.process.returncode == 0, f"exit status {server.process.returncode}")
    print("mcp raw: odd messages, paths outside and the end of input were answered as expected")


main()
