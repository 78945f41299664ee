// What this browser has recorded and not yet handed over: IndexedDB, written through to the disk where it matters.

const NAME = "clipd-rooms";
const VERSION = 1;

/** Opens it; rejects where the browser gives none (a private window of some). */
export async function openIndex() {
  const opening = indexedDB.open(NAME, VERSION);
  opening.addEventListener("upgradeneeded", () => {
    const db = opening.result;
    db.createObjectStore("rooms", { keyPath: "room" }); // {room, pid, name, role, token}: who may upload there
    db.createObjectStore("segments", { keyPath: "seg" }); // one run of one MediaRecorder
    db.createObjectStore("parts", { keyPath: ["seg", "seq"] }); // {seg, seq, offset, length, sha}: what is sent as one
    db.createObjectStore("blobs", { keyPath: ["seg", "offset"] }); // the bytes, where there is no private file system
  });
  const db = await answer(opening);
  db.addEventListener("versionchange", () => db.close());
  return new Index(db);
}

class Index {
  #db;

  constructor(db) {
    this.#db = db;
  }

  /** Writes a row. `strict`: on the disk once this is answered. */
  async put(store, row, { strict = true } = {}) {
    const writing = this.#db.transaction(store, "readwrite", { durability: strict ? "strict" : "relaxed" });
    writing.objectStore(store).put(row);
    await finished(writing);
  }

  get(store, key) {
    return answer(this.#db.transaction(store).objectStore(store).get(key));
  }

  /** All rows, or those of one segment. */
  all(store, seg = null) {
    return answer(this.#db.transaction(store).objectStore(store).getAll(seg === null ? null : ofSegment(seg)));
  }

  /** Everything of a segment but its own row, which says that it was handed over. */
  async forgetBytes(seg) {
    const writing = this.#db.transaction(["parts", "blobs"], "readwrite");
    for (const store of ["parts", "blobs"]) writing.objectStore(store).delete(ofSegment(seg));
    await finished(writing);
  }

  async forget(seg) {
    await this.forgetBytes(seg);
    const writing = this.#db.transaction("segments", "readwrite");
    writing.objectStore("segments").delete(seg);
    await finished(writing);
  }
}

const ofSegment = (seg) => IDBKeyRange.bound([seg, 0], [seg, Infinity]);

function answer(request) {
  return new Promise((done, fail) => {
    request.addEventListener("success", () => done(request.result));
    request.addEventListener("error", () => fail(request.error));
    request.addEventListener("blocked", () => fail(new Error("Another tab holds an older version open. Close it.")));
  });
}

function finished(transaction) {
  return new Promise((done, fail) => {
    transaction.addEventListener("complete", () => done());
    transaction.addEventListener("error", () => fail(transaction.error));
    transaction.addEventListener("abort", () => fail(transaction.error));
  });
}
