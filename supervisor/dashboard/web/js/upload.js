// A file in pieces: resumed where it broke off, each piece known by its SHA-256.
import { ask, get, post } from "./api.js";
import { sha256 } from "./sha256.js";

const TRIES = 5;
const LONGEST_NAME = 80;

/** Sends `file`; `progress(part)` from 0 to 1. Gives the upload's id. Throws ApiError, AbortError. */
export async function upload(file, { progress, signal }) {
  const key = `clipd.upload.${file.name}.${file.size}.${file.lastModified}`;
  const begun = await resumed(key);
  const { id, state, chunk_bytes: chunk, have } = begun ?? (await post("uploads", { name: file.name.slice(-LONGEST_NAME), bytes: file.size }));
  remember(key, id);
  if (state === "whole") return id;
  for (let start = 0, number = 0; start < file.size; start += chunk, number += 1) {
    const end = Math.min(start + chunk, file.size);
    if (!have.some(([from, to]) => from <= start && end <= to)) await send(file, { id, start, end, number, signal });
    progress(end / file.size);
  }
  await post(`uploads/${id}/final`);
  return id;
}

async function resumed(key) {
  const id = localStorage.getItem(key);
  if (!id) return null;
  try {
    return await get(`uploads/${id}`);
  } catch {
    localStorage.removeItem(key);
    return null;
  }
}

function remember(key, id) {
  try {
    localStorage.setItem(key, id);
  } catch {
    // Then it cannot be resumed after this page is closed
  }
}

async function send(file, { id, start, end, number, signal }) {
  const raw = await file.slice(start, end).arrayBuffer();
  const headers = { "Content-Type": "application/octet-stream", "X-Clipd-Sha256": await sha256(raw) };
  for (let tried = 1; ; tried += 1) {
    try {
      await ask("PUT", `uploads/${id}/chunks/${number}.part`, { raw, headers, signal });
      return;
    } catch (error) {
      if (!error.isAway || tried >= TRIES) throw error;
      await new Promise((done) => setTimeout(done, 500 * 2 ** tried));
    }
  }
}
