// Elements made of values. Whatever comes from the API becomes text or a checked attribute, never markup.

const SVG = "http://www.w3.org/2000/svg";

/** Makes an element. `props`: `class`, `on` {event: listener}, `data` {name: value}, `vars` {"--x": value}, else
 * properties that the element has (`disabled`, `value`), else attributes; null, undefined and false attributes are left
 * out. Children: nodes, texts, numbers, lists of them; null and false are nothing. */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) set(element, name, value);
  put(element, children);
  return element;
}

function set(element, name, value) {
  if (value === null || value === undefined) return;
  if (name === "class") element.className = value;
  else if (name === "on") for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
  else if (name === "data") Object.assign(element.dataset, value);
  else if (name === "vars") for (const [key, text] of Object.entries(value)) element.style.setProperty(key, text);
  else if (name.startsWith("aria-") || name === "role" || name === "for" || name === "list") {
    if (value !== false) element.setAttribute(name, String(value));
  } else if (name in element) element[name] = value;
  else if (value !== false) element.setAttribute(name, value === true ? "" : String(value));
}

/** Adds children as `h` takes them. */
export function put(element, ...children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false || child === "") continue;
    element.append(child instanceof Node ? child : String(child));
  }
  return element;
}

/** Gives the element these children and no others. */
export function fill(element, ...children) {
  element.replaceChildren();
  return put(element, ...children);
}

/** Sets a text only where it changed: selections and screen readers are left in peace. */
export function say(element, text) {
  const wanted = String(text ?? "");
  if (element.textContent !== wanted) element.textContent = wanted;
}

/** An SVG element with attributes. */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children.flat());
  return element;
}

/** A URL of our own API, or null: what comes in an answer is never followed to another host. */
export function ownUrl(url) {
  return typeof url === "string" && url.startsWith("/api/v1/") ? url : null;
}

/** Calls `does` now and then until `signal` aborts; not while nobody looks at the page. */
export function every(ms, does, signal) {
  let timer = 0;
  const turn = async () => {
    if (!document.hidden) await does();
    if (!signal.aborted) timer = setTimeout(turn, ms);
  };
  signal.addEventListener("abort", () => clearTimeout(timer));
  if (!signal.aborted) turn();
}

/** The colour of a token as the canvas needs it. */
export function colour(token) {
  const probe = h("span", { hidden: true });
  probe.style.color = `var(--${token})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}
