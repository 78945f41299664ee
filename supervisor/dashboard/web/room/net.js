// The room's requests: no cookie, each with the token that it belongs to, errors in the API's one shape.

const BASE = "/api/v1";
const SLOW_MS = 120_000;

/** What the server said no with. `status` 0: nobody answered. */
export class Refused extends Error {
  constructor(status, { code = "", message = "", details = {} } = {}, waitS = 0) {
    super(message || (status ? `The server answered ${status}.` : "The server does not answer."));
    Object.assign(this, { status, code, details, waitS });
  }

  /** Whether the same may work later. */
  get isPassing() {
    return [0, 408, 425, 429, 500, 502, 503, 504].includes(this.status);
  }
}

/** Asks. `body`: JSON, `raw`: bytes, `token`: of the person. Gives the answer's JSON, or null. Throws Refused. */
export async function ask(method, path, { body, raw, token, headers = {} } = {}) {
  const sent = { Accept: "application/json", ...headers };
  if (token) sent.Authorization = `Bearer ${token}`;
  if (body !== undefined) sent["Content-Type"] = "application/json";
  const options = {
    method, headers: sent, body: raw ?? (body === undefined ? undefined : JSON.stringify(body)),
    credentials: "omit", redirect: "error", cache: "no-store", signal: AbortSignal.timeout(SLOW_MS),
  };
  let answer;
  try {
    answer = await fetch(`${BASE}/${path}`, options);
    if (answer.ok) return answer.status === 204 ? null : await answer.json();
  } catch {
    throw new Refused(0);
  }
  const said = await answer.json().catch(() => ({}));
  throw new Refused(answer.status, said.error, Number(answer.headers.get("Retry-After")) || 0);
}
