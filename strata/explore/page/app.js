// The page of the explorer. What it shows follows from the hash alone; names and labels go in as text.
const by = (id) => document.getElementById(id);
const main = by("main"), options = by("options");
const fixed = window.STATIC;  // set where the page is a folder on disk: nothing can be asked anew
const VIEWS = fixed ? { wall: "Wall", strata: "Layers", map: "Map" } : { wall: "Wall", picture: "Detail", strata: "Layers", words: "Words", map: "Map" };
const KEYS = [
  ["g", "the wall"], ["d", "the picture, to draw boxes in"], ["l", "one row a layer"], ["o", "sort by words"], ["m", "the map"],
  ["/", "find by a sentence"], ["f", "filter by name or label"], ["arrows, Tab", "from picture to picture"], ["Enter", "open a picture"],
  ["n", "a new box (arrows move it, with Shift they size it)"], ["Backspace", "take the last box away"],
  ["r, x, u", "the picture in focus is right, wrong, unsure"], ["b", "put it into the basket, or take it out"],
  ["v", "show the basket"], ["p", "a picture of your own"], ["Alt + left", "back"], ["?", "these keys"],
];
const SIGNS = { right: "✓", wrong: "✗", unsure: "?" };
const PAGE_OF_COLUMN = 40, LINE_PX = 190, GAP_PX = 10, HEAD_PX = 52;
let all, marks, state = {}, answers = [], basket = new Set(), asking = 0, redraw = () => {}, basketShown = false;

const element = (name, values = {}, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(values)) {
    if (key === "class") made.className = value;
    else if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (key.includes("-") || key === "role" || key === "for") made.setAttribute(key, value);
    else made[key] = value;
  }
  made.append(...children.filter((child) => child != null));
  return made;
};
const say = (text) => { by("said").textContent = text; clearTimeout(say.timer); say.timer = setTimeout(() => (by("said").textContent = ""), 5000); };
const source = (n, kind) => (fixed ? `pictures/${n}.jpg` : `/picture/${n}/${kind}`);
const get = async (path) => {
  if (!fixed) return answered(await fetch(path));
  if (path === "/api/collection") return fixed.collection;
  if (path === "/api/marks") return { queries: {}, labels: {}, words: [] };
  return fixed.maps[decodeURIComponent(path.split("/").pop().split("?")[0])];
};
const post = async (path, values, raw) => {
  if (fixed) return fixed.nearest[values.layer][values.picture].map(([n, score]) => ({ n, score, boxes: [] }));
  return answered(await fetch(path, { method: "POST", body: raw ? values : JSON.stringify(values) }));
};
const answered = async (response) => {
  const found = await response.json();
  if (!response.ok) throw new Error(found.error);
  return found;
};

// ---- state in the address -------------------------------------------------------------------------
const read = () => {
  const found = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
  found.view = found.view in VIEWS || found.view === "text" ? found.view : "wall";
  found.layer = all.layers.includes(found.layer) ? found.layer : all.layers.includes("late") ? "late" : all.layers[0];
  found.boxes = (found.boxes || "").split(";").map((box) => box.split(",").map(Number)).filter((box) => box.length === 4 && box.every(Number.isFinite));
  return found;
};
const address = (changes) => {
  const next = { ...state, ...changes };
  next.boxes = (next.boxes || []).map((box) => box.map((side) => Math.round(side)).join(",")).join(";");
  for (const key of Object.keys(next)) if (next[key] === "" || next[key] == null) delete next[key];
  return "#" + new URLSearchParams(next);
};
const go = (changes, replace = false) => {
  const hash = address(changes);
  if (replace) { history.replaceState(null, "", hash); show(); } else location.hash = hash;
};
const open = (n) => go({ view: fixed || state.view === "strata" ? "strata" : "picture", n, upload: null, w: null, h: null, boxes: [] });
// a box is looked for in the layer that is indexed for it, unless another match is chosen
const detailLayer = () => state.boxes.length && (state.match || "dense") === "dense" && all.dense.length && !all.dense.includes(state.layer) ? all.dense[0] : state.layer;
const question = (changes = {}) => ({
  ...(state.upload ? { upload: state.upload } : { picture: Number(state.n) }), boxes: state.boxes, layer: detailLayer(),
  match: state.match || "dense", metric: state.metric || "cosine", pooling: state.pooling || null, mode: state.mode || "and",
  reduced: state.reduced === "1", ...changes,
});
const asks = () => state.upload || /^\d+$/.test(state.n || "") && Number(state.n) < all.ids.length;
const size = () => state.upload ? [Number(state.w), Number(state.h)] : all.sizes[state.n];

