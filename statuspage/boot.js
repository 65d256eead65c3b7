// Starts the page. It is a file of its own since the Content-Security-Policy allows no inline script; the hashed
// names of the glue and the WebAssembly stand in the preload links that the build writes.
const script = document.querySelector('link[rel="modulepreload"]').href;
const wasm = document.querySelector('link[type="application/wasm"]').href;
const root = document.documentElement;

// Keeps the page for when there is no network, unless `config.json` says otherwise or it is shown in a frame; where the
// page comes neither by https nor from this machine there are no service workers.
const worker = window === parent && navigator.serviceWorker;
if (worker) {
  // What is asked for before the worker can hear of it.
  const urls = [];
  const note = (entries) => urls.push(...entries.map((entry) => entry.name));
  const observer = new PerformanceObserver((list) => note(list.getEntries()));
  if (!worker.controller) observer.observe({ type: "resource", buffered: true });
  worker.addEventListener("message", () => (root.dataset.offline = "kept"));
  const complete = new MutationObserver(async () => {
    const { complete: done, offline } = root.dataset;
    if (done !== "true") return;
    complete.disconnect();
    // The last ones may not have been told yet.
    note(observer.takeRecords());
    observer.disconnect();
    try {
      if (offline === "true") {
        await worker.register("sw.js", { updateViaCache: "none" });
        (await worker.ready).active.postMessage(urls);
      } else if (offline) {
        (await worker.getRegistration())?.active?.postMessage("forget");
      }
    } catch {
      // A page that cannot be kept is shown all the same.
    }
  });
  complete.observe(root, { attributeFilter: ["data-complete"] });
}

// The texts in the reader's language are asked for while the WebAssembly is on its way; it chooses as
// `src/language/choice.rs` does.
const languages = ["en", "de", "fr", "es", "pt", "ja", "zh", "ar"];
const wishes = [new URLSearchParams(location.search).get("lang"), ...navigator.languages, "en"];
const language = wishes.map((tag) => tag?.split("-")[0].toLowerCase()).find((code) => languages.includes(code));
const texts = { rel: "preload", as: "fetch", crossOrigin: "", href: `locales/${language}.txt` };
document.head.append(Object.assign(document.createElement("link"), texts));
// The browser takes its time for the first word about a language; this is when nothing else is to do.
setTimeout(Intl.DateTimeFormat, 0, language);

try {
  const { default: start } = await import(script);
  await start({ module_or_path: wasm });
} catch (error) {
  root.dataset.state = "broken";
  const boot = document.getElementById("boot");
  if (boot) {
    boot.textContent =
      "This page could not start. It needs a browser with WebAssembly, and a Content-Security-Policy that has 'wasm-unsafe-eval'. ";
    // The same place as for those without JavaScript.
    const link = document.createElement("a");
    link.href = "summary.html";
    link.textContent = "The state of things in plain words";
    boot.append(link);
  }
  throw error;
}
