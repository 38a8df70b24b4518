// Prints the transcript that a WebAssembly module makes of recorded cases. The module may not
// import anything: it has no clock, no random numbers, no I/O.
//
//     node replay.mjs MODULE.wasm FILE.jsonl...

import { readFileSync } from "node:fs";

const [file, ...files] = process.argv.slice(2);
const module = new WebAssembly.Module(readFileSync(file));
const imports = WebAssembly.Module.imports(module);
if (imports.length > 0) {
    const names = imports.map(({ kind, module, name }) => `${kind} ${module}.${name}`);
    console.error(`${file} imports ${names.join(", ")}`);
    process.exit(1);
}
console.error(`${file} imports nothing`);

const { memory, reserve, replay, length } = new WebAssembly.Instance(module).exports;
const cases = Buffer.concat(files.map((file) => readFileSync(file)));
// Each call may move the memory: a view of it is made after the call and used at once.
const start = reserve(cases.length);
new Uint8Array(memory.buffer).set(cases, start);
const transcript = replay();
process.stdout.write(new Uint8Array(memory.buffer, transcript, length()));
