// Starts the page. It is a file of its own since the Content-Security-Policy allows no inline script; the hashed
// names of the glue and the WebAssembly stand in the preload links that the build writes.
const script = document.querySelector('link[rel="modulepreload"]').href;
const wasm = document.querySelector('link[type="application/wasm"]').href;

// The texts in the reader's language are asked for while the WebAssembly is on its way; it chooses as
// `src/language/choice.rs` does.
const languages = ["en", "de", "fr", "es", "pt", "ja", "zh", "ar"];
const wishes = [new URLSearchParams(location.search).get("lang"), ...navigator.languages, "en"];
const language = wishes.map((tag) => tag?.split("-")[0].toLowerCase()).find((code) => languages.includes(code));
const texts = { rel: "preload", as: "fetch", crossOrigin: "", href: `languages/${language}.txt` };
document.head.append(Object.assign(document.createElement("link"), texts));

try {
  const { default: start } = await import(script);
  await start({ module_or_path: wasm });
} catch (error) {
  document.documentElement.dataset.state = "broken";
  const boot = document.getElementById("boot");
  if (boot) {
    boot.textContent =
      "This page could not start. It needs a browser with WebAssembly, and a Content-Security-Policy that has 'wasm-unsafe-eval'. ";
  }
  throw error;
}