// ---- pieces ---------------------------------------------------------------------------------------
const tile = (n, { height = LINE_PX, width = null, boxes = [], caption = null, judged = null } = {}) => {
  const [w, h] = all.sizes[n], wide = width || Math.max(40, Math.min(height * 2.6, height * w / h));
  const image = element("img", { src: source(n, "thumbnail"), alt: all.ids[n], loading: "lazy", draggable: false });
  const button = element("button", { type: "button", onclick: () => open(n), "data-n": n, title: named(n) }, image);
  const made = element("div", { class: "tile" + (basket.has(n) ? " picked" : "") }, button);
  made.style.width = `${wide}px`; made.style.height = `${height}px`; made.dataset.tile = n;
  const scale = Math.max(wide / w, height / h), left = (wide - w * scale) / 2, top = (height - h * scale) / 2;
  for (const [x0, y0, x1, y1] of boxes) {
    const box = element("div", { class: "box" });
    Object.assign(box.style, { left: `${left + x0 * scale}px`, top: `${top + y0 * scale}px`, width: `${(x1 - x0) * scale}px`, height: `${(y1 - y0) * scale}px` });
    made.append(box);
  }
  if (caption == null && judged == null) return made;
  const figure = element("figure", {}, made, element("figcaption", {}, ...[].concat(caption)));
  figure.style.width = `${wide}px`;
  if (judged) figure.append(verdicts(n, made, judged));
  return figure;
};
const named = (n) => [all.files[n], ...Object.values(all.truth).map((labels) => labels[n])].filter(Boolean).join(" · ");
const queryName = () => all.ids[state.n] + (state.boxes.length ? "@" + state.boxes[0].map((side) => Math.round(side)).join(",") : "");
const verdictOf = (n) => marks.queries[queryName()]?.marks[all.ids[n]]?.verdict;
const verdicts = (n, made, answer) => {
  const shown = element("div", { class: "verdicts", role: "group", "aria-label": `Is ${all.ids[n]} right?` });
  const draw = () => {
    made.classList.remove("right", "wrong", "unsure");
    const now = verdictOf(n);
    if (now) made.classList.add(now);
    shown.replaceChildren(...["right", "wrong", "unsure"].map((verdict) =>
      element("button", { type: "button", "aria-pressed": String(now === verdict), "aria-label": verdict, title: verdict, onclick: () => judge(verdict) }, SIGNS[verdict])));
  };
  const judge = async (verdict) => {
    marks = await post("/api/mark", { query: Number(state.n), query_box: state.boxes[0] || null, picture: n, box: answer.boxes[0] || null, verdict: verdictOf(n) === verdict ? "none" : verdict });
    draw();
  };
  made.judge = judge;
  draw();
  return shown;
};
const choose = (label, key, values, shown = values) => {
  const select = element("select", { onchange: () => go({ [key]: select.value }) }, ...values.map((value, i) => element("option", { value, selected: String(state[key] ?? "") === value }, shown[i])));
  return element("label", {}, label, select);
};
const agreement = (n) => {
  const facet = Object.keys(all.truth)[0];
  if (!facet || state.upload || !all.truth[facet][state.n]) return null;
  const same = all.truth[facet][n] === all.truth[facet][state.n];
  return element("span", { class: same ? "hit" : "miss" }, same ? "same " + facet : all.truth[facet][n]);
};
const caption = (one) => [element("span", {}, one.score.toFixed(3)), agreement(one.n)].filter(Boolean);
const layerOptions = () => [
  choose("Layer", "layer", all.layers), choose("Pooling", "pooling", ["", "max", "rmac", "gem", "avg"], [`the run's (${all.pooling})`, "max", "rmac", "gem", "avg"]),
  choose("Match", "match", ["dense", "region", "global"], ["where it is", "where it is (coarse regions)", "as a whole"]), choose("Metric", "metric", ["cosine", "euclidean"]),
  choose("Space", "reduced", ["", "1"], ["raw", "after PCA"]), choose("Boxes", "mode", ["and", "or"], ["all of them", "any of them"]),
];

