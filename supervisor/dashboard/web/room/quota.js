// Whether what is recorded has a place on this device, and for how long.

const WARN_MIN = 10;
const LEAST_MIN = 3;
export const MB = 1_000_000;

/** Asks the browser not to clear our storage; true, false, or null where it cannot be asked. On a click, some ask people. */
export async function persist() {
  try {
    return (await navigator.storage.persisted()) || (await navigator.storage.persist());
  } catch {
    return null;
  }
}

/** Free bytes, or NaN where the browser does not tell. */
export async function free() {
  try {
    const { quota, usage } = await navigator.storage.estimate();
    return quota - usage;
  } catch {
    return NaN;
  }
}

/** {minutes, isLow, isTooLow} for so many bytes at so many bits a second. What is not known is not refused. */
export function judge(bytes, bitsPerSecond) {
  const minutes = (bytes * 8) / bitsPerSecond / 60;
  return { minutes, isLow: minutes < WARN_MIN, isTooLow: minutes < LEAST_MIN };
}
