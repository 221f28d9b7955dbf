// kinds_fixture.mjs - what the Rust module of the golden data says of itself and writes, for run.mjs to compare with.
//
//     node test/sdk_c/kinds_fixture.mjs golden/modules/kinds/kinds.wasm > test/sdk_c/kinds.json
import { readFileSync } from "node:fs";
import { Host } from "./host.mjs";

const unused = () => { throw new Error("not needed here"); };
const host = new Host(readFileSync(process.argv[2]), {
    procedure_start_mut_tx: unused, procedure_commit_mut_tx: unused, procedure_abort_mut_tx: unused, procedure_http_request: unused,
});
const hex = bytes => Buffer.from(bytes).toString("hex");
const fixture = { description: hex(host.description), kinds: [] };
for (let n = 0; n < 8; n++) {
    const outcome = host.call("add_kind", { n });
    if (!outcome.ok) throw new Error(JSON.stringify(outcome));
}
fixture.kinds = host.tables.get("kinds").rows.map(hex);
console.log(JSON.stringify(fixture, null, 1));
