// Numbers and dates for people.

/** Media time: 75.3 -> "1:15", with tenths where asked. */
export function clock(seconds, tenths = false) {
  if (!Number.isFinite(seconds)) return "–";
  const sign = seconds < 0 ? "-" : "";
  const all = tenths ? Math.round(Math.abs(seconds) * 10) / 10 : Math.round(Math.abs(seconds));
  const hours = Math.floor(all / 3600);
  const minutes = Math.floor((all % 3600) / 60);
  const rest = all - hours * 3600 - minutes * 60;
  const tail = tenths ? rest.toFixed(1).padStart(4, "0") : String(rest).padStart(2, "0");
  return sign + (hours ? `${hours}:${String(minutes).padStart(2, "0")}:${tail}` : `${minutes}:${tail}`);
}

/** A length: 28.4 -> "28 s", 200 -> "3 min 20 s", 8000 -> "2 h 13 min". */
export function span(seconds) {
  if (!Number.isFinite(seconds)) return "–";
  if (seconds < 9.95) return `${Math.round(seconds * 10) / 10} s`;
  const all = Math.round(seconds);
  if (all < 60) return `${all} s`;
  if (all < 600) return `${Math.floor(all / 60)} min${all % 60 ? ` ${all % 60} s` : ""}`;
  if (all < 3600) return `${Math.round(all / 60)} min`;
  const minutes = Math.round((all % 3600) / 60);
  if (all < 86_400) return `${Math.floor(all / 3600)} h${minutes ? ` ${minutes} min` : ""}`;
  return `${Math.floor(all / 86_400)} d ${Math.round((all % 86_400) / 3600)} h`;
}

/** How long ago a date was. */
export function ago(date) {
  const seconds = (Date.now() - new Date(date).getTime()) / 1000;
  if (!Number.isFinite(seconds)) return "–";
  if (seconds < 5) return "now";
  if (seconds < 60) return `${Math.floor(seconds)} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  return new Date(date).toLocaleDateString(undefined, { day: "numeric", month: "short" });
}

const WHEN = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** A date and time in full. */
export function when(date) {
  const found = new Date(date);
  return Number.isNaN(found.getTime()) ? "–" : WHEN.format(found);
}

/** A number of bytes. */
export function size(bytes) {
  if (!Number.isFinite(bytes)) return "–";
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value >= 100 || unit === 0 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** A score from 0 to 1 as people read it: out of 100. */
export const score = (value) => (Number.isFinite(value) ? String(Math.round(value * 100)) : "–");

/** "by_chat-burst" -> "by chat burst". */
export const words = (code) => String(code ?? "").replace(/[_-]+/g, " ");

export const plural = (count, one, many = `${one}s`) => `${count.toLocaleString()} ${count === 1 ? one : many}`;
