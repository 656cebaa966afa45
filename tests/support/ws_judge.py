"""Judges of tests/e2e/websocket.sh: the report of the Autobahn cases, and the client of websockets."""
import asyncio
import collections
import json
import pathlib
import ssl
import sys

import websockets


def report(folder):
    seen, bad = collections.Counter(), []
    for path in pathlib.Path(folder).glob("*_case_*.json"):
        case = json.loads(path.read_text())
        seen[case["behavior"]] += 1
        if case["behavior"] not in ("OK", "NON-STRICT", "INFORMATIONAL") or \
                case["behaviorClose"] not in ("OK", "INFORMATIONAL"):
            bad.append("%s: %s, close %s: %s" % (case["id"], case["behavior"], case["behaviorClose"], case["result"]))
    print("Autobahn:", ", ".join("%d %s" % (count, name) for name, count in sorted(seen.items())))
    print("\n".join(bad[:20]), end="\n" if bad else "")
    return not bad and sum(seen.values()) > 250


async def talk(client):
    async with client as ws:
        assert ws.subprotocol == "chat", ws.subprotocol
        await ws.send("grüß Gott")
        assert await ws.recv() == "grüß Gott"
        await ws.send("")
        assert await ws.recv() == ""
        big = bytes(range(256)) * 20000
        await ws.send(big)
        assert await ws.recv() == big
        await ws.send(["in ", "", "pieces ", "€"])
        assert await ws.recv() == "in pieces €"
        await (await ws.ping("ping"))
        for i in range(500):
            await ws.send(str(i))
        assert [await ws.recv() for _ in range(500)] == [str(i) for i in range(500)]
        await ws.close(4321, "bye")
    assert (ws.close_code, ws.close_reason) == (4321, "bye"), (ws.close_code, ws.close_reason)


async def clients(port, tls_port, cert, path):
    same = {"subprotocols": ["none", "chat"], "compression": None, "max_size": None}
    await talk(websockets.connect("ws://127.0.0.1:" + port, **same))
    await talk(websockets.connect("ws://127.0.0.1:" + port, **dict(same, compression="deflate")))
    context = ssl.create_default_context(cafile=cert)
    await talk(websockets.connect("wss://localhost:" + tls_port, ssl=context, **same))
    await talk(websockets.unix_connect(path, uri="ws://localhost/", **same))
    await asyncio.gather(*(talk(websockets.connect("ws://127.0.0.1:" + port, **same)) for _ in range(20)))
    return True


async def drain(port):
    async with websockets.connect("ws://127.0.0.1:" + port) as ws:
        await ws.send("x")
        print(await ws.recv(), "open", flush=True)
        try:
            await asyncio.wait_for(ws.recv(), 10)
        except websockets.ConnectionClosed as e:
            print(e, flush=True)
            return e.rcvd is not None and e.rcvd.code == 1001
    return False


what = {"report": report, "clients": clients, "drain": drain}[sys.argv[1]](*sys.argv[2:])
sys.exit(0 if (asyncio.run(what) if asyncio.iscoroutine(what) else what) else 1)
