// The worker that keeps what is recorded and hands it over: neither a hidden tab nor a busy page slows it down.
// Takes {id, does, ...}, answers {re: id, value} or {re: id, error}; tells {tells: "progress" | "problem", ...} by itself.
import { openFiles } from "./chunk-files.js";
import { openIndex } from "./index-db.js";
import { Segment } from "./segment.js";
import { Uploader } from "./uploader.js";

const TELL_MS = 400;
const KEPT_MS = 24 * 3600_000; // that it was handed over is said this long

const rooms = new Map(); // id -> {room, pid, name, token}
const past = new Map(); // rows of segments that are handed over
const uploader = new Uploader({ tokenOf: (room) => rooms.get(room)?.token, changed: () => tellSoon(), done: forget });
const stores = open();
let telling = 0;

const DEEDS = {
  /** Who may upload to a room from now on. */
  async room({ facts }) {
    const { index } = await stores;
    await index.put("rooms", facts);
    rooms.set(facts.room, facts);
    uploader.hurry();
  },

  async rooms() {
    await stores;
    return [...rooms.values()];
  },

  async begin({ facts }) {
    const { index, files } = await stores;
    mine(facts.seg);
    uploader.add(await Segment.begin(facts, files, index));
    return files.kind;
  },

  async chunk({ seg, blob }) {
    const segment = uploader.segments.get(seg);
    try {
      await segment.append(await blob.arrayBuffer());
    } finally {
      uploader.wake();
      tellSoon();
    }
  },

  async end({ seg, tStopMs, reason }) {
    await uploader.segments.get(seg).close(tStopMs, reason);
    uploader.wake();
  },

  async hold({ on }) {
    uploader.hold(on);
  },

  async hurry() {
    uploader.hurry();
  },

  async yield({ isPoor }) {
    uploader.yieldToCall(isPoor);
  },

  async progress() {
    await stores;
    return progress();
  },

  /** The bytes of one segment as one file, for the person to keep where the server will not take it. */
  async copy({ seg }) {
    return (await stores).files.whole(seg, uploader.segments.get(seg).row.mime);
  },
};

self.addEventListener("message", async ({ data }) => {
  try {
    self.postMessage({ re: data.id, value: await DEEDS[data.does](data) });
  } catch (error) {
    self.postMessage({ re: data.id, error: { name: error.name, message: error.message } });
  }
});

async function open() {
  const index = await openIndex();
  const files = await openFiles(index);
  for (const row of await index.all("rooms")) rooms.set(row.room, row);
  for (const row of await index.all("segments")) {
    if (row.state !== "verified") adopt(row.seg, index, files);
    else if (Date.now() - row.opened > KEPT_MS) await index.forget(row.seg);
    else past.set(row.seg, row);
  }
  return { index, files };
}

/** Goes on with a segment of an earlier page, as soon as no other tab has it. */
function adopt(seg, index, files) {
  navigator.locks.request(lockOf(seg), async () => {
    const row = await index.get("segments", seg);
    if (!row) return undefined;
    if (row.state === "verified") past.set(seg, row);
    else uploader.add(await Segment.recover(row, files, index));
    tellSoon();
    return forEver();
  });
}

/** No other tab may touch it while this one lives. */
function mine(seg) {
  navigator.locks.request(lockOf(seg), forEver);
}

const lockOf = (seg) => `clipd.segment.${seg}`;
const forEver = () => new Promise(() => {});

async function forget(segment) {
  const { files, index } = await stores;
  const { row } = segment;
  uploader.segments.delete(row.seg);
  await files.remove(row.seg);
  await index.forgetBytes(row.seg);
  if (row.bytes) past.set(row.seg, row);
  else await index.forget(row.seg);
}

function tellSoon() {
  telling ||= setTimeout(() => {
    telling = 0;
    self.postMessage({ tells: "progress", progress: progress() });
  }, TELL_MS);
}

function progress() {
  const segments = [...uploader.segments.values()].map(({ row, parts }) => ({ ...row, parts: parts.length }));
  return { segments: [...segments, ...[...past.values()].map((row) => ({ ...row, parts: row.sent_parts }))], bps: uploader.rate, held: uploader.isHeld, trouble: uploader.trouble };
}
