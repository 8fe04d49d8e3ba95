// Hands the surfaces that the program sends to the viewer, as soon as its canvases are there.
"use strict";
(() => {
  let show = null;
  function draw(scene) {
    if (!scene) return;
    if (!document.querySelector("[data-panel] canvas")) {
      requestAnimationFrame(() => draw(scene));
      return;
    }
    if (show) show(scene);
    else show = viewer(scene);
    document.body.dataset.drawn = Number(document.body.dataset.drawn || 0) + 1;  // so that a watcher knows
  }
  document.body.dataset.wheel = "zoom";
  trame.state.watch(["scene"], draw);
  draw(trame.state.get("scene"));  // of a page that is opened again
})();