// ---- wall -----------------------------------------------------------------------------------------
const wallOrder = async () => {
  const text = (state.filter || "").toLowerCase();
  let order = all.ids.map((_, n) => n).filter((n) => !text || (all.ids[n] + " " + named(n)).toLowerCase().includes(text));
  if (state.only === "repeats") order = order.filter((n) => all.repeats.includes(all.ids[n]));
  if (basketShown) order = order.filter((n) => basket.has(n));
  if (state.sort === "size") order.sort((a, b) => all.sizes[b][0] * all.sizes[b][1] - all.sizes[a][0] * all.sizes[a][1]);
  if (state.sort === "name") order.sort((a, b) => all.files[a].localeCompare(all.files[b], undefined, { numeric: true }));
  if (state.sort === "query" && asks()) {
    const place = new Map((await post("/api/ask", question({ top: 1000, boxes: [], match: "global" }))).map((one, i) => [one.n, i]));
    order.sort((a, b) => (a == state.n ? -1 : place.get(a) ?? 1e9) - (b == state.n ? -1 : place.get(b) ?? 1e9));
  }
  const names = all.groups[state.group];
  if (!names) return [["", order]];
  const groups = new Map();
  for (const n of order) { const name = names[n] || "none"; groups.has(name) ? groups.get(name).push(n) : groups.set(name, [n]); }
  return [...groups].sort((a, b) => a[0].localeCompare(b[0], undefined, { numeric: true }));
};
const showWall = async () => {
  const filter = element("input", { id: "filter", type: "search", value: state.filter || "", placeholder: "Name or label", "aria-label": "Filter by name or label", oninput: () => { clearTimeout(filter.timer); filter.timer = setTimeout(() => { history.replaceState(null, "", address({ filter: filter.value })); state = read(); drawWall(); }, 200); } });
  options.replaceChildren(
    choose("Group", "group", ["", ...Object.keys(all.groups)], ["all together", ...Object.keys(all.groups)]),
    choose("Sort", "sort", ["", "name", "size", "query"], ["as they are", "by name", "by size", "by the last picture"]),
    choose("Only", "only", ["", "repeats", "left out"], ["everything", `repeats (${all.repeats.length})`, `left out (${all.left_out.length})`]), filter,
    element("span", { id: "count" }));
  await drawWall();
};
const drawWall = async () => {
  if (state.only === "left out" ) {
    by("count").textContent = "";
    main.replaceChildren(element("h2", {}, "Not used, and why"), ...all.left_out.map((one) => element("p", {}, one.image_id, element("span", { class: "soft" }, "  " + one.reason))));
    redraw = () => {};
    return;
  }
  const groups = await wallOrder(), lines = [];
  if (state.view !== "wall") return;
  by("count").textContent = `${groups.reduce((sum, [, of]) => sum + of.length, 0)} pictures`;
  const head = basketShown ? basketHead() : null, wall = element("div", { class: "wall" });
  main.replaceChildren(...(head ? [head] : []), wall);
  let y = 8;
  const lay = () => {
    const width = main.clientWidth - parseFloat(getComputedStyle(main).paddingLeft) * 2;
    y = 8; lines.length = 0;
    for (const [name, of] of groups) {
      if (name) { lines.push({ y, name, count: of.length }); y += HEAD_PX; }
      let line = [], used = 0;
      const close = (full) => {
        const height = full ? Math.min(LINE_PX * 1.4, LINE_PX * (width - GAP_PX * (line.length - 1)) / used) : LINE_PX;
        lines.push({ y, tiles: line, height, scale: height / LINE_PX }); y += height + GAP_PX; line = []; used = 0;
      };
      for (const n of of) {
        const wide = Math.max(40, Math.min(LINE_PX * 2.6, LINE_PX * all.sizes[n][0] / all.sizes[n][1], width));
        if (line.length && used + wide + GAP_PX * line.length > width) close(true);
        line.push([n, wide]); used += wide;
      }
      if (line.length) close(false);
    }
    wall.style.height = `${y}px`;
    draw(true);
  };
  const drawn = new Map();
  const draw = (afresh = false) => {
    if (afresh) { drawn.clear(); wall.replaceChildren(); }
    const offset = wall.offsetTop, from = main.scrollTop - offset - 900, to = main.scrollTop - offset + main.clientHeight + 900;
    let low = 0, high = lines.length;
    while (low < high) { const middle = (low + high) >> 1; lines[middle].y + LINE_PX * 1.5 < from ? (low = middle + 1) : (high = middle); }
    const wanted = new Set();
    for (let i = low; i < lines.length && lines[i].y < to; i++) {
      wanted.add(i);
      if (drawn.has(i)) continue;
      const { y, name, count, tiles, height, scale } = lines[i];
      const made = tiles ? element("div", { class: "line" }, ...tiles.map(([n, wide]) => tile(n, { height, width: wide * scale })))
        : element("h2", { class: "line" }, name, element("small", {}, `${count}`));
      made.style.top = `${y}px`;
      drawn.set(i, made); wall.append(made);
    }
    for (const [i, made] of drawn) if (!wanted.has(i) && !made.contains(document.activeElement)) { made.remove(); drawn.delete(i); }
  };
  redraw = (resized) => (resized ? lay() : draw());
  lay();
  if (!groups.some(([, of]) => of.length)) wall.append(element("p", { class: "soft" }, "No picture is like that."));
};

