// ajv over the exported schema: node peer_ajv.js FOLDER [ROUNDS]
"use strict"
const Ajv = require("ajv/dist/2020")
const fs = require("fs")
const [dir, rounds] = [process.argv[2], Number(process.argv[3] || 7)]
const values = JSON.parse(fs.readFileSync(`${dir}/values.json`, "utf8"))
const validate = new Ajv({ strict: false }).compile(JSON.parse(fs.readFileSync(`${dir}/schema.json`, "utf8")))
let best = Infinity
for (let i = 0; i < rounds; i++) {
  const start = process.cpuUsage()
  if (!validate(values)) throw new Error(JSON.stringify(validate.errors))
  const spent = process.cpuUsage(start)
  best = Math.min(best, (spent.user + spent.system) / 1000)
}
console.log(`| ajv | all 20 fields given: check | ${best.toFixed(0)} |`)
