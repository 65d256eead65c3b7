// The service worker. It caches the page itself and the data that the page last loaded, so the page opens without
// a network and shows the last known status with its age. Requests go to the network first, except for files that never
// change. Error responses are never cached. It parses the names of objects, but not their contents.
//
// If the network does not return a listing, the worker creates one from the cached objects. Its `cached-at` header
// contains the time of the last listing.

const { scope } = registration;
// One origin may host several pages, so the cache names contain the scope.
const SHELL = `checkup shell ${scope} `;
const TEXTS = `checkup texts ${scope}`;
const DATA = `checkup data ${scope}`;
// If the network takes longer than this many milliseconds, a cached response is used instead.
const NETWORK_TIMEOUT = 8000;
// The maximum number of objects, and of characters in all of them. This is enough for a day of checks by three nodes,
// one per minute.
const MAX_OBJECTS = 5000;
const MAX_CHARACTERS = 16 << 20;
// The maximum number of characters in an object.
const MAX_OBJECT_CHARACTERS = 8 << 20;
// The number of concurrent requests while a newly active worker caches what the page has already loaded.
const CONCURRENT_REQUESTS = 6;

const sleep = time => new Promise(done => setTimeout(done, time));

// Returns the response from the network, or the cached response if the network fails or takes too long. Without a
// cached response, returns whatever the network eventually returns.
async function networkFirst(pending, cached) {
  const timeout = sleep(NETWORK_TIMEOUT);
  const response = await Promise.race([pending, timeout]).catch(() => undefined);
  return (response && response.status < 500 ? response : await cached()) ?? pending;
}

// This section caches the page itself.

// Returns the complete versions of the page, newest first. A version is complete when its HTML is cached, because the
// HTML is added last.
async function shells() {
  const names = (await caches.keys()).filter(name => name.startsWith(SHELL)).reverse();
  const found = await Promise.all(names.map(async name => ({ name, page: await (await caches.open(name)).match(scope) })));
  return found.filter(shell => shell.page);
}

const cachedPage = async () => (await shells())[0]?.page;

let caching = Promise.resolve();

// Caches a page and all files that it references, or nothing at all. The previous version is kept for tabs that are
// still loading it.
async function cacheShell(page) {
  // Browsers reject a redirected response for a different URL.
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
  const current = [name, newest?.name];
  for (const other of await caches.keys()) {
    if (other.startsWith(SHELL) && !current.includes(other)) await caches.delete(other);
  }
}

function cachePage(page) {
  caching = caching.then(() => cacheShell(page)).catch(() => {});
  return caching;
}

// The data that the page loads: the text of each object by URL, and its length in a separate store.

const result = request => new Promise((done, fail) => {
  request.onsuccess = () => done(request.result);
  request.onerror = () => fail(request.error);
});

let opened;
function database() {
  const open = () => {
    const request = indexedDB.open(DATA);
    request.onupgradeneeded = () => ['texts', 'lengths'].forEach(name => request.result.createObjectStore(name));
    return result(request);
  };
  return (opened ??= open());
}

const store = async (name, mode) => (await database()).transaction(name, mode).objectStore(name);
const cachedText = async key => result((await store('texts')).get(key));
const cachedKeys = async () => result((await store('lengths')).getAllKeys());

// Returns the cache key of a URL, without signatures and the start of listings, which change.
function keyOf({ origin, pathname, searchParams }) {
  return origin + pathname + (searchParams.get('with') ? '?with' : '');
}

// Returns the URL of the store that a request lists, or undefined for other requests.
function listedStore({ origin, pathname, searchParams }) {
  if (searchParams.get('list-type')) return origin + pathname;
  const match = pathname.match(/^(.*\/)(history\/_)?index\.json$/);
  return match && origin + match[1];
}

const IMMUTABLE = /\/\d{19}(-[a-z0-9-]{1,32})?-check\.json$/;
const isObject = ({ pathname }) => IMMUTABLE.test(pathname) || /\/history\/[^/]+\.json$/.test(pathname);

let batch = [];
let written;

// Objects that arrive together are written in one transaction.
function cacheText(key, text) {
  if (text.length > MAX_OBJECT_CHARACTERS) return;
  batch.push([key, text]);
  return (written ??= sleep(200).then(write));
}

async function write() {
  const entries = batch;
  [batch, written] = [[], undefined];
  const transaction = (await database()).transaction(['texts', 'lengths'], 'readwrite');
  const [texts, lengths] = ['texts', 'lengths'].map(name => transaction.objectStore(name));
  for (const [key, text] of entries) {
    texts.put(text, key);
    lengths.put(text.length, key);
  }
  const [keys, sizes] = await Promise.all([result(lengths.getAllKeys()), result(lengths.getAll())]);
  // Old check files are deleted first. Their names start with a time.
  const time = key => key.match(/\/(\d{19})[^/]*$/)?.[1] ?? '9';
  const order = keys.map((key, index) => [time(key), key, sizes[index]]).sort(([one], [other]) => (one < other) - (one > other));
  let total = 0;
  order.forEach(([, key, size], index) => {
    total += size;
    if (index < MAX_OBJECTS && total <= MAX_CHARACTERS) return;
    texts.delete(key);
    lengths.delete(key);
  });
  // If there is no disk space, the transaction is aborted and nothing is cached.
  await new Promise(done => (transaction.oncomplete = transaction.onabort = done));
}

