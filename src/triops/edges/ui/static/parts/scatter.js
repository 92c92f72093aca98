/** Requests as dots, time across and duration up (logarithmic), so that slow ones stand out; drag to zoom in. */

import { h } from '../dom.js';
import { clock, text } from '../format.js';
import { token } from './timeseries.js';

const HEIGHT = 120;
const LEFT = 56;
const BASE = 18;

/** @param {{open: (row: any) => void, zoom: (range: import('../state.js').Range) => void}} how */
export function scatter({ open, zoom }) {
  const canvas = h('canvas', { height: HEIGHT });
  const tip = h('div', { class: 'tip floating', hidden: true });
  const shade = h('div', { class: 'drag', hidden: true });
  const el = h('div', { class: 'scatter', role: 'img', 'aria-label': 'Duration of each request over time' }, canvas, shade, tip);
  /** @type {any[]} */ let rows = [];
  let span = { start: 0, end: 1 };
  /** @type {{x: number, y: number, row: any}[]} */ let dots = [];
  /** @type {number|null} */ let from = null;
  new ResizeObserver(draw).observe(el);
  addEventListener('triops:theme', draw);

  function draw() {
    const width = el.clientWidth;
    if (!width) return;
    const scale = devicePixelRatio || 1;
    canvas.width = width * scale;
    canvas.height = HEIGHT * scale;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${HEIGHT}px`;
    const g = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
    g.scale(scale, scale);
    const [muted, line, accent, critical] = ['muted', 'line', 'chart-1', 'critical'].map(token);
    const times = rows.map((r) => Math.max(0.01, r.duration_ms));
    const low = Math.floor(Math.log10(Math.min(...times)));
    const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...times))));
    const y = (/** @type {number} */ ms) => 6 + (1 - (Math.log10(Math.max(0.01, ms)) - low) / (high - low)) * (HEIGHT - BASE - 10);
    const x = (/** @type {number} */ t) => LEFT + ((t - span.start) / (span.end - span.start)) * (width - LEFT - 8);
    g.font = `11px ${getComputedStyle(document.body).fontFamily}`;
    g.textBaseline = 'middle';
    for (let p = low; p <= high; p++) {
      g.fillStyle = line;
      g.fillRect(LEFT, Math.round(y(10 ** p)), width - LEFT - 8, 1);
      g.fillStyle = muted;
      g.textAlign = 'right';
      g.fillText(text(10 ** p, 'ms'), LEFT - 8, y(10 ** p));
    }
    g.textAlign = 'center';
    for (let i = 1; i < 6; i++) {
      const t = span.start + ((span.end - span.start) * i) / 6;
      g.fillText(clock(t, { day: false }).slice(0, span.end - span.start < 600 ? 8 : 5), x(t), HEIGHT - 7);
    }
    dots = rows.map((row) => ({ x: x(row.start), y: y(row.duration_ms), row }));
    for (const bad of [false, true]) {
      g.fillStyle = bad ? critical : accent;
      g.globalAlpha = bad ? 0.9 : 0.45;
      for (const d of dots) {
        if ((d.row.status === 'error') !== bad) continue;
        g.beginPath();
        if (bad) g.rect(d.x - 2.6, d.y - 2.6, 5.2, 5.2);
        else g.arc(d.x, d.y, 2.6, 0, 7);
        g.fill();
      }
    }
  }

  /** @param {PointerEvent} event */
  function near(event) {
    const box = canvas.getBoundingClientRect();
    const [px, py] = [event.clientX - box.left, event.clientY - box.top];
    /** @type {{x: number, y: number, row: any}|null} */
    let best = null;
    let least = 144;
    for (let i = 0; i < dots.length; i++) {
      const d = dots[i];
      const far = (d.x - px) ** 2 + (d.y - py) ** 2;
      if (far < least) [best, least] = [d, far];
    }
    return { best, px };
  }

  el.addEventListener('pointermove', (/** @type {PointerEvent} */ event) => {
    const { best, px } = near(event);
    if (from !== null) {
      shade.hidden = Math.abs(px - from) < 4;
      shade.style.left = `${Math.min(from, px)}px`;
      shade.style.width = `${Math.abs(px - from)}px`;
    }
    tip.hidden = !best || from !== null;
    el.style.cursor = best ? 'pointer' : 'crosshair';
    if (!best) return;
    tip.replaceChildren(h('div', null, best.row.root_name), h('div', { class: 'muted' }, `${best.row.service} · ${text(best.row.duration_ms, 'ms')} · ${clock(best.row.start)}`));
    tip.style.left = `${Math.min(best.x + 10, el.clientWidth - 260)}px`;
    tip.style.top = `${Math.max(0, best.y - 44)}px`;
  });
  el.addEventListener('pointerdown', (/** @type {PointerEvent} */ event) => {
    if (event.pointerType === 'mouse' && event.button === 0) from = near(event).px;
  });
  el.addEventListener('pointerup', (/** @type {PointerEvent} */ event) => {
    const { best, px } = near(event);
    const began = from;
    from = null;
    shade.hidden = true;
    if (began !== null && Math.abs(px - began) > 8) {
      const t = (/** @type {number} */ p) => span.start + ((p - LEFT) / (el.clientWidth - LEFT - 8)) * (span.end - span.start);
      const [a, b] = [began, px].sort((p, q) => p - q).map(t);
      zoom({ from: String(Math.floor(a)), to: String(Math.ceil(b)) });
    } else if (best) open(best.row);
  });
  el.addEventListener('pointerleave', () => {
    tip.hidden = true;
    shade.hidden = true;
    from = null;
  });

  return {
    el,
    /** @param {any[]} fresh @param {import('../state.js').Span} within */
    set(fresh, within) {
      rows = fresh;
      span = within;
      draw();
    },
  };
}
