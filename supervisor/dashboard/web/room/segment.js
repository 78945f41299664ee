// One run of one MediaRecorder on its way: bytes come in, are cut into numbered parts, and leave by the uploader.
import { sha256 } from "../js/sha256.js";

export const PART_BYTES = 4 << 20; // the most that the server takes as one
const ENOUGH_BYTES = 256 << 10; // small ones travel together,
const ENOUGH_CHUNKS = 2; // but not for longer than two timeslices
const VOID = new Uint8Array([0xec, 0x80]).buffer; // an empty element of Matroska, in the place of bytes that are lost

/** `row`: {seg, room, take, track, mime, t_ms, settings, opened, closed, t_stop_ms, reason, state, bytes, sent_parts,
 * sent_bytes}; state: open, whole (all of it is there), verified (and the server has read it through), refused. */
export class Segment {
  parts = []; // {seq, offset, length, sha, held, bytes?}: held is one that the disk did not take
  have = new Set(); // the numbers that the server has
  underway = new Set();
  isRegistered = false;
  isStale = false; // what the server has must be asked for before anything is sent again
  failures = 0;
  notBefore = 0; // performance.now() ms
  #from = 0;
  #waiting = 0;
  #chunks = 0;
  #turn = Promise.resolve();

  constructor(row, files, index) {
    Object.assign(this, { row, files, index });
  }

  /** A new one, with its file and its row. */
  static async begin(facts, files, index) {
    const row = { ...facts, opened: Date.now(), closed: false, t_stop_ms: null, reason: "", state: "open", bytes: 0, sent_parts: 0, sent_bytes: 0 };
    await files.begin(row.seg);
    await index.put("segments", row);
    return new Segment(row, files, index);
  }

  /** One that an earlier page has left behind: its bytes count as far as they are in the file. */
  static async recover(row, files, index) {
    const segment = new Segment(row, files, index);
    segment.parts = await index.all("parts", row.seg);
    const last = segment.parts.at(-1);
    segment.#from = last ? last.offset + (last.held ? 0 : last.length) : 0;
    if (row.state !== "open") return segment;
    const size = await files.size(row.seg).catch(() => 0);
    segment.#waiting = Math.max(0, size - segment.#from);
    await segment.#cut(true);
    if (!row.closed) Object.assign(row, { closed: true, reason: "page_lost" });
    row.bytes = segment.#total();
    await index.put("segments", row);
    segment.isStale = true;
    return segment;
  }

  /** In the order they come, one after the other. Gives once the bytes are on the disk, or rejects: then they are kept
   * in memory and sent from there. */
  append(bytes) {
    return this.#after(() => this.#append(bytes));
  }

  close(tStopMs, reason) {
    return this.#after(async () => {
      await this.#cut(true);
      await this.files.end(this.row.seg);
      Object.assign(this.row, { closed: true, t_stop_ms: tStopMs, reason });
      await this.save();
    });
  }

  save(options) {
    return this.index.put("segments", this.row, options);
  }

  async bytesOf(part) {
    return part.bytes ?? this.files.read(this.row.seg, part.offset, part.length);
  }

  /** The server has this part. */
  sent(part) {
    this.have.add(part.seq);
    delete part.bytes;
    this.#count();
  }

  /** What the server says that it has: [[first, behind the last], ...]. */
  async know(ranges) {
    this.have = new Set(this.parts.map(({ seq }) => seq).filter((seq) => ranges.some(([from, to]) => from <= seq && seq < to)));
    for (const part of this.parts) if (part.held && !part.bytes && !this.have.has(part.seq)) await this.#fillHole(part);
    this.isStale = false;
    this.#count();
  }

  /** The next part that the server has not, or undefined. */
  get next() {
    return this.parts.find(({ seq }) => !this.have.has(seq) && !this.underway.has(seq));
  }

  get isSent() {
    return this.row.closed && this.parts.every(({ seq }) => this.have.has(seq));
  }

  /** One value for all parts in their order: h = SHA-256(h + SHA-256(part)). */
  async chain() {
    let h = new Uint8Array();
    for (const { sha } of this.parts) h = fromHex(await sha256(new Uint8Array([...h, ...fromHex(sha)]).buffer));
    return toHex(h);
  }

  #after(does) {
    const turn = this.#turn.then(does);
    this.#turn = turn.catch(() => {});
    return turn;
  }

  async #append(bytes) {
    const { seg } = this.row;
    this.row.bytes += bytes.byteLength;
    try {
      await this.files.append(seg, new Uint8Array(bytes));
    } catch (error) {
      await this.#cut(true); // what is on the disk goes first
      await this.#hold(bytes);
      throw error;
    }
    this.#waiting += bytes.byteLength;
    this.#chunks += 1;
    await this.#cut(false);
  }

  /** Makes parts of what waits in the file. */
  async #cut(isLast) {
    while (this.#waiting > PART_BYTES || (this.#waiting > 0 && (isLast || this.#waiting >= ENOUGH_BYTES || this.#chunks >= ENOUGH_CHUNKS))) {
      const length = Math.min(this.#waiting, PART_BYTES);
      const bytes = await this.files.read(this.row.seg, this.#from, length);
      await this.#add({ length, sha: await sha256(bytes) });
      this.#from += length;
      this.#waiting -= length;
      this.#chunks = 0;
    }
  }

  async #hold(bytes) {
    for (let at = 0; at < bytes.byteLength; at += PART_BYTES) {
      const piece = bytes.slice(at, at + PART_BYTES);
      await this.#add({ length: piece.byteLength, sha: await sha256(piece), held: true }, piece);
    }
  }

  async #add(facts, bytes = null) {
    const part = { seg: this.row.seg, seq: this.parts.length, offset: this.#from, held: false, ...facts };
    await this.index.put("parts", part).catch(() => {}); // after a crash it is cut anew from the file, the same
    this.parts.push(bytes ? { ...part, bytes } : part);
  }

  /** Neither this machine nor the server has it: its number is sent with nothing in it, and the loss is said. */
  async #fillHole(part) {
    this.row.lost_bytes = (this.row.lost_bytes ?? 0) + part.length;
    Object.assign(part, { length: VOID.byteLength, sha: await sha256(VOID), bytes: VOID });
  }

  #count() {
    this.row.sent_parts = this.have.size;
    this.row.sent_bytes = this.parts.reduce((sum, { seq, length }) => sum + (this.have.has(seq) ? length : 0), 0);
  }

  #total() {
    return this.parts.reduce((sum, { length }) => sum + length, 0);
  }
}

const fromHex = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
const toHex = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
