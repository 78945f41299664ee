// What workers tell, as it happens: one stream of server-sent events, resumed where it broke off.

const SILENCE_MS = 40_000; // the server says something every 15 s
const FIRST_MS = 500;
const MOST_MS = 15_000;

/** Follows GET /events. Tells `event` {id, kind, stream, session, line}, `state` ("live", "connecting", "offline") and
 * `resync` when lines may have been missed: then lists have to be asked for again. */
export class Live extends EventTarget {
  state = "connecting";
  #last = null;
  #ending = new AbortController();
  #wake = () => {};

  start() {
    addEventListener("online", () => this.#wake(), { signal: this.#ending.signal });
    document.addEventListener("visibilitychange", () => document.hidden || this.#wake(), { signal: this.#ending.signal });
    this.#run();
  }

  stop() {
    this.#ending.abort();
    this.#wake();
  }

  async #run() {
    let wait = FIRST_MS;
    let had = false;
    while (!this.#ending.signal.aborted) {
      try {
        await this.#follow(() => {
          wait = FIRST_MS;
          if (had && this.#last === null) this.dispatchEvent(new Event("resync"));
          had = true;
        });
        this.#become("connecting");
      } catch {
        this.#become(had || wait > FIRST_MS ? "offline" : "connecting");
      }
      if (this.#ending.signal.aborted) return;
      await new Promise((done) => {
        this.#wake = done;
        setTimeout(done, wait);
      });
      wait = Math.min(wait * 2, MOST_MS);
    }
  }

  async #follow(opened) {
    const one = new AbortController();
    const end = () => one.abort();
    this.#ending.signal.addEventListener("abort", end, { once: true });
    let watchdog = setTimeout(end, SILENCE_MS);
    try {
      const headers = { Accept: "text/event-stream" };
      if (this.#last !== null) headers["Last-Event-ID"] = this.#last;
      const answer = await fetch("/api/v1/events", { headers, credentials: "same-origin", cache: "no-store", signal: one.signal });
      if (!answer.ok) throw new Error(`events: ${answer.status}`);
      opened();
      this.#become("live");
      let rest = "";
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return;
        clearTimeout(watchdog);
        watchdog = setTimeout(end, SILENCE_MS);
        rest = this.#frames(rest + value);
      }
    } finally {
      clearTimeout(watchdog);
      this.#ending.signal.removeEventListener("abort", end);
    }
  }

  /** Tells all whole frames of a text; gives what is left. */
  #frames(text) {
    const frames = text.split("\n\n");
    const rest = frames.pop();
    for (const frame of frames) {
      const fields = {};
      for (const line of frame.split("\n")) {
        const at = line.indexOf(": ");
        if (at > 0) fields[line.slice(0, at)] = line.slice(at + 2);
      }
      if (fields.id) this.#last = fields.id;
      if (fields.data) this.#tell(fields);
    }
    return rest;
  }

  #tell({ id, event, data }) {
    let said;
    try {
      said = JSON.parse(data);
    } catch {
      return;
    }
    if (said === null || typeof said.line !== "object" || said.line === null) return;
    this.dispatchEvent(new CustomEvent("event", { detail: { id, kind: event, ...said } }));
  }

  #become(state) {
    if (this.state === state) return;
    this.state = state;
    this.dispatchEvent(new CustomEvent("state", { detail: state }));
  }
}
