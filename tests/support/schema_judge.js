// Judges exported schemas: node schema_judge.js cases.json, with ajv installed beside it. Every schema has to
// be valid for its own dialect, every good value accepted and every bad one refused.
"use strict"
const Ajv = require("ajv/dist/2020")
const fs = require("fs")

const { schemas, cases } = JSON.parse(fs.readFileSync(process.argv[2], "utf8"))
const options = { strictSchema: true, strictTypes: false, strictTuples: false, strictRequired: false, unicodeRegExp: true }
const compiled = {}
let wrong = 0
for (const name of Object.keys(schemas)) {
  try {
    compiled[name] = new Ajv(options).compile(schemas[name])
  } catch (e) {
    wrong += 1
    console.log(`schema ${name}: ${e.message}`)
  }
}
for (const { schema, name, value, good } of cases) {
  const validate = compiled[schema]
  if (!validate) continue
  const accepted = validate(value)
  if (accepted !== good) {
    wrong += 1
    const why = accepted ? "accepts what the contract refuses" : JSON.stringify(validate.errors[0])
    if (wrong <= 40) console.log(`${name} (${schema}): ${why}: ${JSON.stringify(value).slice(0, 300)}`)
  }
}
console.log(`${Object.keys(schemas).length} schemas, ${cases.length} values, ${wrong} wrong`)
process.exit(wrong > 0 ? 1 : 0)
