// Lists whose elements stay: a button keeps its focus and a picture plays on while the text around it changes.

const kept = new WeakMap(); // container -> Map of key -> part

/** Shows `items` in `container`: `make(item)` gives {element, show}, once for each `key(item)`; `show(item)` after that. */
export function keyed(container, items, key, make) {
  const before = kept.get(container) ?? new Map();
  const now = new Map();
  for (const item of items) {
    const part = before.get(key(item)) ?? make(item);
    part.show(item);
    now.set(key(item), part);
  }
  for (const [name, part] of before) if (!now.has(name)) part.element.remove();
  let at = container.firstElementChild;
  for (const { element } of now.values()) {
    if (element === at) at = at.nextElementSibling;
    else container.insertBefore(element, at);
  }
  kept.set(container, now);
}
