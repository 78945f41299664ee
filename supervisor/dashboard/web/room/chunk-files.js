// Where recorded bytes lie until the server has them: one private file a segment, or IndexedDB where there are none.
// In a Worker: only there a file can be written and flushed at once.

const FOLDER = "rooms";

/** The best this browser gives. Both kinds: begin, append, end, size, read, whole, remove. */
export async function openFiles(index) {
  try {
    const root = await navigator.storage.getDirectory();
    const folder = await root.getDirectoryHandle(FOLDER, { create: true });
    if ("createSyncAccessHandle" in FileSystemFileHandle.prototype) return new PrivateFiles(folder);
  } catch {
    // Firefox in private windows, Safari before 15.2: then as blobs
  }
  return new BlobFiles(index);
}

/** The origin private file system: an open handle for each segment that is being recorded. */
class PrivateFiles {
  kind = "file";
  #folder;
  #open = new Map();

  constructor(folder) {
    this.#folder = folder;
  }

  async begin(seg) {
    const file = await this.#folder.getFileHandle(seg, { create: true });
    this.#open.set(seg, await file.createSyncAccessHandle());
  }

  /** Adds bytes; on the disk once it returns. Gives where they begin. Throws when there is no space. */
  async append(seg, bytes) {
    const handle = this.#open.get(seg);
    const at = handle.getSize();
    const written = handle.write(bytes, { at });
    if (written !== bytes.byteLength) {
      handle.truncate(at);
      throw new DOMException("The disk took a part of it.", "QuotaExceededError");
    }
    handle.flush();
    return at;
  }

  async end(seg) {
    this.#open.get(seg)?.close();
    this.#open.delete(seg);
  }

  async size(seg) {
    return this.#open.get(seg)?.getSize() ?? (await this.#file(seg)).size;
  }

  async read(seg, offset, length) {
    const handle = this.#open.get(seg);
    if (!handle) return (await this.#file(seg)).slice(offset, offset + length).arrayBuffer();
    const bytes = new Uint8Array(length);
    handle.read(bytes, { at: offset });
    return bytes.buffer;
  }

  /** All of it as a blob that is not read into memory. */
  async whole(seg, type) {
    const file = await this.#file(seg);
    return file.slice(0, file.size, type);
  }

  async remove(seg) {
    await this.end(seg);
    await this.#folder.removeEntry(seg).catch(() => {}); // it is gone already
  }

  async #file(seg) {
    return (await this.#folder.getFileHandle(seg)).getFile();
  }
}

/** IndexedDB: a row for each piece. */
class BlobFiles {
  kind = "blobs";
  #index;
  #sizes = new Map();

  constructor(index) {
    this.#index = index;
  }

  async begin(seg) {
    this.#sizes.set(seg, 0);
  }

  async append(seg, bytes) {
    const offset = this.#sizes.get(seg);
    await this.#index.put("blobs", { seg, offset, bytes: bytes.buffer });
    this.#sizes.set(seg, offset + bytes.byteLength);
    return offset;
  }

  async end(seg) {
    this.#sizes.delete(seg);
  }

  async size(seg) {
    const last = (await this.#index.all("blobs", seg)).at(-1);
    return last ? last.offset + last.bytes.byteLength : 0;
  }

  async read(seg, offset, length) {
    const found = new Uint8Array(length);
    for (const row of await this.#index.all("blobs", seg)) {
      const from = Math.max(offset, row.offset);
      const to = Math.min(offset + length, row.offset + row.bytes.byteLength);
      if (from < to) found.set(new Uint8Array(row.bytes, from - row.offset, to - from), from - offset);
    }
    return found.buffer;
  }

  async whole(seg, type) {
    return new Blob((await this.#index.all("blobs", seg)).map(({ bytes }) => bytes), { type });
  }

  async remove(seg) {
    await this.#index.forgetBytes(seg);
  }
}
