// What the pages share: streams with their heartbeats, clips in the order shown, and the lines that come in.
import { get, all } from "./api.js";

const KEPT_LINES = 40; // of each stream, for its feed
const COALESCE_MS = 150;
const KEPT_LEVELS = 90;

/** Streams by id, each {stream, health, lines, levels, moments}. Tells `change` with the stream's id, or "" for all. */
export class Streams extends EventTarget {
  byId = new Map();
  loaded = false;
  error = null;

  get list() {
    return [...this.byId.values()];
  }

  async load(signal) {
    try {
      const rows = await all("streams", {}, { signal });
      this.error = null;
      const before = this.byId;
      this.byId = new Map(rows.filter((row) => row.kind === "stream").map((row) => [row.id, this.#entry(before.get(row.id), row)]));
    } catch (error) {
      if (error.name === "AbortError") return;
      this.error = error;
    }
    this.loaded = true;
    this.#tell("");
  }

  /** The newest heartbeats and live signals of all streams. */
  async beat(signal) {
    if (!this.byId.size) return;
    try {
      const { items } = await get("live", {}, signal);
      for (const health of items) this.#beat(health);
      this.#tell("");
    } catch {
      // The state of the event stream says that the server is away; old figures stay, with their age
    }
  }

  /** Levels from before this page was opened. */
  recall(id, levels) {
    const entry = this.byId.get(id);
    const first = entry?.levels[0]?.t ?? Infinity;
    if (entry) entry.levels = [...levels.filter((each) => each.t < first), ...entry.levels].slice(-KEPT_LEVELS);
  }

  set(row) {
    this.byId.set(row.id, this.#entry(this.byId.get(row.id), row));
    this.#tell("");
  }

  delete(id) {
    this.byId.delete(id);
    this.#tell("");
  }

  name(id) {
    return this.byId.get(id)?.stream.name ?? id;
  }

  /** A line that a worker has delivered. */
  line({ kind, stream, line, session }) {
    const entry = this.byId.get(stream);
    if (!entry) return;
    if (kind === "moment") this.#moment(entry, line, session);
    if (kind === "state") entry.stream = { ...entry.stream, reason: String(line.reason ?? "") };
    if (["event", "gap", "warning", "error", "state", "moment"].includes(kind)) {
      entry.lines = [{ kind, line, at: Date.now() }, ...entry.lines].slice(0, KEPT_LINES);
    }
    this.#tell(stream);
  }

  #entry(before, stream) {
    return before ? { ...before, stream } : { stream, health: null, lines: [], levels: [], moments: new Map(), seen: 0 };
  }

  #beat(health) {
    const entry = this.byId.get(health.stream);
    if (!entry) return;
    if (entry.health?.beat !== health.beat) entry.seen = Date.now();
    entry.health = health;
    entry.stream = { ...entry.stream, state: health.state, wanted: health.wanted, session: health.session ?? entry.stream.session };
    const live = health.live;
    const level = live?.signals?.["audio.level"];
    if (Number.isFinite(level) && entry.levels.at(-1)?.t !== live.t_s) {
      entry.levels = [...entry.levels, { t: live.t_s, v: level }].slice(-KEPT_LEVELS);
    }
  }

  #moment(entry, line, session) {
    entry.moments.set(String(line.id), { ...line, session });
    if (entry.moments.size > KEPT_LINES) entry.moments.delete(entry.moments.keys().next().value);
  }

  #tell(id) {
    this.dispatchEvent(new CustomEvent("change", { detail: id }));
  }
}

/** Clips, newest first, as far as they were looked at. Tells `change`, `more` (new ones wait) and `clip` with a row. */
export class Clips extends EventTarget {
  items = [];
  waiting = [];
  filter = {};
  next = null;
  loaded = false;
  error = null;
  hold = false; // new ones wait: somebody reads further down
  scrollTop = 0;
  #loading = false;
  #touched = new Map();
  #timer = 0;
  #turn = 0;

  /** From the start, with a filter {state, review, stream, min_score, q}. */
  async load(filter = this.filter) {
    const turn = ++this.#turn;
    this.filter = filter;
    this.#loading = true;
    try {
      const part = await get("clips", { limit: 100, ...filter });
      if (turn !== this.#turn) return;
      Object.assign(this, { items: part.items, next: part.next, waiting: [], error: null, loaded: true });
    } catch (error) {
      if (turn !== this.#turn) return;
      Object.assign(this, { error, loaded: true });
    } finally {
      if (turn === this.#turn) this.#loading = false;
    }
    this.#tell("change");
  }

  /** The next part of the list. */
  async more() {
    if (this.#loading || !this.next || this.error) return;
    this.#loading = true;
    const turn = this.#turn;
    try {
      const part = await get("clips", { limit: 200, ...this.filter, after: this.next });
      if (turn !== this.#turn) return;
      const have = new Set(this.items.map((each) => each.id));
      this.items = [...this.items, ...part.items.filter((each) => !have.has(each.id))];
      this.next = part.next;
      this.#tell("change");
    } catch {
      // Asked again at the next scroll
    } finally {
      this.#loading = false;
    }
  }

  /** A clip line has come in: its row is asked for; many at once are one look at the list. */
  touch(id) {
    this.#touched.set(id, true);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#fetch(), COALESCE_MS);
  }

  async #fetch() {
    const ids = [...this.#touched.keys()];
    this.#touched.clear();
    try {
      const rows = ids.length > 4 ? (await get("clips", { limit: 100 })).items : await Promise.all(ids.map((id) => get(`clips/${id}`)));
      for (const row of rows.reverse()) this.put(row);
    } catch {
      // It is there at the next load
    }
  }

  /** A row that is new or has changed. */
  put(row) {
    const at = this.items.findIndex((each) => each.id === row.id);
    const waits = this.waiting.findIndex((each) => each.id === row.id);
    if (at >= 0) this.items = this.items.with(at, row);
    else if (waits >= 0) this.waiting = this.waiting.with(waits, row);
    else if (fits(row, this.filter)) {
      if (this.hold) this.waiting = [row, ...this.waiting];
      else this.items = [row, ...this.items];
      this.dispatchEvent(new CustomEvent("new", { detail: row }));
    }
    this.dispatchEvent(new CustomEvent("clip", { detail: row }));
    this.#tell("change");
  }

  /** Those that wait come in. */
  release() {
    this.items = [...this.waiting, ...this.items];
    this.waiting = [];
    this.#tell("change");
  }

  drop(id) {
    this.items = this.items.filter((each) => each.id !== id);
    this.#tell("change");
  }

  #tell(what) {
    this.dispatchEvent(new Event(what));
  }
}

/** Whether a clip that has just come belongs into a list with this filter. */
function fits(clip, { state, review, stream, min_score: least, q }) {
  if (state && clip.state !== state) return false;
  if (review && clip.review !== review) return false;
  if (stream && clip.stream !== stream) return false;
  if (least && !(clip.score >= Number(least))) return false;
  const text = `${clip.title} ${(clip.line?.reasons ?? []).join(" ")}`.toLowerCase();
  return !q || text.includes(q.toLowerCase());
}
