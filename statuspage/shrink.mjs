// Takes out of a built page what no visitor needs; `shrink.sh` runs it where Node and npm's binaryen are at hand.
//
//   node statuspage/shrink.mjs BINARYEN DIST
//
// BINARYEN is the package's index.js, DIST a folder with the page's WebAssembly (with its names) and its glue.
//
// - The texts of panics: a panic ends in a trap whether or not somebody put its text together before, and in a browser
//   nobody would have seen it. With the texts goes most of the formatting code of the standard library.
// - The standard library's and the dependencies' own such texts, where they are still there.
// - The places in the sources where they would have been: paths, lines and columns.
// - How values look to programmers, which only such texts show, and the tables of which letters can be seen at all.
// - Streams from Rust to JavaScript, which a dependency exports to pages that stream; this one does not.
// - What of the glue is then called by nobody, the ways to start it that `boot.js` does not go, and the long names of what
//   remains.
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [binaryenPath, dist] = process.argv.slice(2);
const { default: binaryen } = await import(pathToFileURL(binaryenPath).href);

/// Functions that end in a trap, by the names that Rust gives them.
const PANICS =
  /(^|[^\w])(core|std|alloc|hashbrown|__rustc)(\[\w+\])?::(panicking|result::unwrap_failed|option::(unwrap|expect)_failed|cell::panic_already|raw_vec::(handle_error|capacity_overflow)|alloc::handle_alloc_error|slice::index::slice_index_fail|str::slice_error_fail|slice::copy_from_slice_impl::len_mismatch_fail|thread::local::panic_access_error|cell::lazy::panic_poisoned|slice::sort::shared::smallsort::panic_on_ord_violation|rust_panic)/;
/// What writes a value for programmers; it writes nothing and says that all is well.
const DEBUG = /^<(wasm_bindgen(\[\w+\])?::JsValue|str|char|bool|[iu](8|16|32|64|128|size)|\(\)|core(\[\w+\])?::\S*|&?\w+size) as core(\[\w+\])?::fmt::Debug>::fmt/;
/// What asks these tables, and nobody else.
const LETTERS = /^<char as core(\[\w+\])?::fmt::Debug>::fmt/;
/// What only a panic, or an error of a machine that a browser is not, would say.
const TEXTS = new RegExp(
  [
    "cannot access a Thread Local Storage value during or after destruction: ",
    "copy_from_slice: source slice length \\(|\\) does not match destination slice length \\(",
    "called `(Option|Result)::unwrap(_throw)?\\(\\)` on an? `(None|Err)` value",
    "a (formatting trait|Display) implementation returned an error (unexpectedly|when the underlying stream did not)",
    "LayoutError|Executor::spawn(_local)? called, but no global '\\w+' function is configured\\.",
    "attempt to (divide|calculate the remainder) with overflow|attempt to divide by zero",
    "attempt to calculate the remainder with a divisor of zero|`async fn` resumed after completion",
    "(LazyCell|LazyLock|Once) instance has previously been poisoned|one-time initialization may not be performed recursively",
    "RefCell already (mutably )?borrowed|Hash table capacity overflow|Tried to shrink to a larger capacity",
    "internal error: entered unreachable code(: JsValue passed is not an Error type -- this is a bug)?",
    "Attempted to initialize thread-local while it is being dropped",
    "(Dropped|Dereferenced) SendWrapper<T> variable from a thread different to the one it has been created with\\.",
    "assertion failed: (self\\.is_char_boundary\\(new_len\\)|step != 0|psize [<>]= size \\+ m(in|ax)_overhead)",
    "the guard should always be in place until the Drop implementation|future still here when dropping",
    "Tried to access a reactive value that has already been disposed\\.|inner is None only in drop",
    "attempt to join into collection with len > usize::MAX|Map must not be polled after it returned `Poll::Ready`",
    "entity not found[a-z().,\\- ]+(uncategorized|other) error|operation successful",
    "use of std::thread::current\\(\\) is not possible after the thread's local data has been destroyed",
    "failed to generate unique thread ID: bitspace exhausted|finish: (callbacks should be Some|result should be None)",
    "attempted to take ownership of Rust value while it was borrowed|null pointer passed to rust",
    "recursive use of an object detected which would lead to unsafe aliasing in rust|FnOnce called more than once",
    "polled Feed after completion|index out of bounds: the len is | out of range for slice of length ",
  ].join("|"),
  "g",
);
/// What serves streams from Rust to JavaScript alone: exports, and what polls for them. No destructors, since one that
/// is the same for several types bears the name of any of them.
const STREAMS = /^(__wbg_)?intounderlying|^js_sys::futures::future_to_promise/;

