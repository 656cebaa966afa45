// Loads statements into an embedded SurrealDB and prints what it then holds: nodes by address, edges by type.
import { readFileSync } from "node:fs";
import { Surreal } from "surrealdb";
import { createNodeEngines } from "@surrealdb/node";

const db = new Surreal({ engines: createNodeEngines() });
await db.connect("mem://");
await db.use({ namespace: "prov", database: "state" });
await db.query(readFileSync(process.argv[2], "utf8"));
const [info] = await db.query("INFO FOR DB");
const nodes = {}, edges = [];
for (const table of Object.keys(info.tables)) {
    const [rows] = await db.query("SELECT * FROM type::table($table)", { table });
    for (const row of rows) {
        if (row.in) edges.push([row.in.id, table, row.out.id].join(" "));
        else nodes[row.id.id] = { ...row, id: row.identity, identity: undefined };
    }
}
console.log(JSON.stringify({ nodes, edges: edges.sort() }, (_, v) => (typeof v === "bigint" ? Number(v) : v)));
await db.close();
