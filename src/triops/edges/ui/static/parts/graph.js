/** The topology as a drawing: size by traffic, ring by health, edge width by rate; click opens a node beside it. */

import { h, svg } from '../dom.js';
import { text } from '../format.js';
import { iconPath } from '../icons.js';
import { tone } from './health.js';
import { layers } from './layers.js';

const COLUMN = 230;
const ROW = 104;
const PAD = 70;
const NARROW = 620; // px; below it callers stand above what they depend on, instead of left of it

/** @param {{open: (id: string) => void}} how */
export function graph({ open }) {
  const drawing = svg('svg', { class: 'drawing', role: 'group', 'aria-label': 'What depends on what' });
  const el = h('div', { class: 'graph' }, drawing, h('div', { class: 'graph-tools' },
    h('button', { type: 'button', class: 'square', 'aria-label': 'Zoom in', title: 'Zoom in', on: { click: () => zoom(0.8) } }, '+'),
    h('button', { type: 'button', class: 'square', 'aria-label': 'Zoom out', title: 'Zoom out', on: { click: () => zoom(1.25) } }, '−'),
    h('button', { type: 'button', on: { click: () => fit() } }, 'Fit')));
  let box = { x: 0, y: 0, w: 100, h: 100 };
  let whole = { ...box };
  let drawn = '';

  function view() {
    drawing.setAttribute('viewBox', `${box.x} ${box.y} ${box.w} ${box.h}`);
  }

  function fit() {
    const width = Math.max(200, el.clientWidth || 900);
    const narrow = width < NARROW;
    // Never larger than life: a graph of three nodes should not fill a wall. A narrow one may be as tall as it needs.
    const roomy = Math.min(Math.max(260, innerHeight - 250), Math.max(240, whole.h * Math.min(1.15, width / whole.w) + 10));
    const scale = Math.max(whole.w / width, narrow ? 0 : whole.h / roomy, 0.87);
    const high = narrow ? whole.h / scale : roomy;
    drawing.style.height = `${high}px`;
    box = { w: width * scale, h: high * scale, x: whole.x - (width * scale - whole.w) / 2, y: whole.y - (high * scale - whole.h) / 2 };
    view();
  }

  /** @param {number} by */
  function zoom(by) {
    box = { x: box.x + (box.w * (1 - by)) / 2, y: box.y + (box.h * (1 - by)) / 2, w: box.w * by, h: box.h * by };
    view();
  }

  /** @type {{x: number, y: number}|null} */ let held = null;
  drawing.addEventListener('pointerdown', (/** @type {PointerEvent} */ e) => { if (e.pointerType === 'mouse') held = { x: e.clientX, y: e.clientY }; });
  drawing.addEventListener('pointermove', (/** @type {PointerEvent} */ e) => {
    if (!held) return;
    const scale = box.w / drawing.clientWidth;
    box.x -= (e.clientX - held.x) * scale;
    box.y -= (e.clientY - held.y) * scale;
    held = { x: e.clientX, y: e.clientY };
    view();
  });
  for (const end of ['pointerup', 'pointerleave']) drawing.addEventListener(end, () => { held = null; });
  drawing.addEventListener('wheel', (/** @type {WheelEvent} */ e) => {
    if (!e.ctrlKey && !e.metaKey) return;
    e.preventDefault();
    zoom(e.deltaY > 0 ? 1.1 : 0.9);
  }, { passive: false });
  new ResizeObserver(() => drawn && fit()).observe(el);

  /** @param {any[]} nodes @param {any[]} edges @param {string|null} chosen */
  function set(nodes, edges, chosen) {
    const place = layers(nodes.map((n) => n.id), edges);
    const tallest = Math.max(1, ...count(place));
    const at = new Map();
    const sizes = count(place);
    const down = el.clientWidth > 0 && el.clientWidth < NARROW;
    const [along, across] = down ? [130, 140] : [COLUMN, ROW];
    for (const [id, { layer, slot }] of place) {
      const [a, b] = [PAD + layer * along, PAD + (slot + (tallest - sizes[layer]) / 2) * across];
      at.set(id, down ? { x: b, y: a } : { x: a, y: b });
    }
    const [long, wide] = [PAD * 2 + (sizes.length - 1) * along, PAD * 2 + (tallest - 1) * across];
    whole = down ? { x: 0, y: 0, w: wide, h: long } : { x: 0, y: 0, w: long, h: wide };
    const byId = new Map(nodes.map((n) => [n.id, n]));
    const most = Math.max(1e-9, ...nodes.map((n) => n.rate || 0));
    const size = (/** @type {any} */ n) => 17 + 13 * Math.sqrt((n.rate || 0) / most);
    const lines = edges.filter((e) => at.has(e.source) && at.has(e.target) && e.source !== e.target);
    drawing.replaceChildren(svg('defs', null, ['', 'warning', 'critical'].map((kind) => svg('marker', { id: `arrow${kind}`, viewBox: '0 0 8 8', refX: 7, refY: 4, markerWidth: 8, markerHeight: 8, markerUnits: 'userSpaceOnUse', orient: 'auto' }, svg('path', { d: 'M0 0 8 4 0 8z', style: { fill: `var(--${kind || 'strong-line'})` } })))),
      svg('g', null, lines.map((e) => edge(e, at, size(byId.get(e.source)), size(byId.get(e.target)), down))),
      svg('g', null, nodes.filter((n) => at.has(n.id)).map((n) => node(n, at.get(n.id), size(n), n.id === chosen))));
    const shape = String(down) + [...place.keys()].join() + lines.map((e) => e.source + e.target).join();
    if (shape !== drawn) {
      drawn = shape;
      fit();
    }
  }

  /** @param {any} n @param {{x: number, y: number}} p @param {number} r @param {boolean} chosen */
  function node(n, p, r, chosen) {
    const words = [n.p95_ms !== null && n.p95_ms !== undefined && `p95 ${text(n.p95_ms, 'ms')}`, n.error_ratio > 0.005 && `${text(n.error_ratio, 'ratio')} errors`].filter(Boolean).join(' · ') || (n.health === 'critical' || n.health === 'warning' ? n.health : '');
    const label = n.name.length > 24 ? n.name.slice(0, 22) + '…' : n.name;
    return svg('g', { class: ['node', tone(n.health), chosen && 'chosen'], transform: `translate(${p.x} ${p.y})`, tabindex: '0', role: 'button', 'aria-description': `${n.type}, ${n.health}`, data: { id: n.id }, on: {
      click: () => open(n.id), keydown: (/** @type {KeyboardEvent} */ e) => { if (e.key === 'Enter' || e.key === ' ') { e.preventDefault(); open(n.id); } },
      pointerenter: () => near(n.id), pointerleave: () => near(null), focus: () => near(n.id), blur: () => near(null) } },
    svg('circle', { class: 'halo', r: r + 6 }), svg('circle', { r }), svg('path', { class: 'glyph', d: iconPath(n.type), transform: `translate(-9 -9) scale(0.9)` }),
    svg('text', { y: r + 18 }, label !== n.name && svg('title', null, n.name), label, ' '), words && svg('text', { class: ['sub-label', n.health === 'critical' || n.health === 'warning' ? tone(n.health) : null], y: r + 33 }, (n.health === 'critical' ? '◆ ' : n.health === 'warning' ? '▲ ' : '') + words));
  }

  /** Dims what does not touch a node. @param {string|null} id */
  function near(id) {
    el.classList.toggle('hovering', id !== null);
    if (id === null) return;
    const beside = new Set([id]);
    for (const line of drawing.querySelectorAll('.edge-group')) {
      const touches = line.dataset.source === id || line.dataset.target === id;
      line.classList.toggle('dim', !touches);
      if (touches) beside.add(line.dataset.source).add(line.dataset.target);
    }
    for (const other of drawing.querySelectorAll('.node')) other.classList.toggle('dim', !beside.has(other.dataset.id));
  }

  return { el, set };
}