const files = readdirSync(dist);
const wasmPath = join(dist, files.find((file) => file.endsWith("_bg.wasm")));
const gluePath = join(dist, files.find((file) => /^statuspage-.*\.js$/.test(file)));
let glue = readFileSync(gluePath, "utf8");

const module = binaryen.readBinary(readFileSync(wasmPath));
const before = { wasm: readFileSync(wasmPath).length, glue: glue.length };

for (const { name } of all(module.getNumExports(), (n) => binaryen.getExportInfo(module.getExportByIndex(n)))) {
  if (STREAMS.test(name)) module.removeExport(name);
}
const tables = [];
for (const { name, module: from, params, results, body: was } of functions()) {
  if (from) continue;
  if (LETTERS.test(name)) tables.push(...numbersIn(was));
  const body = PANICS.test(name) || STREAMS.test(name) ? module.unreachable() : DEBUG.test(name) ? module.i32.const(0) : null;
  if (body) {
    module.removeFunction(name);
    module.addFunction(name, params, results, [], body);
  }
}
binaryen.setOptimizeLevel(2);
binaryen.setShrinkLevel(2);
binaryen.setDebugInfo(false);
module.optimize();
module.runPasses(["strip-debug", "strip-producers", "strip-target-features"]);

const stillNamed = functions().flatMap(({ module: from, body }) => (from ? [] : numbersIn(body)));

// Of the glue only what the module still asks for.
const wanted = new Set(imports().map(({ base }) => base));
glue = glue
  .replace(/^export class IntoUnderlying[^]*?^if \(Symbol\.dispose\).*$/gm, "")
  .replace(/^const IntoUnderlying.* = .*\n.*\n.*;$/gm, "")
  .replace(/^ {8}(\w+): function\([^]*?^ {8}\}(?:, arguments\); \})?,$/gm, (text, name) => (wanted.has(name) ? text : ""));

