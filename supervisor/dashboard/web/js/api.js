// The one way to the server: /api/v1 with the session's cookie, errors in one shape, a page of a list at a time.

const BASE = "/api/v1";
const NO_ROUTE = "There is nothing at this address"; // what is said of a path that is none; of a thing that is none it is named
const OFFLINE = "The server does not answer. Is clipd up running, and is this machine on its network?";
let csrf = "";
let signedOut = () => {};

/** What the server said no with. `status` 0: nobody answered. */
export class ApiError extends Error {
  constructor(status, code, message, details = [], trace = "") {
    super(message);
    Object.assign(this, { status, code, details, trace });
  }

  /** Whether the server has no such endpoint: an older one, or one that is not built yet. */
  get isMissing() {
    return this.status === 405 || this.status === 501 || (this.status === 404 && this.message.startsWith(NO_ROUTE));
  }

  get isAway() {
    return this.status === 0 || this.status === 502 || this.status === 503 || this.status === 504;
  }
}

/** Called once a request was answered 401. */
export function onSignedOut(does) {
  signedOut = does;
}

function key() {
  return [...crypto.getRandomValues(new Uint8Array(12))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Ask the server. `body`: JSON; `raw`: bytes. Gives the answer's JSON, or null. Throws ApiError, and AbortError. */
export async function ask(method, path, { body, raw, query, headers = {}, signal } = {}) {
  const url = new URL(path.startsWith("/") ? path : `${BASE}/${path}`, location.origin);
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== null && value !== undefined && value !== "") url.searchParams.set(name, value);
  }
  const sent = { Accept: "application/json", ...headers };
  if (body !== undefined) sent["Content-Type"] = "application/json";
  if (method !== "GET") {
    if (csrf) sent["X-Clipd-Csrf"] = csrf;
    if (method === "POST") sent["Idempotency-Key"] = key();
  }
  const answer = await attempt(url, { method, headers: sent, body: raw ?? (body === undefined ? undefined : JSON.stringify(body)), signal });
  if (answer.ok) return answer.status === 204 ? null : readJson(answer);
  const error = await asError(answer);
  if (error.status === 401 && !path.startsWith("sign-")) signedOut();
  throw error;
}

/** A GET that is asked too often waits as long as it is told, once. */
async function attempt(url, options) {
  const common = { credentials: "same-origin", redirect: "error", cache: "no-store" };
  try {
    const answer = await fetch(url, { ...options, ...common });
    if (answer.status !== 429 || options.method !== "GET") return answer;
    const wait = Math.min(Number(answer.headers.get("Retry-After")) || 1, 10);
    await new Promise((done) => setTimeout(done, wait * 1000));
    return await fetch(url, { ...options, ...common });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "offline", OFFLINE);
  }
}

async function readJson(answer) {
  try {
    return await answer.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "cut_off", "The answer broke off. Try again.");
  }
}

async function asError(answer) {
  let said = {};
  try {
    said = (await answer.json()).error ?? {};
  } catch {
    // A proxy's page: the status has to do
  }
  const details = Array.isArray(said.details) ? said.details : [];
  const message = typeof said.message === "string" ? said.message : `The server answered ${answer.status}.`;
  return new ApiError(answer.status, String(said.code ?? ""), message, details, String(said.trace_id ?? ""));
}

export const get = (path, query, signal) => ask("GET", path, { query, signal });
export const post = (path, body = {}) => ask("POST", path, { body });
export const patch = (path, body) => ask("PATCH", path, { body });
export const remove = (path) => ask("DELETE", path);

/** Everything of a list, `most` rows at most. */
export async function all(path, query = {}, { most = 1000, signal } = {}) {
  const items = [];
  let after = null;
  do {
    const part = await get(path, { limit: 200, ...query, after }, signal);
    items.push(...part.items);
    after = part.next;
  } while (after && items.length < most);
  return items;
}

/** Who is signed in, or null. */
export async function whoAmI() {
  try {
    const me = await get("me");
    csrf = me.csrf ?? "";
    return me;
  } catch (error) {
    if (error.status === 401) return null;
    throw error;
  }
}

/** Signs in with {token} or {name, password}. */
export async function signIn(given) {
  await ask("POST", "sign-in", { body: given });
  return whoAmI();
}

export async function signOut() {
  try {
    await post("sign-out");
  } finally {
    csrf = "";
  }
}

/** A message for people, with what is wrong field by field. */
export function told(error) {
  if (!(error instanceof ApiError)) return "Something went wrong in this page. Load it again.";
  const details = error.details.map((each) => `${each.field}: ${each.message}`).join("; ");
  return details ? `${error.message} ${details}` : error.message;
}
