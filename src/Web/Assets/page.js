// The page works without this. With it, the page follows the run, and charts can be read at a point and zoomed by dragging.

const parts = () => [...document.querySelectorAll("[data-live]")];

// Puts what has changed in place; what the reader has open, scrolled or focused stays so.
function show(html) {
  const fresh = new DOMParser().parseFromString(html, "text/html");
  for (const part of parts()) {
    const next = fresh.getElementById(part.id);
    if (!next || next.innerHTML === part.dataset.was || part.querySelector("[data-dragging]")) continue;
    if (next.dataset.announce && next.dataset.announce !== part.dataset.announce) {
      part.dataset.announce = next.dataset.announce;
      document.getElementById("announce").textContent = next.dataset.announce;
    }
    part.dataset.was = next.innerHTML;
    if (next.innerHTML === part.innerHTML) continue;
    const focused = part.contains(document.activeElement) ? place(part, document.activeElement) : null;
    const open = [...part.querySelectorAll("details[open]")].map((details) => details.id);
    const scrolled = [...part.querySelectorAll(".scroll")].map((box) => box.scrollLeft);
    const checked = [...part.querySelectorAll("input[type=checkbox]:checked")].map((box) => box.value);
    part.replaceChildren(...next.childNodes);
    for (const box of part.querySelectorAll("input[type=checkbox]")) box.checked = checked.includes(box.value);
    for (const details of part.querySelectorAll("details")) details.open = open.includes(details.id);
    part.querySelectorAll(".scroll").forEach((box, i) => { box.scrollLeft = scrolled[i] ?? 0; });
    if (focused !== null) focusables(part)[focused]?.focus({ preventScroll: true });
  }
  charts();
}

const focusables = (part) => [...part.querySelectorAll("a, button, summary, input, select, [tabindex]")];
const place = (part, element) => focusables(part).indexOf(element);

let loading = null;

async function load(address) {
  loading?.abort();
  const mine = loading = new AbortController();
  try {
    const answer = await fetch(address, { signal: mine.signal, headers: { Accept: "text/html" } });
    if (answer.redirected && new URL(answer.url).pathname === "/login") location.reload();
    else if (answer.ok) show(await answer.text());
    return answer.ok;
  } catch {
    return false;
  }
}

function follow() {
  const address = document.body.dataset.stream;
  if (!address) return;
  const least = 1000 * Number(document.body.dataset.refresh || 1);
  const link = document.getElementById("link");
  let waiting = null, last = Date.now();
  const look = () => {
    waiting ??= setTimeout(async () => { waiting = null; last = Date.now(); await load(location.href); }, Math.max(0, last + least - Date.now()));
  };
  const source = new EventSource(address);
  for (const name of ["status", "event", "runs"]) source.addEventListener(name, look);
  source.onopen = () => { link.textContent = ""; };
  source.onerror = () => {
    link.textContent = "The page's server does not answer; trying again…";
    // A refusal ends an EventSource for good.
    if (source.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 5000);
  };
  // A page that is left must not say that its server is gone.
  addEventListener("pagehide", () => source.close());
}

const numbers = (text) => text.split(" ").map(Number);

// Points of a path, in the drawing's units; read when a pointer first comes.
function pointsOf(group) {
  if (!group.points) {
    const path = group.querySelector("path")?.getAttribute("d");
    group.points = path
      ? path.slice(1).split("L").map(numbers)
      : [...group.querySelectorAll("circle")].map((dot) => [Number(dot.getAttribute("cx")), Number(dot.getAttribute("cy"))]);
  }
  return group.points;
}

function nearest(points, x) {
  let low = 0, high = points.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (points[middle][0] < x) low = middle; else high = middle;
  }
  return Math.abs(points[low][0] - x) < Math.abs(points[high][0] - x) ? points[low] : points[high];
}

function element(svg, name, className) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  made.setAttribute("class", className);
  svg.append(made);
  return made;
}

function set(target, attributes) {
  for (const [name, value] of Object.entries(attributes)) target.setAttribute(name, value);
}

