// The page's service worker: keeps the page itself, whole versions only, and what it loaded last, so that it opens without
// a network and shows what was known, with its age. Everything is asked of the network first, save what never changes;
// answers that are errors are never kept. It knows names and lists, and nothing of what is in a check file.
//
// A list that the network does not give is made of what is kept, and says in the header `kept-at` when the last one came.

const { scope } = registration;
// Several pages may live under one origin.
const SHELL = `checkup shell ${scope} `;
const TEXTS = `checkup texts ${scope}`;
const DATA = `checkup data ${scope}`;
// How long the network may be silent before what is kept is shown, in milliseconds.
const PATIENCE = 8000;
// The most that is kept: a day of three nodes that look every minute, in objects and in characters.
const OBJECTS = 5000;
const CHARACTERS = 16 << 20;
// What is larger is not kept at all.
const LARGEST = 8 << 20;
// How many requests are under way at once where what was loaded before us is kept, too.
const AT_ONCE = 6;

const sleep = time => new Promise(done => setTimeout(done, time));

// The network's answer, or what is kept if it has none, or an answer that is about itself.
async function fresh(asking, kept) {
  const late = sleep(PATIENCE);
  const answer = await Promise.race([asking, late]).catch(() => undefined);
  return (answer && answer.status < 500 ? answer : await kept()) ?? asking;
}

// The page itself.

// The shells that are whole, the newest first: the page is put in last.
async function shells() {
  const names = (await caches.keys()).filter(name => name.startsWith(SHELL)).reverse();
  const found = await Promise.all(names.map(async name => ({ name, page: await (await caches.open(name)).match(scope) })));
  return found.filter(shell => shell.page);
}

const keptPage = async () => (await shells())[0]?.page;

let keeping = Promise.resolve();

// Keeps a page and the files that it names, all of them or none; the version before stays for whoever is about to load it.
async function keepShell(page) {
  // No browser takes one for the answer to another address.
  if (page.redirected) return;
  const text = await page.clone().text();
  const [newest] = await shells();
  if (text === (await newest?.page.text())) return;
  const files = [...text.matchAll(/(?:href|src)=["']?([^"'\s>]+-[0-9a-f]{13,16}[._][^"'\s>]*)/g)].map(([, file]) => file);
  const name = SHELL + Date.now();
  const shell = await caches.open(name);
  try {
    await shell.addAll(files);
    await shell.put(scope, page);
  } catch {
    await caches.delete(name);
    return;
  }
  const stay = [name, newest?.name];
  for (const other of await caches.keys()) {
    if (other.startsWith(SHELL) && !stay.includes(other)) await caches.delete(other);
  }
}

function keepPage(page) {
  keeping = keeping.then(() => keepShell(page)).catch(() => {});
  return keeping;
}

// What the page loads: texts of every object by their addresses, and apart from them how long each is.

const asked = request => new Promise((done, fail) => {
  request.onsuccess = () => done(request.result);
  request.onerror = () => fail(request.error);
});

let opened;
function database() {
  const opening = () => {
    const request = indexedDB.open(DATA);
    request.onupgradeneeded = () => ['texts', 'lengths'].forEach(name => request.result.createObjectStore(name));
    return asked(request);
  };
  return (opened ??= opening());
}

const store = async (name, mode) => (await database()).transaction(name, mode).objectStore(name);
const textOf = async address => asked((await store('texts')).get(address));
const addresses = async () => asked((await store('lengths')).getAllKeys());

// Signatures change from day to day, and lists begin at another time each time.
function addressOf({ origin, pathname, searchParams }) {
  return origin + pathname + (searchParams.get('with') ? '?with' : '');
}

// Where the store begins that a list is of; nothing if it is no list.
function listed({ origin, pathname, searchParams }) {
  if (searchParams.get('list-type')) return origin + pathname;
  const place = pathname.match(/^(.*\/)(history\/_)?index\.json$/);
  return place && origin + place[1];
}

const IMMUTABLE = /\/\d{19}(-[a-z0-9-]{1,32})?-check\.json$/;
const isObject = ({ pathname }) => IMMUTABLE.test(pathname) || /\/history\/[^/]+\.json$/.test(pathname);

let batch = [];
let written;

// Many come at once; they are written together.
function keep(address, text) {
  if (text.length > LARGEST) return;
  batch.push([address, text]);
  return (written ??= sleep(200).then(write));
}

async function write() {
  const together = batch;
  [batch, written] = [[], undefined];
  const transaction = (await database()).transaction(['texts', 'lengths'], 'readwrite');
  const [texts, lengths] = ['texts', 'lengths'].map(name => transaction.objectStore(name));
  for (const [address, text] of together) {
    texts.put(text, address);
    lengths.put(text.length, address);
  }
  const [names, sizes] = await Promise.all([asked(lengths.getAllKeys()), asked(lengths.getAll())]);
  // Rounds go first, the oldest of them before the others; their names begin with their time.
  const time = name => name.match(/\/(\d{19})[^/]*$/)?.[1] ?? '9';
  const order = names.map((name, place) => [time(name), name, sizes[place]]).sort(([one], [other]) => (one < other) - (one > other));
  let all = 0;
  order.forEach(([, name, size], place) => {
    all += size;
    if (place < OBJECTS && all <= CHARACTERS) return;
    texts.delete(name);
    lengths.delete(name);
  });
  // Where there is no room for it nothing of it is kept.
  await new Promise(done => (transaction.oncomplete = transaction.onabort = done));
}

