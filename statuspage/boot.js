// Starts the page. The Content-Security-Policy does not allow inline scripts, so this is a separate file. It reads the
// hashed names of the WebAssembly and JavaScript files from the preload links that the build generates.
const script = document.querySelector('link[rel="modulepreload"]').href;
const wasm = document.querySelector('link[type="application/wasm"]').href;
const root = document.documentElement;
const boot = document.getElementById("boot");
// Without JavaScript, the page is not loading.
boot.hidden = false;

// Registers the service worker, which makes the page available offline, unless `config.json` disables it or the page is
// in a frame. Browsers support service workers only over HTTPS and on localhost.
const worker = window === parent && navigator.serviceWorker;
if (worker) {
  // The URLs that were requested before the worker was active. The worker then caches their responses, too.
  const urls = [];
  const record = (entries) => urls.push(...entries.map((entry) => entry.name));
  const observer = new PerformanceObserver((list) => record(list.getEntries()));
  if (!worker.controller) observer.observe({ type: "resource", buffered: true });
  worker.addEventListener("message", () => (root.dataset.offline = "cached"));
  const complete = new MutationObserver(async () => {
    const { complete: done, offline } = root.dataset;
    if (done !== "true") return;
    complete.disconnect();
    // The observer may not have been notified of the most recent requests yet.
    record(observer.takeRecords());
    observer.disconnect();
    try {
      if (offline === "true") {
        await worker.register("sw.js", { updateViaCache: "none" });
        (await worker.ready).active.postMessage(urls);
      } else if (offline) {
        (await worker.getRegistration())?.active?.postMessage("clear");
      }
    } catch {
      // The page works online even without a service worker.
    }
  });
  complete.observe(root, { attributeFilter: ["data-complete"] });
}

// Loads the behavior of the Subscribe menu when it is first opened, or if the visitor has turned on notifications.
const loadMenu = () => import("./subscribe.js");
if (worker && window.Notification) root.dataset.notify = "off";
addEventListener("toggle", ({ target }) => target.id === "subscribe" && loadMenu(), true);
try {
  if (localStorage.getItem(`checkup notifications ${location.pathname}`)) loadMenu();
} catch {
  // Without storage, no choice can have been saved.
}

// Requests the translations while the WebAssembly file is loading. `src/i18n/locale.rs` chooses the language in the
// same way.
const languages = ["en", "de", "fr", "es", "pt", "ja", "zh", "ar"];
const tags = [new URLSearchParams(location.search).get("lang"), ...navigator.languages, "en"];
const language = tags.map((tag) => tag?.split("-")[0].toLowerCase()).find((code) => languages.includes(code));
const texts = { rel: "preload", as: "fetch", crossOrigin: "", href: `locales/${language}.txt` };
document.head.append(Object.assign(document.createElement("link"), texts));
// The first use of a language in `Intl` is slow, so it happens while the page is waiting for the network.
setTimeout(Intl.DateTimeFormat, 0, language);

try {
  const { default: start } = await import(script);
  await start({ module_or_path: wasm });
} catch (error) {
  root.dataset.state = "broken";
  if (boot.isConnected) {
    boot.textContent =
      "This page could not start. It requires WebAssembly, and a Content-Security-Policy that allows 'wasm-unsafe-eval'. ";
    // `index.html` shows the same link if JavaScript is disabled.
    const link = document.createElement("a");
    link.href = "summary.html";
    link.textContent = "Read the summary instead";
    boot.append(link);
  }
  throw error;
}
