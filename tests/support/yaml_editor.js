// What an editor with the YAML language server says of a file that names its schema in the first line:
//   node yaml_editor.js FOLDER FILE LINE:COLUMN
// with yaml-language-server installed beside it. Prints a line for each mistake, and what can be written at the place.
"use strict"
const { spawn } = require("child_process")
const fs = require("fs")
const path = require("path")

const dir = path.resolve(process.argv[2])
const [line, column] = process.argv[4].split(":").map(Number)
const program = path.join(__dirname, "node_modules/.bin/yaml-language-server")
const server = spawn(process.execPath, [program, "--stdio"], { stdio: ["pipe", "pipe", "inherit"] })

let read = Buffer.alloc(0)
let asked = 0
let told
const answers = {}

const send = (message) => {
  const text = JSON.stringify({ jsonrpc: "2.0", ...message })
  server.stdin.write(`Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`)
}
const ask = (method, params) =>
  new Promise((resolve) => {
    asked += 1
    answers[asked] = resolve
    send({ id: asked, method, params })
  })

function take(message) {
  if (message.id !== undefined && message.method) { // the server asks for settings and the like: there are none
    const items = message.method === "workspace/configuration" ? message.params.items.map(() => null) : null
    send({ id: message.id, result: items })
  } else if (message.id !== undefined) {
    answers[message.id](message.result)
  } else if (message.method === "textDocument/publishDiagnostics" && told) {
    told(message.params.diagnostics)
  }
}

server.stdout.on("data", (bytes) => {
  read = Buffer.concat([read, bytes])
  for (;;) {
    const head = read.indexOf("\r\n\r\n")
    if (head < 0) return
    const length = Number(/Content-Length: (\d+)/i.exec(read.subarray(0, head).toString())[1])
    if (read.length < head + 4 + length) return
    const text = read.subarray(head + 4, head + 4 + length).toString()
    read = read.subarray(head + 4 + length)
    take(JSON.parse(text))
  }
})

async function main() {
  const uri = "file://" + path.join(dir, process.argv[3])
  const folder = { uri: "file://" + dir, name: "workspace" }
  await ask("initialize", { processId: process.pid, rootUri: folder.uri, workspaceFolders: [folder], capabilities: {} })
  send({ method: "initialized", params: {} })
  const yaml = { validate: true, completion: true, schemaStore: { enable: false } }
  send({ method: "workspace/didChangeConfiguration", params: { settings: { yaml } } })
  const mistakes = new Promise((resolve) => { told = resolve })
  const text = fs.readFileSync(path.join(dir, process.argv[3]), "utf8")
  send({ method: "textDocument/didOpen", params: { textDocument: { uri, languageId: "yaml", version: 1, text } } })
  for (const one of await mistakes) {
    console.log(`${one.range.start.line + 1}:${one.range.start.character + 1}: ${one.message}`)
  }
  const position = { line: line - 1, character: column - 1 }
  const offers = await ask("textDocument/completion", { textDocument: { uri }, position })
  console.log("offers: " + (offers.items || offers).map((item) => item.label).join(" "))
}

main().then(() => server.kill(), (e) => {
  console.error(e)
  server.kill()
  process.exit(1)
})