// ---- detail ---------------------------------------------------------------------------------------
const easel = () => {
  const [w, h] = size(), canvas = element("div", { class: "canvas", id: "canvas" }), boxes = state.boxes.map((box) => [...box]);
  const image = element("img", { src: state.upload ? uploads.get(state.upload) || "" : source(state.n, "large"), alt: state.upload ? "your picture" : all.ids[state.n], draggable: false, width: w, height: h });
  image.style.height = "auto";
  image.style.width = "auto";
  canvas.append(image);
  const draw = () => {
    canvas.querySelectorAll(".box").forEach((one) => one.remove());
    boxes.forEach(([x0, y0, x1, y1], i) => {
      const made = element("div", { class: "box" + (i === boxes.length - 1 ? " current" : "") });
      made.dataset.box = i;
      Object.assign(made.style, { left: `${x0 / w * 100}%`, top: `${y0 / h * 100}%`, width: `${(x1 - x0) / w * 100}%`, height: `${(y1 - y0) / h * 100}%` });
      canvas.append(made);
    });
  };
  const at = (event) => {
    const frame = image.getBoundingClientRect();
    return [Math.min(w, Math.max(0, (event.clientX - frame.left) / frame.width * w)), Math.min(h, Math.max(0, (event.clientY - frame.top) / frame.height * h))];
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button || fixed) return;
    event.preventDefault();
    canvas.setPointerCapture(event.pointerId);
    const [x, y] = at(event), own = event.target.dataset.box, start = own == null ? null : [...boxes[own]];
    const before = boxes.map((box) => [...box]);
    const place = own == null ? boxes.push([x, y, x, y]) - 1 : Number(own);
    const move = (moved) => {
      const [a, b] = at(moved);
      if (start) { const dx = Math.max(-start[0], Math.min(w - start[2], a - x)), dy = Math.max(-start[1], Math.min(h - start[3], b - y)); boxes[place] = [start[0] + dx, start[1] + dy, start[2] + dx, start[3] + dy]; }
      else boxes[place] = [Math.min(x, a), Math.min(y, b), Math.max(x, a), Math.max(y, b)];
      draw();
    };
    const up = () => {
      canvas.removeEventListener("pointermove", move); canvas.removeEventListener("pointerup", up);
      const [x0, y0, x1, y1] = boxes[place];
      if (x1 - x0 < 4 || y1 - y0 < 4) { boxes.splice(0, boxes.length, ...before); draw(); return; }
      const kept = start || event.shiftKey || event.ctrlKey ? boxes : [boxes[place]];
      go({ boxes: kept.map((box) => [...box]), view: state.view });
    };
    canvas.addEventListener("pointermove", move); canvas.addEventListener("pointerup", up);
  });
  draw();
  return canvas;
};
const facts = () => {
  if (state.upload) return element("p", { class: "soft" }, "Your own picture; it is kept only while this page is open.");
  const [w, h] = size(), shown = [["File", all.files[state.n]], ["Id", all.ids[state.n]], ["Pixels", `${w} × ${h}`], ...Object.entries(all.groups).filter(([name]) => !name.startsWith("clusters")).map(([name, of]) => [name, of[state.n]])];
  if (marks.labels[all.ids[state.n]]) shown.push(["Your label", marks.labels[all.ids[state.n]]]);
  return element("dl", { class: "facts" }, ...shown.filter(([, value]) => value).flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
};
const actions = () => {
  const n = Number(state.n), label = element("input", { placeholder: "Give it a label", "aria-label": "Label", size: 14 });
  const form = element("form", { onsubmit: async (event) => { event.preventDefault(); marks = await post("/api/mark", { labelled: [n], label: label.value }); say(`saved in marks/labels.csv`); show(); } }, label);
  return element("div", { class: "actions" },
    element("button", { type: "button", onclick: () => go({ view: "strata" }) }, "On every layer"),
    state.boxes.length ? element("button", { type: "button", onclick: () => go({ boxes: [] }) }, "No box") : null,
    ...(state.upload ? [] : [element("button", { type: "button", onclick: () => pick(n) }, basket.has(n) ? "Out of the basket" : "Into the basket"),
      element("a", { class: "button", href: `/picture/${n}/original`, target: "_blank", rel: "noopener" }, "Open the original"), form]));
};
const nothing = () => main.replaceChildren(element("p", {}, "Choose a picture on the wall first, or drop one of your own here."));
const showPicture = async () => {
  options.replaceChildren(...layerOptions());
  if (!asks()) return nothing();
  const found = element("div", { class: "answers", id: "answers" }), title = element("h2", {}, state.boxes.length ? "The same detail elsewhere" : "Most alike");
  main.replaceChildren(element("div", { class: "desk" },
    element("div", { class: "easel" }, easel(), element("p", { class: "soft" }, "Draw a box on the picture; hold Shift for a further one; drag a box to move it."), actions(), facts()),
    element("div", {}, title, found)));
  const own = ++asking, started = performance.now();
  const rows = await post("/api/ask", question());
  if (own !== asking) return;
  answers = rows;
  title.append(element("small", {}, `${rows.length} shown · ${detailLayer()} · ${((performance.now() - started) / 1000).toFixed(1)} s`));
  found.replaceChildren(...rows.map((one) => tile(one.n, { height: 150, boxes: one.boxes, caption: caption(one), judged: state.upload ? null : one })));
  rows.slice(0, 8).forEach((one) => (new Image().src = `/picture/${one.n}/large`));
};

// ---- strata, text, words --------------------------------------------------------------------------
const showStrata = async () => {
  options.replaceChildren(...(fixed ? [] : layerOptions().slice(1)));
  if (!asks()) return nothing();
  const canvas = easel();
  canvas.querySelector("img").style.maxHeight = "30vh";
  main.replaceChildren(canvas, element("p", { class: "soft" }, state.upload ? "your picture" : named(state.n)));
  const own = ++asking;
  const rows = all.layers.map((layer) => {
    const found = element("div", { class: "answers", role: "group", tabIndex: 0, "aria-label": `nearest by ${layer}` }), name = element("div", { class: "name" }, layer);
    main.append(element("section", { class: "stratum" }, name, found));
    return { layer, found, name };
  });
  for (const { layer, found, name } of rows) {
    try {
      const nearest = await post("/api/ask", question({ layer, top: 12 }));
      if (own !== asking) return;
      const facet = Object.keys(all.truth)[0], truth = facet && !state.upload ? all.truth[facet] : null;
      if (truth && truth[state.n]) {
        const hits = nearest.filter((one) => truth[one.n] === truth[state.n]).length, there = truth.filter((value) => value === truth[state.n]).length - 1;
        name.append(element("small", {}, `${hits} of ${nearest.length} same ${facet}`), element("small", {}, `${Math.max(0, there - hits)} further ones not among them`));
      }
      found.replaceChildren(...nearest.map((one) => tile(one.n, { height: 120, boxes: one.boxes, caption: caption(one) })));
    } catch (error) { found.replaceChildren(element("p", { class: "soft" }, error.message)); }
  }
};
const showText = async () => {
  options.replaceChildren();
  by("sentence").value = state.q || "";
  main.replaceChildren(element("h2", {}, `“${state.q}”`), element("p", { class: "soft" }, "Looking …"));
  const own = ++asking, rows = await post("/api/ask", { text: state.q, top: 100 });
  if (own === asking) main.replaceChildren(element("h2", {}, `“${state.q}”`, element("small", {}, "nearest first")), element("div", { class: "answers", id: "answers" }, ...rows.map((one) => tile(one.n, { caption: caption({ ...one }).slice(0, 1) }))));
};
const showWords = async () => {
  options.replaceChildren();
  const words = element("textarea", { id: "words", value: (state.words || marks.words.join("\n")).replaceAll("|", "\n"), placeholder: "ship\nhouse\nan angel", "aria-label": "Words, one a line" });
  const template = element("input", { value: state.template || "a photo of a {name}.", "aria-label": "Sentence around a word", size: 26 });
  const columns = element("div", { class: "columns", tabIndex: 0, role: "group", "aria-label": "Pictures by word" });
  main.replaceChildren(element("form", { class: "words", onsubmit: (event) => { event.preventDefault(); go({ words: words.value.split("\n").map((word) => word.trim()).filter(Boolean).join("|"), template: template.value }); } },
    words, element("div", {}, template, element("div", { class: "actions" }, element("button", {}, "Sort the wall"), element("button", { type: "button", onclick: async () => { await post("/api/words", { words: words.value.split("\n"), template: template.value, keep: true }); say("saved in marks/words.txt; words=[...] of conf/paths/folder.yaml takes them"); } }, "Keep the words")))), columns);
  if (!state.words) return;
  const own = ++asking, sorted = await post("/api/words", { words: state.words.split("|"), template: template.value });
  if (own !== asking) return;
  columns.replaceChildren(...sorted.words.map((word, w) => {
    const of = all.ids.map((_, n) => n).filter((n) => sorted.nearest[n] === w).sort((a, b) => sorted.shares[b] - sorted.shares[a]);
    return element("section", { class: "column" }, element("h2", {}, word, element("small", {}, `${of.length}`)), element("div", { class: "answers" }, ...of.slice(0, PAGE_OF_COLUMN).map((n) => tile(n, { width: 180, height: Math.min(260, 180 * all.sizes[n][1] / all.sizes[n][0]), caption: `${Math.round(sorted.shares[n] * 100)} %` }))));
  }));
};

// ---- map ------------------------------------------------------------------------------------------
const showMap = async () => {
  options.replaceChildren(choose("Layer", "layer", all.layers), fixed ? element("span", {}, "PCA") : choose("Laid out by", "by", ["", "tsne"], ["PCA", "t-SNE"]), element("span", {}, "drag to move, wheel or + and − to zoom, Shift and drag for a lasso into the basket"));
  const canvas = element("canvas", { id: "map", tabIndex: 0, role: "img", "aria-label": `Map of ${all.ids.length} pictures by ${state.layer}` });
  main.replaceChildren(canvas);
  const own = ++asking, places = await get(`/api/map/${encodeURIComponent(state.layer)}?by=${state.by || ""}`);
  if (own !== asking) return;
  const pen = canvas.getContext("2d"), images = new Map(), facet = Object.keys(all.truth)[0], classes = facet ? [...new Set(all.truth[facet])].sort() : [];
  const view = { x: 0.5, y: 0.5, zoom: 0.92 };
  let lasso = null, waiting = false;
  const frame = () => [canvas.clientWidth, canvas.clientHeight, Math.min(canvas.clientWidth, canvas.clientHeight) * view.zoom];
  const screen = ([x, y]) => { const [w, h, side] = frame(); return [w / 2 + (x - view.x) * side * (w / Math.min(w, h)), h / 2 + (y - view.y) * side * (h / Math.min(w, h))]; };
  const later = () => { if (!waiting) { waiting = true; requestAnimationFrame(() => { waiting = false; draw(); }); } };
  const draw = () => {
    const [w, h] = frame(), ratio = devicePixelRatio;
    if (canvas.width !== Math.round(w * ratio)) { canvas.width = w * ratio; canvas.height = h * ratio; }
    pen.setTransform(ratio, 0, 0, ratio, 0, 0); pen.clearRect(0, 0, w, h);
    const inside = [];
    places.forEach((place, n) => { const [x, y] = screen(place); if (x > -60 && y > -60 && x < w + 60 && y < h + 60) inside.push([n, x, y]); });
    const near = inside.length <= 400, px = Math.max(28, Math.min(110, Math.sqrt(w * h / Math.max(1, inside.length)) * 0.8));
    for (const [n, x, y] of inside) {
      let image = near && images.get(n);
      if (near && !image) { image = new Image(); image.onload = later; image.src = source(n, "thumbnail"); images.set(n, image); }
      if (image && image.complete && image.naturalWidth) {
        const scale = px / Math.max(image.naturalWidth, image.naturalHeight), wide = image.naturalWidth * scale, high = image.naturalHeight * scale;
        pen.drawImage(image, x - wide / 2, y - high / 2, wide, high);
        if (basket.has(n)) { pen.strokeStyle = "#2f86d6"; pen.lineWidth = 3; pen.strokeRect(x - wide / 2, y - high / 2, wide, high); }
      } else { pen.fillStyle = facet ? `hsl(${classes.indexOf(all.truth[facet][n]) / classes.length * 330} 45% 52%)` : "#7c8894"; pen.beginPath(); pen.arc(x, y, 4, 0, 7); pen.fill(); }
    }
    if (lasso) { pen.beginPath(); lasso.forEach(([x, y], i) => (i ? pen.lineTo(x, y) : pen.moveTo(x, y))); pen.closePath(); pen.strokeStyle = "#2f86d6"; pen.lineWidth = 2; pen.stroke(); }
  };
  const nearest = (x, y, least = 3600) => { let best = null; places.forEach((place, n) => { const [a, b] = screen(place), far = (a - x) ** 2 + (b - y) ** 2; if (far < least) { least = far; best = n; } }); return best; };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    const start = { ...view }, [sx, sy] = [event.offsetX, event.offsetY]; let moved = false;
    if (event.shiftKey) lasso = [[sx, sy]];
    const move = (now) => {
      moved ||= Math.abs(now.offsetX - sx) + Math.abs(now.offsetY - sy) > 4;
      if (lasso) lasso.push([now.offsetX, now.offsetY]);
      else { const [w, h, side] = frame(); view.x = start.x - (now.offsetX - sx) / (side * w / Math.min(w, h)); view.y = start.y - (now.offsetY - sy) / (side * h / Math.min(w, h)); }
      later();
    };
    const up = (now) => {
      canvas.removeEventListener("pointermove", move); canvas.removeEventListener("pointerup", up);
      if (lasso) {
        const path = new Path2D(); lasso.forEach(([x, y], i) => (i ? path.lineTo(x, y) : path.moveTo(x, y))); path.closePath();
        pen.setTransform(1, 0, 0, 1, 0, 0);
        places.forEach((place, n) => { if (pen.isPointInPath(path, ...screen(place))) basket.add(n); });
        lasso = null; kept(); later();
      } else if (!moved) { const n = nearest(now.offsetX, now.offsetY); if (n != null) open(n); }
    };
    canvas.addEventListener("pointermove", move); canvas.addEventListener("pointerup", up);
  });
  const zoom = (factor) => { view.zoom = Math.min(60, Math.max(0.4, view.zoom * factor)); later(); };
  canvas.addEventListener("wheel", (event) => { event.preventDefault(); zoom(Math.exp(-event.deltaY / 400)); }, { passive: false });
  canvas.addEventListener("keydown", (event) => {
    const step = 0.1 / view.zoom, moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
    if (moves[event.key]) { view.x += moves[event.key][0]; view.y += moves[event.key][1]; later(); }
    else if (event.key === "+" || event.key === "=") zoom(1.3); else if (event.key === "-") zoom(1 / 1.3);
    else if (event.key === "Enter") { const n = nearest(canvas.clientWidth / 2, canvas.clientHeight / 2, Infinity); if (n != null) open(n); }
    else return;
    event.preventDefault(); event.stopPropagation();
  });
  redraw = later;
  draw();
};