// Whether the last listing was created from the cache. If so, cached objects are used without waiting for the network.
let isOffline = false;

async function cachedObject(key) {
  const text = await cachedText(key);
  return text === undefined ? undefined : new Response(text, { headers: { 'Content-Type': 'application/json' } });
}

// Returns a listing of the cached objects in the store's format.
async function cachedListing(url, storeUrl) {
  const cachedAt = await cachedText(storeUrl);
  if (!cachedAt) return;
  const objects = (await cachedKeys()).filter(key => key.startsWith(storeUrl) && isObject(new URL(key)));
  const names = objects.map(key => key.slice(storeUrl.length));
  const headers = { 'cached-at': cachedAt };
  isOffline = true;
  if (url.searchParams.get('list-type')) {
    const prefix = url.searchParams.get('prefix') ?? '';
    const matching = names.filter(name => decodeURIComponent(name).startsWith(prefix));
    const keys = matching.map(name => `<Contents><Key>${name}</Key></Contents>`).join('');
    return new Response(`<ListBucketResult><EncodingType>url</EncodingType>${keys}</ListBucketResult>`, { headers });
  }
  // `checker serve` can send contents in the index. Other servers ignore the query.
  const index = JSON.parse((await cachedText(`${storeUrl}index.json?with`)) ?? '{}');
  const contents = Object.entries(index).filter(([, content]) => typeof content === 'object');
  return new Response(JSON.stringify(Object.fromEntries([...names.map(name => [name, 0]), ...contents])), { headers });
}

// Responds to a store request, and caches the response.
async function respondWithData(event, request, url) {
  const storeUrl = listedStore(url);
  const key = keyOf(url);
  const cached = () => (storeUrl ? cachedListing(url, storeUrl) : cachedObject(key));
  const object = isOffline && !storeUrl && (await cached());
  if (object) return object;
  const response = await networkFirst(fetch(request), cached);
  // Cached responses have no URL. A server that caches responses sends their time.
  if (!response.ok || !response.url || response.headers.has('cached-at')) return response;
  if (storeUrl) {
    isOffline = false;
    event.waitUntil(cacheText(storeUrl, `${Date.now()}`));
  }
  if (!storeUrl || url.searchParams.get('with')) {
    const copy = response.clone();
    event.waitUntil(copy.text().then(text => cacheText(key, text)));
  }
  return response;
}

// Responds to a request for one of the page's other files: configuration, translations, images.
async function respondWithFile(event, request) {
  const cache = await caches.open(TEXTS);
  const cached = async () => {
    const response = await cache.match(request, { ignoreSearch: true });
    // Omits `Date`, which the page would compare with the device's clock.
    return response && new Response(response.body, { headers: { 'Content-Type': response.headers.get('Content-Type') } });
  };
  const response = await networkFirst(fetch(request), cached);
  if (response.ok && response.url) event.waitUntil(cache.put(request, response.clone()).catch(() => {}));
  return response;
}

async function respondWithPage(event, request) {
  const response = await networkFirst(fetch(request), cachedPage);
  if (response.ok) event.waitUntil(cachePage(response.clone()));
  return response;
}

// Returns the response to a request, or undefined if the worker does not handle it.
function respond(event, request) {
  const url = new URL(request.url);
  const isInScope = request.url.startsWith(scope);
  if (request.method !== 'GET') return;
  if (request.mode === 'navigate') {
    const path = url.origin + url.pathname;
    return [scope, `${scope}index.html`].includes(path) ? respondWithPage(event, request) : undefined;
  }
  if (listedStore(url) || isObject(url)) return respondWithData(event, request, url);
  if (isInScope && /-[0-9a-f]{13,16}[._]/.test(url.pathname)) return caches.match(request, { ignoreVary: true }).then(cached => cached ?? fetch(request));
  if (isInScope) return respondWithFile(event, request);
}

addEventListener('install', event => {
  skipWaiting();
  event.waitUntil(fetch(scope, { cache: 'no-cache' }).then(response => response.ok && cachePage(response)));
});

addEventListener('activate', event => event.waitUntil(clients.claim()));

addEventListener('fetch', event => {
  const response = respond(event, event.request);
  if (response) event.respondWith(response);
});

async function clear() {
  await registration.unregister();
  for (const name of await caches.keys()) {
    if (name.startsWith(SHELL) || name === TEXTS) await caches.delete(name);
  }
  (await database()).close();
  indexedDB.deleteDatabase(DATA);
}

// Caches the responses that arrived before the worker was active. Usually, the browser's cache still has them.
async function cacheLoaded(event, urls) {
  const work = [caching];
  const extendable = { waitUntil: promise => work.push(promise) };
  const next = async () => {
    for (let url; (url = urls.pop());) {
      await respond(extendable, new Request(url, { cache: 'force-cache' }))?.catch(() => {});
    }
  };
  await Promise.all(Array.from({ length: CONCURRENT_REQUESTS }, next));
  await Promise.allSettled(work);
  event.source.postMessage('cached');
}

addEventListener('message', event => event.waitUntil(event.data === 'clear' ? clear() : cacheLoaded(event, event.data)));

// A click on a notification shows the page.
async function showPage() {
  const [tab] = await clients.matchAll({ type: 'window' });
  return tab ? tab.focus() : clients.openWindow(scope);
}

addEventListener('notificationclick', event => {
  event.notification.close();
  event.waitUntil(showPage());
});