// One way to start it, that of `boot.js`, and how values look to programmers only where somebody still asks.
const ways = /^function initSync[^]*?(?=^export \{)/m;
if (ways.test(glue) && glue.includes("export { initSync, __wbg_init as default };")) {
  const start = `async function __wbg_init({ module_or_path }) {
    const { instance, module } = await __wbg_load(await fetch(module_or_path), __wbg_get_imports());
    return __wbg_finalize_init(instance, module);
}
`;
  glue = glue.replace(ways, start).replace("export { initSync, __wbg_init as default };", "export { __wbg_init as default };");
}
if (glue.match(/\bdebugString\(/g)?.length === 1) glue = glue.replace(/^function debugString[^]*?^}\n/m, "");

// Short names between the two, which nobody reads and every visitor would load twice.
for (const [place, { name, module: from, base, params, results }] of imports().entries()) {
  module.removeFunction(name);
  module.addFunctionImport(name, from, short(place), params, results);
  glue = glue.replace(`        ${base}: `, `        ${short(place)}: `);
}
for (const [place, { name, value }] of exportedFunctions().entries()) {
  module.removeExport(name);
  module.addFunctionExport(value, short(place));
  glue = glue.replaceAll(new RegExp(`\\bwasm\\.${name}\\b`, "g"), `wasm.${short(place)}`);
}
glue = glue.replaceAll(/wasm_bindgen__convert__closures_+invoke__h(\w{4})\w+/g, "invoke_$1");

const wasm = withoutTexts(withoutTables(withoutPlaces(Buffer.from(module.emitBinary()))));
writeFileSync(gluePath, glue);
writeFileSync(wasmPath, wasm);
console.log(`shrink: WebAssembly ${before.wasm} bytes before, ${wasm.length} after; glue ${before.glue} before, ${glue.length} after`);

function imports() {
  return functions().filter(({ module: from }) => from);
}

function exportedFunctions() {
  const exported = all(module.getNumExports(), (n) => binaryen.getExportInfo(module.getExportByIndex(n)));
  return exported.filter(({ kind }) => kind === binaryen.ExternalFunction);
}

/// The names a, b, …, z, aa, ab, …
function short(place) {
  const last = String.fromCharCode(97 + (place % 26));
  return place < 26 ? last : short(Math.floor(place / 26) - 1) + last;
}

function functions() {
  return all(module.getNumFunctions(), (n) => binaryen.getFunctionInfo(module.getFunctionByIndex(n)));
}

function all(count, read) {
  return Array.from({ length: count }, (_, n) => read(n));
}

/// All numbers that a function names, addresses in memory among them.
function numbersIn(body) {
  return [...binaryen.emitText(body).matchAll(/(?:i32\.const |offset=)(\d+)/g)].map(([, number]) => Number(number));
}

/// Blanks the tables that nobody asks any more: from each one's address to the next one's, if nothing that is left, code
/// or data, names any address there.
function withoutTables(wasm) {
  const segments = dataSegments(wasm);
  const words = segments.flatMap(({ address, start, end }) => {
    const first = start + ((4 - (address % 4)) % 4);
    return all(Math.max(0, (end - first) >> 2), (n) => ({ at: address - start + first + 4 * n, names: wasm.readUInt32LE(first + 4 * n) }));
  });
  const addresses = [...new Set(tables)].sort((one, other) => one - other);
  for (const [place, from] of addresses.slice(0, -1).entries()) {
    const to = addresses[place + 1];
    const isInside = (address) => address >= from && address < to;
    // What lies in a table is no address.
    if (stillNamed.some(isInside) || words.some(({ at, names }) => isInside(names) && !isInside(at))) continue;
    for (const { address, start, end } of segments) {
      const [first, last] = [Math.max(from, address), Math.min(to, address + end - start)];
      if (first < last) wasm.fill(0, start + first - address, start + last - address);
    }
  }
  return wasm;
}

/// Blanks what nobody is told.
function withoutTexts(wasm) {
  for (const { start, end } of dataSegments(wasm)) {
    for (const { 0: text, index } of wasm.toString("latin1", start, end).matchAll(TEXTS)) {
      wasm.fill(0, start + index, start + index + text.length);
    }
  }
  return wasm;
}

/// Blanks the paths of sources in the data, and the records (path, its length, line, column) that point to them.
function withoutPlaces(wasm) {
  const segments = dataSegments(wasm);
  const paths = new Map();
  for (const { address, start, end } of segments) {
    const text = wasm.toString("latin1", start, end);
    for (const { 0: path, index } of text.matchAll(/(\/rustc\/|\/rust\/deps\/|\/[\w.\/-]+\/(?:registry|rustlib)\/src\/|(?:statuspage|shared)\/src\/)[\w.\/@+-]+?\.rs/g)) {
      paths.set(address + index, path.length);
    }
  }
  const inData = (address) => segments.find((segment) => address >= segment.address && address < segment.address + segment.end - segment.start);
  for (const { address, start, end } of segments) {
    for (let at = start + ((4 - (address % 4)) % 4); at + 16 <= end; at += 4) {
      const [path, length, line, column] = [0, 4, 8, 12].map((offset) => wasm.readUInt32LE(at + offset));
      // A path may be followed by a zero that belongs to it.
      if (paths.has(path) && Math.abs(length - paths.get(path)) <= 1 && line < 1e5 && column < 1e3) wasm.fill(0, at, at + 16);
    }
  }
  for (const [address, length] of paths) {
    const { address: first, start } = inData(address);
    wasm.fill(0, start + address - first, start + address - first + length);
  }
  return wasm;
}

/// The data section's active segments: where each stands in memory, and where in the file.
function dataSegments(wasm) {
  let at = 8;
  const number = (signed) => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = wasm[at++];
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return signed && byte & 0x40 && shift < 25 ? value | (-1 << (shift + 7)) : value >>> 0;
    }
  };
  while (at < wasm.length) {
    const section = wasm[at++];
    const size = number();
    const next = at + size;
    if (section === 11) {
      return all(number(), () => {
        // Flags, `i32.const`, the address, `end`.
        number();
        at++;
        const address = number(true);
        at++;
        const length = number();
        const start = at;
        at += length;
        return { address, start, end: at };
      });
    }
    at = next;
  }
  return [];
}