// ---- basket, own pictures -------------------------------------------------------------------------
const uploads = new Map();
const kept = () => { by("basket").querySelector("b").textContent = basket.size; localStorage.setItem("basket", JSON.stringify([...basket].map((n) => all.ids[n]))); };
const pick = (n) => {
  basket.has(n) ? basket.delete(n) : basket.add(n); kept();
  document.querySelectorAll(`[data-tile="${n}"]`).forEach((made) => made.classList.toggle("picked", basket.has(n)));
};
const save = (blob, name) => { const link = element("a", { href: URL.createObjectURL(blob), download: name }); link.click(); setTimeout(() => URL.revokeObjectURL(link.href), 1000); };
const cell = (text) => '"' + String(text).replace(/^[=+\-@\t\r]/, "'$&").replaceAll('"', '""') + '"';
const basketHead = () => element("div", { class: "actions" }, element("h2", {}, `Basket`, element("small", {}, `${basket.size} pictures`)),
  element("button", { type: "button", onclick: () => save(new Blob(["file,name\n", ...[...basket].map((n) => `${cell(all.ids[n])},${cell(all.files[n])}\n`)], { type: "text/csv" }), "basket.csv") }, "CSV"),
  fixed ? null : element("button", { type: "button", onclick: async () => { const response = await fetch("/api/sheet", { method: "POST", body: JSON.stringify({ pictures: [...basket] }) }); if (!response.ok) return answered(response); save(await response.blob(), "basket.png"); } }, "Contact sheet"),
  fixed ? null : element("button", { type: "button", onclick: async () => { const done = await post("/api/copies", { pictures: [...basket] }); say(`${done.copied} copied into ${done.folder}`); } }, "Copies in a folder"),
  element("button", { type: "button", onclick: () => { basket.clear(); kept(); show(); } }, "Empty it"), element("button", { type: "button", onclick: toggleBasket }, "Back to the wall"));
