// Keyboard first: what a key does here and now, and a list of it on "?".
import { h } from "./dom.js";
import { dialog } from "./ui.js";

const bindings = [];
const LABELS = { " ": "space", ArrowLeft: "←", ArrowRight: "→", Escape: "esc", Enter: "enter" };

/** Until `signal` aborts: `keys` is [[key, what it does in words, function], ...]. The newest binding of a key counts. */
export function bind(keys, signal) {
  const entry = { keys };
  bindings.push(entry);
  signal?.addEventListener("abort", () => bindings.splice(bindings.indexOf(entry), 1), { once: true });
}

/** Listens on the page, from now on. */
export function listen() {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (isTyping(event.target) || document.querySelector("dialog[open]")) return;
    const isPressed = event.target.closest?.("button, a, summary, [role=slider]");
    if (isPressed && (event.key === " " || event.key === "Enter")) return;
    if (event.target.closest?.("[role=slider]") && event.key.startsWith("Arrow")) return;
    const found = bindings.flatMap((entry) => entry.keys).findLast(([key]) => key === event.key);
    if (!found) return;
    event.preventDefault();
    found[2](event);
  });
}

function isTyping(target) {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || ["SELECT", "TEXTAREA"].includes(target.tagName)) return true;
  return target.tagName === "INPUT" && !["checkbox", "button", "submit", "radio"].includes(target.type);
}

/** The dialog of "?": what every key does on this page. */
export function showKeys() {
  const seen = new Map();
  for (const entry of bindings) for (const [key, what] of entry.keys) if (what) seen.set(key, what);
  dialog("Keys on this page", (body) => {
    body.append(h("dl", { class: "keys" }, [...seen].map(([key, what]) => [h("dt", {}, h("kbd", {}, LABELS[key] ?? key)), h("dd", {}, what)])));
  });
}