/** @param {any} e @param {Map<string, {x: number, y: number}>} at @param {number} r1 @param {number} r2 @param {boolean} down */
function edge(e, at, r1, r2, down) {
  const [a, b] = [at.get(e.source), at.get(e.target)];
  if (!a || !b) return null;
  const back = down ? b.y <= a.y : b.x <= a.x;
  const [x1, x2] = back || down ? [a.x, b.x] : [a.x + r1 + 3, b.x - r2 - 5];
  const [y1, y2] = back ? [a.y - r1 - 2, b.y - r2 - 6] : down ? [a.y + r1 + 38, b.y - r2 - 5] : [a.y, b.y];
  const bend = Math.max(down ? 16 : 40, (down ? y2 - y1 : Math.abs(x2 - x1)) * 0.45);
  const path = back ? `M${x1} ${y1}C${x1} ${y1 - bend} ${x2} ${y2 - bend} ${x2} ${y2}` : down ? `M${x1} ${y1}C${x1} ${y1 + bend} ${x2} ${y2 - bend} ${x2} ${y2}` : `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
  const kind = e.error_ratio > 0.05 ? 'critical' : e.error_ratio > 0.01 ? 'warning' : '';
  const width = 1.2 + Math.min(4, Math.log10(1 + (e.rate || 0)) * 1.6);
  const quiet = e.kind === 'runs_on' || e.kind === 'part_of';
  return svg('g', { class: 'edge-group', data: { source: e.source, target: e.target } },
    svg('path', { class: ['edge', kind], d: path, 'stroke-width': width, 'stroke-dasharray': quiet ? '2 4' : null, 'marker-end': `url(#arrow${kind})` }, svg('title', null, `${e.source} ${e.kind.replace('_', ' ')} ${e.target}${e.rate ? `: ${text(e.rate, '/s')}, p95 ${text(e.p95_ms, 'ms')}, ${text(e.error_ratio, 'ratio')} errors` : ''}`)),
    e.rate ? svg('text', { class: 'edge-label', x: (x1 + x2) / 2, y: (y1 + y2) / 2 - 5, 'text-anchor': 'middle' }, text(e.rate, '/s')) : null);
}

/** How many stand in each layer. @param {Map<string, {layer: number, slot: number}>} place */
function count(place) {
  /** @type {number[]} */
  const sizes = [];
  for (const { layer } of place.values()) sizes[layer] = (sizes[layer] || 0) + 1;
  return Array.from(sizes, (n) => n || 0);
}
