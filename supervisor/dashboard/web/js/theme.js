// Before anything is painted: the theme that was chosen on this machine; none: the system's.
"use strict";
try {
  const chosen = localStorage.getItem("clipd.theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // Storage is refused: the system's theme it is
}
