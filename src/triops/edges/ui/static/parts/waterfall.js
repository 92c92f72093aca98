/** A trace as indented bars over time: only rows in view exist, branches fold, the critical path is marked. */

import { h } from '../dom.js';
import { text } from '../format.js';
import { bring, inView, rowBy } from './rows.js';
import { palette } from './timeseries.js';
import { rowsOf, treeOf } from './tree.js';

const ROW = 26;
const SPARE = 12;

/** @param {{choose: (span: any) => void, group?: (span: any) => string, note?: (span: any) => string}} how `group`: what shares a colour, the service by default; `note`: stands behind a span's duration */
export function waterfall({ choose, group = (span) => span.service, note }) {
  /** @type {ReturnType<typeof treeOf>} */ let tree = treeOf([]);
  /** @type {import('./tree.js').Node[]} */ let rows = [];
  let folded = new Set();
  let at = -1;
  let onlyCritical = false;
  /** @type {Map<string, string>} */ const colors = new Map();

  const axis = h('div', { class: 'wf-axis', 'aria-hidden': 'true' });
  const body = h('div', { class: 'wf-body', role: 'presentation' });
  const scroller = h('div', { class: 'wf-scroll', role: 'tree', tabindex: '0', 'aria-label': 'Spans of this trace', on: { scroll: draw, keydown: keyed, click: clicked } }, body);
  const legend = h('div', { class: 'legend' });
  const el = h('div', { class: ['waterfall', note && 'noted'] }, legend, axis, scroller);
  new ResizeObserver(draw).observe(scroller);
  addEventListener('triops:theme', () => tree.size && set(tree.roots.length ? spansOf(tree.roots) : []));

  /** @param {any[]} spans */
  function set(spans) {
    tree = treeOf(spans);
    const chart = palette();
    colors.clear();
    for (const node of rowsOf(tree.roots, new Set())) if (!colors.has(group(node.span))) colors.set(group(node.span), chart[colors.size % chart.length]);
    legend.replaceChildren(...[...colors].slice(0, 12).map(([service, color]) => h('span', { class: 'key' }, h('i', { style: { background: color } }), service)),
      h('span', { class: 'key' }, h('i', { class: 'critical-key' }), 'critical path'), h('span', { class: 'grow' }),
      h('button', { type: 'button', class: 'ghost', 'aria-pressed': String(onlyCritical), on: { click: (/** @type {any} */ e) => { onlyCritical = !onlyCritical; e.currentTarget.setAttribute('aria-pressed', String(onlyCritical)); arrange(); } } }, 'Critical path only'),
      h('button', { type: 'button', class: 'ghost', on: { click: foldAll } }, 'Fold or unfold all'));
    const total = (tree.end - tree.start) * 1000;
    axis.replaceChildren(h('span', null, 'Operation'), h('div', { class: 'wf-ticks' }, [0, 0.25, 0.5, 0.75, 1].map((f) => h('span', { style: { left: `${f * 100}%` }, class: f === 1 && 'last' }, text(total * f, 'ms')))));
    arrange();
  }

  function arrange() {
    rows = rowsOf(tree.roots, folded);
    if (onlyCritical) rows = rows.filter((r) => r.critical);
    body.style.height = `${rows.length * ROW}px`;
    at = Math.min(at, rows.length - 1);
    draw();
  }

  function foldAll() {
    folded = folded.size ? new Set() : new Set(rowsOf(tree.roots, new Set()).filter((r) => r.children.length && r.depth > 0).map((r) => r.span.span_id));
    arrange();
  }

  function draw() {
    const [first, last] = inView(scroller, rows.length, ROW, SPARE);
    body.replaceChildren(...rows.slice(first, last).map((node, i) => drawRow(node, first + i)));
    if (at >= first && at < last) scroller.setAttribute('aria-activedescendant', `span-${at}`);
    else scroller.removeAttribute('aria-activedescendant');
  }

  /** @param {import('./tree.js').Node} node @param {number} i */
  function drawRow(node, i) {
    const { span } = node;
    const whole = tree.end - tree.start || 1e-9;
    const [left, width] = [((span.start - tree.start) / whole) * 100, (span.duration_ms / 1000 / whole) * 100];
    const shut = folded.has(span.span_id);
    const error = span.status === 'error';
    const color = colors.get(group(span)) || '';
    return h('div', { class: ['wf-row', i === at && 'at', node.critical && 'on-path', error && 'error'], role: 'treeitem', id: `span-${i}`, 'aria-level': node.depth + 1, 'aria-expanded': node.children.length ? String(!shut) : null, 'aria-selected': String(i === at), style: { top: `${i * ROW}px` }, data: { i: String(i) } },
      h('div', { class: 'wf-name', style: { 'padding-left': `calc(${Math.min(node.depth, 24)} * var(--indent, 12px))` } },
        node.children.length ? h('button', { type: 'button', class: 'wf-fold', tabindex: '-1', 'aria-label': shut ? 'Unfold' : 'Fold', data: { fold: span.span_id } }, shut ? '▸' : '▾') : h('span', { class: 'wf-fold' }),
        h('i', { class: 'dot', style: { background: color } }), h('span', { class: 'wf-title', title: `${span.service}: ${span.name}` }, span.name), error && h('span', { class: 'critical wf-error', title: span.status_message || 'error' }, '◆', h('span', { class: 'word' }, ' error')), shut && h('span', { class: 'muted small' }, ` +${countBelow(node)}`)),
      h('div', { class: 'wf-lane' }, h('div', { class: 'wf-bar', style: { left: `${left}%`, width: `max(2px, ${width}%)`, background: color } }),
        h('span', { class: 'wf-time', style: { left: `calc(max(${left + width}%, ${left}% + 2px) + 6px)` } }, text(span.duration_ms, 'ms'), note && h('span', { class: 'wf-note' }, note(span)))));
  }

  /** @param {string} id */
  function toggle(id) {
    folded.has(id) ? folded.delete(id) : folded.add(id);
    arrange();
  }

  /** @param {MouseEvent} event */
  function clicked(event) {
    const target = /** @type {any} */ (event.target);
    const fold = target.closest('[data-fold]');
    if (fold) return toggle(fold.dataset.fold);
    const row = target.closest('.wf-row');
    if (row) select(Number(row.dataset.i));
  }

  /** @param {number} i */
  function select(i) {
    at = Math.max(0, Math.min(rows.length - 1, i));
    bring(scroller, at, ROW, 0);
    draw();
    if (rows[at]) choose(rows[at]);
  }

  /** @param {KeyboardEvent} event */
  function keyed(event) {
    const node = rows[at];
    const to = rowBy(event.key, at, rows.length, scroller, ROW);
    if (to !== null) select(to);
    else if (event.key === 'ArrowLeft' && node?.children.length && !folded.has(node.span.span_id)) toggle(node.span.span_id);
    else if (event.key === 'ArrowLeft' && node?.parent) select(rows.indexOf(node.parent));
    else if (event.key === 'ArrowRight' && node && folded.has(node.span.span_id)) toggle(node.span.span_id);
    else if (event.key === 'Enter' && node) choose(node);
    else return;
    event.preventDefault();
  }

  return {
    el,
    set,
    /** Shows and chooses a span by its id. @param {string} id */
    show(id) {
      const i = rows.findIndex((r) => r.span.span_id === id);
      if (i >= 0) select(i);
    },
    tree: () => tree,
  };
}

/** @param {import('./tree.js').Node} node */
function countBelow(node) {
  let n = 0;
  const todo = [...node.children];
  while (todo.length) {
    n++;
    todo.push(.../** @type {import('./tree.js').Node} */ (todo.pop()).children);
  }
  return n;
}

/** @param {import('./tree.js').Node[]} roots */
function spansOf(roots) {
  return rowsOf(roots, new Set()).map((n) => n.span);
}