const toggleBasket = () => { basketShown = !basketShown; state.view === "wall" ? show() : go({ view: "wall" }); };
const own = async (file) => {
  if (!file || fixed) return;
  say("reading your picture …");
  const found = await post("/api/upload", file, true);
  uploads.set(found.upload, URL.createObjectURL(file));
  say("");
  go({ view: state.view === "strata" ? "strata" : "picture", upload: found.upload, w: found.width, h: found.height, n: null, boxes: [] });
};

// ---- keys -----------------------------------------------------------------------------------------
const focused = () => Number(document.activeElement?.dataset?.n ?? (state.view === "picture" ? state.n : NaN));
const step = (event) => {
  const all = [...main.querySelectorAll("[data-n]")], at = all.indexOf(document.activeElement);
  if (!all.length) return false;
  const here = all[at]?.getBoundingClientRect();
  let next = null;
  if (at < 0) next = all[0];
  else if (event.key === "ArrowRight") next = all[at + 1]; else if (event.key === "ArrowLeft") next = all[at - 1];
  else {
    const down = event.key === "ArrowDown", rows = all.map((one) => [one, one.getBoundingClientRect()]).filter(([, r]) => (down ? r.top > here.top + 20 : r.top < here.top - 20));
    next = rows.sort((a, b) => Math.abs(a[1].top - here.top) * 4 + Math.abs(a[1].left - here.left) - Math.abs(b[1].top - here.top) * 4 - Math.abs(b[1].left - here.left))[0]?.[0];
  }
  next?.focus(); next?.scrollIntoView({ block: "nearest" });
  return true;
};
const moveBox = (event) => {
  const [w, h] = size(), boxes = state.boxes.map((box) => [...box]), box = boxes.at(-1), unit = Math.max(w, h) / 40;
  const [dx, dy] = { ArrowLeft: [-unit, 0], ArrowRight: [unit, 0], ArrowUp: [0, -unit], ArrowDown: [0, unit] }[event.key];
  if (event.shiftKey) { box[2] = Math.min(w, Math.max(box[0] + 8, box[2] + dx)); box[3] = Math.min(h, Math.max(box[1] + 8, box[3] + dy)); }
  else { const x = Math.max(-box[0], Math.min(w - box[2], dx)), y = Math.max(-box[1], Math.min(h - box[3], dy)); box[0] += x; box[2] += x; box[1] += y; box[3] += y; }
  go({ boxes }, true);
};
const key = (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || by("keys").open) return;
  if (/^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) { if (event.key === "Escape") event.target.blur(); return; }
  const n = focused(), drawing = !fixed && ["picture", "strata"].includes(state.view) && asks(), judge = { r: "right", x: "wrong", u: "unsure" }[event.key];
  const views = { g: "wall", d: "picture", l: "strata", o: "words", m: "map" };
  if (views[event.key] in VIEWS) { basketShown = false; go({ view: views[event.key] }); }
  else if (event.key === "/") by("sentence").focus();
  else if (event.key === "f") by("filter")?.focus();
  else if (event.key === "?") help();
  else if (event.key === "v") toggleBasket();
  else if (event.key === "p") by("file").click();
  else if (event.key === "b" && Number.isInteger(n)) pick(n);
  else if (judge) document.activeElement.closest(".tile")?.judge?.(judge);
  else if (event.key === "n" && drawing) { const [w, h] = size(); document.activeElement.blur(); go({ boxes: [...state.boxes, [w / 3, h / 3, 2 * w / 3, 2 * h / 3]] }); }
  else if (event.key === "Backspace" && drawing && state.boxes.length) go({ boxes: state.boxes.slice(0, -1) });
  else if (event.key.startsWith("Arrow")) { if (drawing && state.boxes.length && document.activeElement.dataset?.n == null) moveBox(event); else if (!step(event)) return; }
  else return;
  event.preventDefault();
};
const help = () => {
  by("keys").replaceChildren(element("h2", {}, "Keys"), element("table", {}, ...KEYS.map(([name, does]) => element("tr", {}, element("td", {}, element("kbd", {}, name)), element("td", {}, does)))),
    element("form", { method: "dialog" }, element("button", {}, "Close")));
  by("keys").showModal();
};

