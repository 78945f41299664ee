// The page's side of store-worker.js. Tells `progress` with what was recorded, sent and verified.

export class Store extends EventTarget {
  progress = { segments: [], bps: 0, held: false, trouble: "" };
  #worker = new Worker(new URL("./store-worker.js", import.meta.url), { type: "module" });
  #waiting = new Map();
  #last = 0;

  constructor() {
    super();
    this.#worker.addEventListener("message", ({ data }) => (data.tells ? this.#told(data) : this.#answered(data)));
  }

  /** Ends once the worker has read its index. */
  async ready() {
    this.#told({ progress: await this.#ask("progress") });
  }

  /** Who may upload to a room: {room, pid, name, token}. */
  room(facts) {
    return this.#ask("room", { facts });
  }

  rooms() {
    return this.#ask("rooms");
  }

  /** A segment {seg, room, take, track, mime, t_ms, settings}. Gives where its bytes go: "file" or "blobs". */
  begin(facts) {
    return this.#ask("begin", { facts });
  }

  /** Ends once the bytes are on the disk; rejects where they are only in memory, and on their way to the server. */
  chunk(seg, blob) {
    return this.#ask("chunk", { seg, blob });
  }

  end(seg, tStopMs, reason) {
    return this.#ask("end", { seg, tStopMs, reason });
  }

  hold(on) {
    return this.#ask("hold", { on });
  }

  /** The server was heard of again: what waits for another try goes now. */
  hurry() {
    return this.#ask("hurry");
  }

  yieldToCall(isPoor) {
    return this.#ask("yield", { isPoor });
  }

  copy(seg) {
    return this.#ask("copy", { seg });
  }

  #ask(does, facts = {}) {
    const id = ++this.#last;
    this.#worker.postMessage({ id, does, ...facts });
    return new Promise((done, fail) => this.#waiting.set(id, { done, fail }));
  }

  #answered({ re, value, error }) {
    const { done, fail } = this.#waiting.get(re);
    this.#waiting.delete(re);
    if (error) fail(Object.assign(new Error(error.message), { name: error.name }));
    else done(value);
  }

  #told({ progress }) {
    this.progress = progress;
    this.dispatchEvent(new Event("progress"));
  }
}

/** Sums over segments: {made, sent, verified} in bytes, {parts, left} in parts, how many are still to be verified. */
export function sums(segments) {
  const total = { made: 0, sent: 0, verified: 0, parts: 0, left: 0, unverified: 0, refused: 0, lost: 0 };
  for (const { bytes, sent_bytes: sent, parts, sent_parts: sentParts, state, lost_bytes: lost = 0 } of segments) {
    if (!bytes) continue;
    total.made += bytes;
    total.sent += Math.min(sent, bytes);
    total.parts += parts;
    total.left += Math.max(parts - sentParts, 0);
    total.lost += lost;
    if (state === "verified") total.verified += bytes;
    else total.unverified += 1;
    if (state === "refused") total.refused += 1;
  }
  return total;
}
