"use strict";
// What all pages share: packed data, light and dark, text that leaves the page.

/** The bytes that stand packed in the element of that id. */
async function unpack(id) {
  const packed = atob(document.getElementById(id).textContent.trim());
  const bytes = Uint8Array.from(packed, (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).arrayBuffer();
}

/** An element with properties and children; texts are texts, never markup. */
function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

/** Give the reader a text as a file. */
function saveText(name, text) {
  const link = element("a", { download: name, href: URL.createObjectURL(new Blob([text], { type: "text/plain" })) });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

/** Copy a text to the clipboard; returns whether that worked. */
async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = element("textarea", { value: text });
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

/** Light and dark: as the system has it until the button is used, and light on paper; `redraw` is called on a change. */
function followTheme(redraw) {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  let chosen = null;
  const show = (theme) => { root.dataset.theme = theme; redraw(); };
  const usual = () => show(chosen ?? (system.matches ? "dark" : "light"));
  document.getElementById("theme").addEventListener("click", () => {
    chosen = root.dataset.theme === "dark" ? "light" : "dark";
    usual();
  });
  system.addEventListener("change", usual);
  addEventListener("beforeprint", () => show("light"));
  addEventListener("afterprint", usual);
  usual();
}

/** The value of a color variable of the style sheet. */
function cssColor(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