// ---- start ----------------------------------------------------------------------------------------
const show = async () => {
  state = read();
  redraw = () => {};
  main.scrollTop = 0;
  by("views").replaceChildren(...Object.entries(VIEWS).map(([view, name]) => element("button", { type: "button", "aria-current": String(view === state.view), onclick: () => { basketShown = false; go({ view }); } }, name)));
  try { await ({ wall: showWall, picture: showPicture, strata: showStrata, text: showText, words: showWords, map: showMap })[state.view](); } catch (error) { say(error.message); main.append(element("p", {}, error.message)); }
};
const begin = async () => {
  [all, marks] = await Promise.all([get("/api/collection"), get("/api/marks")]);
  const numbers = new Map(all.ids.map((id, n) => [id, n]));
  try { JSON.parse(localStorage.getItem("basket") || "[]").forEach((id) => numbers.has(id) && basket.add(numbers.get(id))); } catch { /* an old one */ }
  kept();
  addEventListener("hashchange", show);
  addEventListener("keydown", key);
  addEventListener("resize", () => redraw(true));
  main.addEventListener("scroll", () => redraw());
  addEventListener("unhandledrejection", (event) => { event.preventDefault(); say(event.reason?.message || "the explorer does not answer; is it still running?"); });
  by("ask").addEventListener("submit", (event) => { event.preventDefault(); if (by("sentence").value.trim()) go({ view: "text", q: by("sentence").value.trim() }); by("sentence").blur(); });
  by("basket").addEventListener("click", toggleBasket);
  by("help").addEventListener("click", help);
  by("file").addEventListener("change", () => own(by("file").files[0]));
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => { event.preventDefault(); own(event.dataTransfer.files[0]); });
  addEventListener("paste", (event) => own([...event.clipboardData.files][0]));
  if (!all.text) by("ask").hidden = true;
  if (fixed) by("file").parentElement.hidden = true;
  show();
};
begin().catch((error) => say(error.message));
