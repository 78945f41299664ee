// The running stream as it can be gone back in: hls.js over the ring's own list, in media time.

let library = null;

/** Plays `url` in `video`. `edge_s()` is the media time of the newest footage, as the worker last said. Gives
 * {now(), seek(t_s), toLive(), destroy()}; `failed(text)` is called once nothing can be played. */
export async function openDvr(video, url, { edge_s: edge, failed }) {
  library ??= import("../vendor/hls.light.min.js");
  const { default: Hls } = await library;
  if (!Hls.isSupported()) {
    failed("This browser cannot play it: it has no Media Source Extensions.");
    return null;
  }
  const hls = new Hls({ enableWorker: false, liveSyncDurationCount: 2, liveDurationInfinity: false, backBufferLength: 30, maxBufferLength: 20 });
  let details = null;
  let shift = 0; // media time minus the player's time, as the list's end says
  hls.on(Hls.Events.LEVEL_UPDATED, (_name, data) => {
    details = data.details;
    const newest = edge();
    if (Number.isFinite(newest)) shift = newest - details.edge;
  });
  hls.on(Hls.Events.ERROR, (_name, data) => {
    if (!data.fatal) return;
    if (data.type === Hls.ErrorTypes.MEDIA_ERROR && !data.tried) {
      data.tried = true;
      return void hls.recoverMediaError();
    }
    const status = data.response?.code;
    failed(status === 404 ? "There is no footage to play: this server keeps none of this session, or its time was over." : "The footage does not play any more. Load the page again.");
    hls.destroy();
  });
  hls.loadSource(url);
  hls.attachMedia(video);
  return {
    now: () => video.currentTime + shift,
    behind: () => (details ? details.edge - video.currentTime : NaN),
    seek: (t) => (video.currentTime = Math.max(0, t - shift)),
    toLive: () => {
      if (details) video.currentTime = Math.max(0, (hls.liveSyncPosition ?? details.edge) - 0.5);
    },
    destroy: () => hls.destroy(),
  };
}
