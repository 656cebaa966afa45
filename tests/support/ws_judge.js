// Judge of tests/e2e/websocket.sh: the client of npm's ws, which offers compression and does without.
"use strict";
const assert = require("assert");
const WebSocket = require("ws");

const ws = new WebSocket("ws://127.0.0.1:" + process.argv[2], ["chat"]);
const big = Buffer.alloc(3000000, "abc");
const heard = [];
setTimeout(() => { throw new Error("no end after 20 s"); }, 20000).unref();
ws.on("open", () => {
  assert.strictEqual(ws.protocol, "chat");
  assert.strictEqual(ws.extensions, "");
  ws.send("žluťoučký");
  ws.send("in pie", { fin: false });
  ws.ping("between");
  ws.send("ces", { fin: true });
  ws.send(big);
});
ws.on("pong", (data) => heard.push("pong " + data));
ws.on("message", (data, binary) => {
  heard.push(binary ? data : data.toString());
  if (binary) ws.close(1000, "done");
});
ws.on("close", (code, reason) => {
  assert.deepStrictEqual(heard.slice(0, 3).sort(), ["in pieces", "pong between", "žluťoučký"]);
  assert.ok(big.equals(heard[3]));
  assert.strictEqual(code, 1000);
  assert.strictEqual(reason.toString(), "done");
  process.exit(0);
});
