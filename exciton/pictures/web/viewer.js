// Turns the isosurfaces of all panels together, with one parallel camera and one scale. Needs nothing but WebGL 2.
// Panels are elements with data-panel and a canvas; what they show stands as JSON in the element "scene", or comes
// later: `const show = viewer(scene)` draws the first, `show(scene)` another in its place.
"use strict";
function viewer(scene) {
  const panels = [...document.querySelectorAll("[data-panel]")].map((box) => ({
    canvas: box.querySelector("canvas"), meshes: scene.panels[Number(box.dataset.panel)], seen: true,
  }));
  const start = { azimuth: scene.azimuth, elevation: scene.elevation, zoom: 1 };
  const view = { ...start };
  const options = { outer: true, outline: true, cut: scene.opened };

  // one drawing board for all panels: browsers allow few WebGL contexts on a page
  const board = document.createElement("canvas");
  const gl = board.getContext("webgl2", { alpha: false, antialias: true });
  if (!gl) {
    document.body.classList.add("no-webgl");
    return () => {};
  }

  const VERTEX = `#version 300 es
    in vec3 place; in vec3 normal; uniform float unit; uniform mat3 turn; uniform vec2 view;
    out vec3 towards; out vec3 at;
    void main() {
      at = place * unit; towards = turn * normal;
      vec3 seen = turn * at;
      gl_Position = vec4(seen.xy * view.x, -seen.z * view.y, 1.0);
    }`;
  const FRAGMENT = `#version 300 es
    precision highp float;
    in vec3 towards; in vec3 at; uniform vec3 colour; uniform float alpha; uniform int kind; uniform bool cut;
    out vec4 paint;
    void main() {
      if (cut && at.x > 0.0 && at.y < 0.0 && at.z > 0.0) discard;  // the octant before the camera at the start
      if (kind == 2) { paint = vec4(colour, 1.0); return; }
      vec3 n = normalize(towards);
      n *= n.z < 0.0 ? -1.0 : 1.0;
      if (kind == 1) { paint = vec4(colour, 0.03 + 0.5 * pow(1.0 - n.z, 6.0)); return; }  // a rim: the silhouette
      float light = 0.58 + 0.5 * max(dot(n, normalize(vec3(0.35, 0.55, 0.75))), 0.0);
      float gleam = 0.22 * pow(max(dot(n, normalize(vec3(0.2, 0.3, 0.95))), 0.0), 24.0);
      paint = vec4(min(colour * light + gleam, 1.0), alpha);
    }`;

  let program, where, meshes;
  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer;

  function shader(kind, source) {
    const made = gl.createShader(kind);
    gl.shaderSource(made, source);
    gl.compileShader(made);
    if (!gl.getShaderParameter(made, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(made));
    gl.attachShader(program, made);
  }

  function normals(points, triangles) {
    const sum = new Float32Array(points.length);
    for (let t = 0; t < triangles.length; t += 3) {
      const [a, b, c] = [0, 1, 2].map((k) => 3 * triangles[t + k]);
      const [ux, uy, uz] = [0, 1, 2].map((k) => points[b + k] - points[a + k]);
      const [vx, vy, vz] = [0, 1, 2].map((k) => points[c + k] - points[a + k]);
      const cross = [uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx];
      for (const corner of [a, b, c]) for (let k = 0; k < 3; k++) sum[corner + k] += cross[k];
    }
    return sum;
  }

  function filled(target, data) {
    const buffer = gl.createBuffer();
    gl.bindBuffer(target, buffer);
    gl.bufferData(target, data, gl.STATIC_DRAW);
    return buffer;
  }

  function attribute(name, data, type) {
    const buffer = filled(gl.ARRAY_BUFFER, data);
    const slot = gl.getAttribLocation(program, name);
    gl.enableVertexAttribArray(slot);
    gl.vertexAttribPointer(slot, 3, type, false, 0, 0);
    return buffer;
  }

  function upload(mesh) {
    const made = { ...mesh, array: gl.createVertexArray() };
    const points = new Int16Array(bytes(mesh.points));
    gl.bindVertexArray(made.array);
    made.buffers = [attribute("place", points, gl.SHORT)];
    made.count = points.length / 3;
    if (mesh.triangles) {
      const triangles = new Uint32Array(bytes(mesh.triangles));
      made.buffers.push(attribute("normal", normals(points, triangles), gl.FLOAT));
      made.buffers.push(filled(gl.ELEMENT_ARRAY_BUFFER, triangles));
      made.count = triangles.length;
    }
    return made;
  }

  function prepare() {
    program = gl.createProgram();
    shader(gl.VERTEX_SHADER, VERTEX);
    shader(gl.FRAGMENT_SHADER, FRAGMENT);
    gl.linkProgram(program);
    gl.useProgram(program);
    const names = ["unit", "turn", "view", "colour", "alpha", "kind", "cut"];
    where = Object.fromEntries(names.map((name) => [name, gl.getUniformLocation(program, name)]));
    meshes = scene.meshes.map(upload);
    gl.bindVertexArray(null);
    gl.enable(gl.DEPTH_TEST);
    gl.clearColor(1, 1, 1, 1);
    gl.blendFunc(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA);
  }

  function axes() {  // right, up and towards the eye, as rows
    const [sa, ca] = [Math.sin(view.azimuth), Math.cos(view.azimuth)];
    const [se, ce] = [Math.sin(view.elevation), Math.cos(view.elevation)];
    return [[-sa, ca, 0], [-se * ca, -se * sa, ce], [ce * ca, ce * sa, se]];
  }

  function put(mesh) {
    const kind = { solid: 0, mark: 0, veil: 0, rim: 1, lines: 2 }[mesh.kind];
    gl.bindVertexArray(mesh.array);
    gl.uniform3fv(where.colour, mesh.colour);
    gl.uniform1f(where.alpha, mesh.kind === "veil" ? 0.3 : 1);
    gl.uniform1i(where.kind, kind);
    gl.uniform1i(where.cut, options.cut && (mesh.kind === "veil" || (scene.opened && mesh.kind === "solid")) ? 1 : 0);
    if (kind === 2) gl.drawArrays(gl.LINES, 0, mesh.count);
    else gl.drawElements(gl.TRIANGLES, mesh.count, gl.UNSIGNED_INT, 0);
  }

  function paint(panel) {
    const density = window.devicePixelRatio || 1;
    const size = Math.round(Math.min(panel.canvas.clientWidth || 300, 900) * density);
    if (panel.canvas.width !== size) panel.canvas.width = panel.canvas.height = size;
    if (board.width !== size) board.width = board.height = size;
    gl.viewport(0, 0, size, size);
    const rows = axes();
    gl.uniform1f(where.unit, scene.unit);
    gl.uniformMatrix3fv(where.turn, false, [0, 1, 2].flatMap((k) => rows.map((row) => row[k])));
    gl.uniform2f(where.view, view.zoom / scene.half, 0.5 / scene.radius);
    gl.depthMask(true);
    gl.disable(gl.BLEND);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    const shown = panel.meshes.map((number) => meshes[number]);
    shown.filter((m) => m.kind === "solid" || m.kind === "mark").forEach(put);
    if (options.outline) shown.filter((m) => m.kind === "lines").forEach(put);
    gl.enable(gl.BLEND);  // see-through last, the far side before the near one
    gl.depthMask(false);
    gl.enable(gl.CULL_FACE);
    for (const side of [gl.FRONT, gl.BACK]) {
      gl.cullFace(side);
      if (options.outer) shown.filter((m) => m.kind === "veil").forEach(put);
      if (options.outline) shown.filter((m) => m.kind === "rim").forEach(put);
    }
    gl.disable(gl.CULL_FACE);
    const page = panel.canvas.getContext("2d");
    page.drawImage(board, 0, 0);
    letter(page, size, density, rows);
  }

  function letter(page, size, density, rows) {  // the axes and a bar of round length
    page.fillStyle = page.strokeStyle = "#222222";
    page.font = `${12 * density}px sans-serif`;
    page.textAlign = "center";
    page.textBaseline = "middle";
    page.lineWidth = density;
    const [x, y, arm] = [24 * density, size - 24 * density, 14 * density];
    ["x", "y", "z"].forEach((name, k) => {
      const [dx, dy] = [rows[0][k], -rows[1][k]];
      page.beginPath();
      page.moveTo(x, y);
      page.lineTo(x + arm * dx, y + arm * dy);
      page.stroke();
      if (Math.hypot(dx, dy) > 0.2) page.fillText(name, x + 1.5 * arm * dx, y + 1.5 * arm * dy);
    });
    const scale = (size * view.zoom) / (2 * scene.half);  // pixels per nm
    const bar = [50, 20, 10, 5, 2, 1, 0.5, 0.2, 0.1].find((n) => n * scale < 0.3 * size) || 0.05;
    page.fillRect(52 * density, size - 14 * density, bar * scale, 3 * density);
    page.fillText(`${bar} nm`, 52 * density + (bar * scale) / 2, size - 23 * density);
  }

  let waiting = false;
  function redraw() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      if (!gl.isContextLost()) panels.filter((panel) => panel.seen).forEach(paint);
    });
  }

  function zoom(factor) {
    view.zoom = Math.min(Math.max(view.zoom * factor, 0.3), 12);
    redraw();
  }

  function turn(dx, dy) {
    view.azimuth -= 0.008 * dx;
    view.elevation = Math.min(Math.max(view.elevation + 0.008 * dy, -1.57), 1.57);
    redraw();
  }

  const fingers = new Map();
  function moved(event) {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    const now = { x: event.clientX, y: event.clientY };
    if (fingers.size === 1) turn(now.x - before.x, now.y - before.y);
    else {
      const other = [...fingers].find(([id]) => id !== event.pointerId)[1];
      const gap = (p) => Math.hypot(p.x - other.x, p.y - other.y) || 1;
      zoom(gap(now) / gap(before));
    }
    fingers.set(event.pointerId, now);
  }

  const keys = { ArrowLeft: [-12, 0], ArrowRight: [12, 0], ArrowUp: [0, -12], ArrowDown: [0, 12] };
  for (const { canvas } of panels) {
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    });
    canvas.addEventListener("pointermove", moved);
    for (const end of ["pointerup", "pointercancel"])
      canvas.addEventListener(end, (event) => fingers.delete(event.pointerId));
    canvas.addEventListener("wheel", (event) => {
      if (document.body.dataset.wheel !== "zoom" && !event.ctrlKey) return;  // a page scrolls
      event.preventDefault();
      zoom(Math.exp(-0.0015 * event.deltaY));
    }, { passive: false });
    canvas.addEventListener("keydown", (event) => {
      if (keys[event.key]) turn(...keys[event.key]);
      else if (event.key === "+" || event.key === "-") zoom(event.key === "+" ? 1.2 : 1 / 1.2);
      else return;
      event.preventDefault();
    });
  }
  for (const button of document.querySelectorAll("[data-show]"))
    button.addEventListener("change", () => { options[button.dataset.show] = button.checked; redraw(); });
  for (const button of document.querySelectorAll("[data-zoom]"))
    button.addEventListener("click", () => zoom(Number(button.dataset.zoom)));
  for (const button of document.querySelectorAll("[data-reset]"))
    button.addEventListener("click", () => { Object.assign(view, start); redraw(); });

  board.addEventListener("webglcontextlost", (event) => event.preventDefault());
  board.addEventListener("webglcontextrestored", () => { prepare(); redraw(); });
  addEventListener("resize", redraw);
  addEventListener("beforeprint", () => panels.forEach(paint));
  const watch = new IntersectionObserver((entries) => {
    for (const entry of entries) panels.find((p) => p.canvas === entry.target).seen = entry.isIntersecting;
    redraw();
  }, { rootMargin: "200px" });
  prepare();
  panels.forEach(paint);
  panels.forEach((panel) => watch.observe(panel.canvas));

  return (next) => {  // the scale stays while the particle fills a fair part of it, so that growth is seen
    const fits = next.half <= scene.half && next.half > 0.6 * scene.half;
    for (const mesh of meshes) {
      gl.deleteVertexArray(mesh.array);
      mesh.buffers.forEach((buffer) => gl.deleteBuffer(buffer));
    }
    scene = { ...next, half: fits ? scene.half : next.half };
    meshes = scene.meshes.map(upload);
    gl.bindVertexArray(null);
    panels.forEach((panel) => { panel.meshes = scene.panels[Number(panel.canvas.closest("[data-panel]").dataset.panel)]; });
    redraw();
  };
}
const given = document.getElementById("scene");
if (given) viewer(JSON.parse(given.textContent));
