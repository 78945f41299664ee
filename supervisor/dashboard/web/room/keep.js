// What this browser remembers from one visit to the next. Where storage is refused: for this visit.

const held = new Map();

/** Text or null. `area`: localStorage, or sessionStorage for what belongs to this tab. */
export function recall(name, area = "localStorage") {
  try {
    return globalThis[area].getItem(`clipd.${name}`) ?? held.get(name) ?? null;
  } catch {
    return held.get(name) ?? null;
  }
}

export function keep(name, text, area = "localStorage") {
  held.set(name, text);
  try {
    globalThis[area].setItem(`clipd.${name}`, text);
  } catch {
    // For this visit, then
  }
}

/** As recall, of JSON; `usual` where there is none or it is damaged. */
export function recallJson(name, usual) {
  try {
    return { ...usual, ...JSON.parse(recall(name) ?? "{}") };
  } catch {
    return usual;
  }
}