// Whether the last list was not the network's: then objects are not either, if they are kept.
let isAway = false;

async function keptObject(address) {
  const text = await textOf(address);
  return text === undefined ? undefined : new Response(text, { headers: { 'Content-Type': 'application/json' } });
}

// A list of what is kept, as the store would give it.
async function keptList(url, place) {
  const at = await textOf(place);
  if (!at) return;
  const objects = (await addresses()).filter(name => name.startsWith(place) && isObject(new URL(name)));
  const names = objects.map(name => name.slice(place.length));
  const headers = { 'kept-at': at };
  isAway = true;
  if (url.searchParams.get('list-type')) {
    const prefix = url.searchParams.get('prefix') ?? '';
    const wanted = names.filter(name => decodeURIComponent(name).startsWith(prefix));
    const keys = wanted.map(name => `<Contents><Key>${name}</Key></Contents>`).join('');
    return new Response(`<ListBucketResult><EncodingType>url</EncodingType>${keys}</ListBucketResult>`, { headers });
  }
  // Some servers send contents in the list; others do not heed that they are asked to.
  const whole = JSON.parse((await textOf(`${place}index.json?with`)) ?? '{}');
  const contents = Object.entries(whole).filter(([, content]) => typeof content === 'object');
  return new Response(JSON.stringify(Object.fromEntries([...names.map(name => [name, 0]), ...contents])), { headers });
}

// Answers a request for something of the store, and keeps the answer.
async function data(event, request, url) {
  const place = listed(url);
  const address = addressOf(url);
  const kept = () => (place ? keptList(url, place) : keptObject(address));
  const known = isAway && !place && (await kept());
  if (known) return known;
  const answer = await fresh(fetch(request), kept);
  // What is kept has no address of its own.
  if (!answer.ok || !answer.url) return answer;
  if (place) {
    isAway = false;
    event.waitUntil(keep(place, `${Date.now()}`));
  }
  if (!place || url.searchParams.get('with')) {
    const copy = answer.clone();
    event.waitUntil(copy.text().then(text => keep(address, text)));
  }
  return answer;
}

// Answers a request for anything else of the page's own: its configuration, its texts, its pictures.
async function text(event, request) {
  const cache = await caches.open(TEXTS);
  const kept = async () => {
    const known = await cache.match(request, { ignoreSearch: true });
    // Without its time, by which a page would set its clock.
    return known && new Response(known.body, { headers: { 'Content-Type': known.headers.get('Content-Type') } });
  };
  const answer = await fresh(fetch(request), kept);
  if (answer.ok && answer.url) event.waitUntil(cache.put(request, answer.clone()).catch(() => {}));
  return answer;
}

async function page(event, request) {
  const answer = await fresh(fetch(request), keptPage);
  if (answer.ok) event.waitUntil(keepPage(answer.clone()));
  return answer;
}

// How a request is answered; nothing if it is none of our business.
function answerTo(event, request) {
  const url = new URL(request.url);
  const isOurs = request.url.startsWith(scope);
  if (request.method !== 'GET') return;
  if (request.mode === 'navigate') {
    const path = url.origin + url.pathname;
    return [scope, `${scope}index.html`].includes(path) ? page(event, request) : undefined;
  }
  if (listed(url) || isObject(url)) return data(event, request, url);
  if (isOurs && /-[0-9a-f]{13,16}[._]/.test(url.pathname)) return caches.match(request, { ignoreVary: true }).then(known => known ?? fetch(request));
  if (isOurs) return text(event, request);
}

addEventListener('install', event => {
  skipWaiting();
  event.waitUntil(fetch(scope, { cache: 'no-cache' }).then(answer => answer.ok && keepPage(answer)));
});

addEventListener('activate', event => event.waitUntil(clients.claim()));

addEventListener('fetch', event => {
  const answer = answerTo(event, event.request);
  if (answer) event.respondWith(answer);
});

async function forget() {
  await registration.unregister();
  for (const name of await caches.keys()) {
    if (name.startsWith(SHELL) || name === TEXTS) await caches.delete(name);
  }
  (await database()).close();
  indexedDB.deleteDatabase(DATA);
}

// What was loaded before we could hear of it: the browser has it still, as a rule.
async function catchUp(event, urls) {
  const work = [keeping];
  const waiting = { waitUntil: promise => work.push(promise) };
  const next = async () => {
    for (let url; (url = urls.pop());) {
      await answerTo(waiting, new Request(url, { cache: 'force-cache' }))?.catch(() => {});
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, next));
  await Promise.allSettled(work);
  event.source.postMessage('kept');
}

addEventListener('message', event => event.waitUntil(event.data === 'forget' ? forget() : catchUp(event, event.data)));