function charts() {
  for (const svg of document.querySelectorAll("svg[data-box]")) {
    if (svg.ready) continue;
    svg.ready = true;
    chart(svg);
  }
}

function chart(svg) {
  const [left, top, right, bottom] = numbers(svg.dataset.box);
  const [x0, x1] = numbers(svg.dataset.x), [y0, y1] = numbers(svg.dataset.y);
  const readout = svg.closest("figure").querySelector(".readout");
  const groups = [...svg.querySelectorAll(".series")];
  const step = (x) => x0 + (x - left) / (right - left) * (x1 - x0);
  const value = (y) => y0 + (bottom - y) / (bottom - top) * (y1 - y0);
  let cross = null, selection = null, from = null;

  const at = (event) => {
    const box = svg.getBoundingClientRect();
    const scale = svg.viewBox.baseVal.width / box.width;
    return [Math.min(right, Math.max(left, (event.clientX - box.left) * scale)), (event.clientY - box.top) * scale];
  };

  svg.addEventListener("pointermove", (event) => {
    const [x, y] = at(event);
    if (from !== null) {
      selection ??= element(svg, "rect", "selection");
      set(selection, { x: Math.min(from, x), y: top, width: Math.abs(x - from), height: bottom - top });
    }
    let best = null;
    for (const group of groups) {
      const point = nearest(pointsOf(group), x);
      const distance = Math.abs(point[1] - y) + 4 * Math.max(0, Math.abs(point[0] - x) - 10);
      if (!best || distance < best.distance) best = { group, point, distance };
    }
    if (!best) return;
    for (const group of groups) group.classList.toggle("near", group === best.group);
    cross ??= element(svg, "line", "cross");
    set(cross, { x1: best.point[0], x2: best.point[0], y1: top, y2: bottom });
    readout.textContent = `${best.group.dataset.name}: ${value(best.point[1]).toFixed(3)} at ${svg.dataset.unit} ${Math.round(step(best.point[0]))}`;
  });

  svg.addEventListener("pointerleave", () => {
    for (const group of groups) group.classList.remove("near");
    cross?.remove();
    cross = null;
    readout.textContent = "";
  });

  if (svg.dataset.zooms !== "yes") return;
  svg.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    [from] = at(event);
    svg.dataset.dragging = "yes";
    svg.setPointerCapture(event.pointerId);
  });
  const end = (event) => {
    if (from === null) return;
    const to = at(event)[0], begun = from;
    from = null;
    delete svg.dataset.dragging;
    selection?.remove();
    selection = null;
    if (event.type === "pointerup" && Math.abs(to - begun) > 8) {
      const [low, high] = [Math.min(begun, to), Math.max(begun, to)].map((x) => Math.round(step(x)));
      const address = new URL(location.href);
      address.searchParams.set("from", Math.max(1, low));
      address.searchParams.set("to", Math.max(low + 4, high));
      go(address);
    }
  };
  svg.addEventListener("pointerup", end);
  svg.addEventListener("pointercancel", end);
}

// Another part of the same chart, without leaving the page.
async function go(address) {
  history.pushState(null, "", address);
  const form = document.querySelector("form.filter");
  for (const name of ["from", "to"]) form.elements[name].value = new URL(address, location.href).searchParams.get(name) ?? "";
  if (!await load(location.href)) location.reload();
}

document.addEventListener("click", (event) => {
  const link = event.target.closest(".zoom a");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  go(link.href);
});
addEventListener("popstate", () => load(location.href));

// "3 s ago" goes on, by this machine's watch but not by its clock.
function ages() {
  for (const time of document.querySelectorAll("time[data-ago]")) {
    time.since ??= performance.now() - 1000 * Number(time.dataset.ago);
    const seconds = Math.floor((performance.now() - time.since) / 1000);
    if (seconds < 60) time.textContent = `${seconds} s ago`;
    else if (seconds < 3600) time.textContent = `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, "0")} s ago`;
  }
}

charts();
follow();
setInterval(ages, 1000);
