// Puts the functions of a WebAssembly next to those that they are most like, where brotli finds what they have in common
// more cheaply; `shrink.sh` runs it. Says nothing new: the order of functions means nothing to who runs them.
//
//   node statuspage/order.mjs BINARYEN WASM >TEXT
//
// BINARYEN is the package's index.js; TEXT is the same module as WebAssembly text.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [binaryenPath, wasmPath] = process.argv.slice(2);
const { default: binaryen } = await import(pathToFileURL(binaryenPath).href);

/// What more functions share than this tells nothing about any of them.
const COMMON = 600;

const [before, functions, after] = parts(binaryen.readBinary(readFileSync(wasmPath)).emitText().split("\n"));
const order = chain(functions.map(pairs));
process.stdout.write([before, ...order.map((place) => functions[place]), after].flat().join("\n"));

/// The lines before the functions, those of each function, and the lines after them.
function parts(lines) {
  const starts = lines.flatMap((line, place) => (line.startsWith(" (func ") ? [place] : []));
  // A function that takes more than its line ends with a parenthesis of its own.
  const last = starts.at(-1);
  const end = lines[last + 1].startsWith("  ") ? lines.indexOf(" )", last) + 1 : last + 1;
  const functions = starts.map((start, place) => lines.slice(start, starts[place + 1] ?? end));
  return [lines.slice(0, starts[0]), functions, lines.slice(end)];
}

/// Which pairs of instructions follow each other in a function.
function pairs(lines) {
  return new Set(lines.slice(1).map((line, place, all) => `${line.trim()}\n${all[place + 1]?.trim()}`));
}

/// The places of all these sets, each after the one that has most in common with it of those that are left. What few
/// have counts more, as in the search for documents (inverse document frequency), and sizes are made up for (Jaccard).
function chain(sets) {
  const having = new Map();
  for (const [place, set] of sets.entries()) {
    for (const pair of set) having.set(pair, [...(having.get(pair) ?? []), place]);
  }
  const weight = (pair) => Math.log(sets.length / having.get(pair).length);
  const sizes = sets.map((set) => [...set].reduce((sum, pair) => sum + weight(pair), 0));
  const left = new Set(sets.keys());
  const order = [];
  let place = sizes.indexOf(Math.max(...sizes));
  while (left.delete(place)) {
    order.push(place);
    const shared = new Map();
    for (const pair of sets[place]) {
      const others = having.get(pair);
      if (others.length >= COMMON) continue;
      for (const other of others) if (left.has(other)) shared.set(other, (shared.get(other) ?? 0) + weight(pair));
    }
    const likeness = (other) => (shared.get(other) ?? 0) / (sizes[place] + sizes[other] - (shared.get(other) ?? 0) || 1);
    place = [...left].reduce((best, other) => (best !== undefined && likeness(best) >= likeness(other) ? best : other), undefined);
  }
  return order;
}
