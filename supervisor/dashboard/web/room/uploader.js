// Hands segments over, the oldest part first: numbered, with their SHA-256, again after every interruption, and never one
// that the server has said it has.
import { ask } from "./net.js";

const MOST_AT_ONCE = 2;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;
const LOOK_MS = 1_000; // for the server's verdict on a whole segment
const RATE_MS = 10_000;
const LAST_WORDS = { verified: "verified", damaged: "refused", given_up: "refused" };

const FINAL_WORDS = ["chunk_differs", "no_media", "too_large"]; // the same would be answered again
const SOON = ["underway", "chunk_damaged", "upload_whole", "upload_damaged", "upload_incomplete"]; // asked, then sent again

export class Uploader {
  segments = new Map();
  trouble = ""; // "", offline, token, disk_full, or the server's own words: why nothing moves
  #tokens; // room -> upload token, or undefined
  #changed;
  #done;
  #running = 0;
  #held = false;
  #most = MOST_AT_ONCE;
  #timer = 0;
  #acks = []; // [when, bytes]

  /** `tokenOf(room)`: may be undefined; `changed()`: something moved; `done(segment)`: the server has verified it. */
  constructor({ tokenOf, changed, done }) {
    this.#tokens = tokenOf;
    this.#changed = changed;
    this.#done = done;
    self.addEventListener("online", () => this.hurry());
  }

  add(segment) {
    this.segments.set(segment.row.seg, segment);
    this.wake();
  }

  /** The host's word: nothing is sent until it is taken back. What is on its way ends. */
  hold(on) {
    this.#held = on;
    this.#changed();
    this.wake();
  }

  get isHeld() {
    return this.#held;
  }

  /** The call comes first where the line is poor. */
  yieldToCall(isPoor) {
    this.#most = isPoor ? 1 : MOST_AT_ONCE;
  }

  /** Waits are over: the network is back, or there is a new token. */
  hurry() {
    for (const segment of this.segments.values()) segment.notBefore = 0;
    this.wake();
  }

  /** Bytes a second over the last ten. */
  get rate() {
    const from = performance.now() - RATE_MS;
    this.#acks = this.#acks.filter(([at]) => at > from);
    return this.#acks.reduce((sum, [, bytes]) => sum + bytes, 0) / (RATE_MS / 1000);
  }

  wake() {
    clearTimeout(this.#timer);
    while (!this.#held && this.#running < this.#most) {
      const job = this.#next();
      if (!job) break;
      this.#run(job);
    }
    const soonest = Math.min(...[...this.segments.values()].map(({ notBefore }) => notBefore).filter((at) => at > performance.now()));
    if (soonest !== Infinity) this.#timer = setTimeout(() => this.wake(), Math.max(soonest - performance.now(), 10));
  }

  /** {segment, does}: what can be done now for the segment whose turn it is. */
  #next() {
    const now = performance.now();
    const ready = [...this.segments.values()].filter((each) => !each.isAlone && each.notBefore <= now && ["open", "whole"].includes(each.row.state) && this.#tokens(each.row.room));
    ready.sort((a, b) => Number(b.row.closed) - Number(a.row.closed) || a.row.sent_parts - b.row.sent_parts); // old ones, then those that lag
    for (const segment of ready) {
      const does = this.#step(segment);
      if (does) return { segment, does };
    }
    return null;
  }

  /** One step of a segment, or null. Registering, asking and finishing are done alone, parts two at a time. */
  #step(segment) {
    const { row } = segment;
    const alone = (does) => (segment.underway.size ? null : async () => {
      segment.isAlone = true;
      try {
        await does.call(this, segment);
      } finally {
        segment.isAlone = false;
      }
    });
    if (row.state === "whole") return alone(this.#look);
    if (!segment.parts.length && !row.closed) return null;
    if (!segment.isRegistered) return alone(this.#register);
    if (segment.isStale) return alone(this.#look);
    const part = segment.next;
    if (part) {
      segment.underway.add(part.seq); // at once: no other turn may take it
      return () => this.#send(segment, part);
    }
    return segment.isSent ? alone(this.#finish) : null;
  }

  async #run({ segment, does }) {
    this.#running += 1;
    try {
      await does();
      segment.failures = 0;
      this.trouble = "";
    } catch (error) {
      this.#failed(segment, error);
    }
    this.#running -= 1;
    this.#changed();
    this.wake();
  }

  async #register(segment) {
    const { seg, room, take, track, mime, t_ms, settings } = segment.row;
    const known = await this.#ask(segment, "POST", `rooms/${room}/segments`, { body: { seg, take, track, mime, t_ms, settings } });
    segment.isRegistered = true;
    await this.#know(segment, known);
  }

  async #look(segment) {
    await this.#know(segment, await this.#ask(segment, "GET", `uploads/${segment.row.seg}`));
  }

  async #know(segment, { state, have }) {
    if (segment.row.state === "open") await segment.know(have);
    await this.#take(segment, state);
  }

  async #send(segment, part) {
    try {
      const raw = await segment.bytesOf(part);
      const headers = { "Content-Type": "application/octet-stream", "X-Clipd-Sha256": part.sha };
      await this.#ask(segment, "PUT", `uploads/${segment.row.seg}/chunks/${part.seq}.part`, { raw, headers });
      segment.sent(part);
      this.#acks.push([performance.now(), part.length]);
      await segment.save({ strict: false }).catch(() => {}); // the server knows it better
    } finally {
      segment.underway.delete(part.seq);
    }
  }

  async #finish(segment) {
    const { row, parts } = segment;
    if (!parts.length) return void (await this.#take(segment, "verified")); // nothing was ever recorded in it
    const body = {
      chunks: parts.length, bytes: parts.reduce((sum, { length }) => sum + length, 0), chain: await segment.chain(),
      t_stop_ms: row.t_stop_ms, reason: row.reason,
    };
    await this.#ask(segment, "POST", `uploads/${row.seg}/final`, { body });
    await this.#take(segment, "whole");
  }

  async #take(segment, state) {
    const last = LAST_WORDS[state];
    if (last) segment.row.state = last;
    else if (state === "whole") {
      segment.row.state = "whole";
      segment.notBefore = performance.now() + LOOK_MS;
    }
    await segment.save();
    if (last === "verified") await this.#done(segment);
  }

  #ask(segment, method, path, options = {}) {
    return ask(method, path, { ...options, token: this.#tokens(segment.row.room) });
  }

  #failed(segment, error) {
    const now = performance.now();
    const wait = Math.min(FIRST_WAIT_MS * 2 ** segment.failures, LONGEST_WAIT_MS);
    if (segment.notBefore <= now) segment.failures = Math.min(segment.failures + 1, 10); // two that fail together are one failure
    segment.notBefore = now + Math.max(wait * (0.5 + Math.random() / 2), (error.waitS ?? 0) * 1000);
    segment.isStale = segment.isRegistered; // it may have come through all the same
    if (error.status === 0) this.trouble = "offline";
    else if (error.status === 401 || error.status === 403) {
      this.trouble = "token";
      segment.notBefore = now + LONGEST_WAIT_MS;
    } else if (error.status === 507) {
      this.trouble = "disk_full";
      segment.notBefore = now + LONGEST_WAIT_MS;
    } else if (error.status === 404) segment.isRegistered = segment.isStale = false;
    else if (FINAL_WORDS.includes(error.code)) this.#take(segment, "damaged");
    else if (!error.isPassing && !SOON.includes(error.code)) {
      this.trouble = error.message;
      segment.notBefore = now + LONGEST_WAIT_MS;
    }
  }
}
