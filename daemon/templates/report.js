"use strict";
// One clip plays at a time; a number on the strip plays its clip; commands can be copied. The page works without any of it.
const videos = [...document.querySelectorAll("video")];
for (const video of videos) {
  video.addEventListener("play", () => {
    for (const other of videos) if (other !== video) other.pause();
  });
}
for (const link of document.querySelectorAll("a[data-clip]")) {
  link.addEventListener("click", () => {
    const video = document.querySelector(`#clip-${link.dataset.clip} video`);
    if (video) video.play().catch(() => {});
  });
}
for (const button of document.querySelectorAll("button[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const code = button.previousElementSibling;
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(code);
    }
  });
}
