/**
 * A table for many rows: only those in view exist. Sorts, lets one choose columns, goes by keyboard, saves as CSV;
 * below 700 px each row is a card.
 */

import { h, twin } from '../dom.js';
import { icon } from '../icons.js';
import { keep, kept } from '../state.js';
import { popover } from './popover.js';
import { bring, inView, layTracks, rowBy } from './rows.js';
import { saveCsv } from './save.js';

/**
 * @typedef {object} Column
 * @property {string} id
 * @property {string} label
 * @property {(row: any) => any} value what it sorts by and what the CSV holds
 * @property {(row: any) => any} [cell] what it shows; the value where absent
 * @property {string} [width] a CSS grid track
 * @property {boolean} [right] numbers
 * @property {boolean} [off] not shown until chosen
 */

const ROW = 36;
const CARD = 78;
const SPARE = 8; // rows drawn above and below the view
const FREE = 60; // up to this many rows the table is as long as it is

/**
 * @param {{name: string, label: string, title?: any, columns: Column[], open?: (row: any) => void, href?: (row: any) => string, key?: (row: any) => string, sort?: string, empty?: any, tall?: string, tools?: any, mark?: (row: any) => string|false|null}} how
 *   `name` names the kept column choice and the CSV; `sort` is "id" or "-id"; `mark` gives a row's class
 */
export function table({ name, label, title, columns, open, href, key, sort = '', empty, tall = '62vh', tools, mark }) {
  /** @type {any[]} */ let rows = [];
  /** @type {any[]} */ let shown = [];
  let order = sort;
  let at = -1;
  let atKey = '';
  let chosen = new Set((kept(`columns.${name}`) || '').split(',').filter(Boolean));
  if (!chosen.size) chosen = new Set(columns.filter((c) => !c.off).map((c) => c.id));
  const narrow = matchMedia('(max-width: 699px)');

  const head = h('div', { class: 'thead', role: 'row' });
  const body = h('div', { class: 'tbody', role: 'rowgroup' });
  const scroller = h('div', { class: 'tscroll', role: 'grid', tabindex: '0', 'aria-label': label, on: { scroll: draw, keydown: keyed, click: clicked } }, h('div', { role: 'rowgroup', class: 'tgroup' }, head), body);
  const counted = h('span', { class: 'muted small' });
  const nothing = h('div', { hidden: true }, empty);
  const chooser = h('div', { class: 'chooser' });
  const bar = h('div', { class: 'tbar' }, title && h('h2', null, title), counted, h('span', { class: 'grow' }), tools || null,
    popover(h('button', { class: 'ghost square', type: 'button', title: 'Columns', 'aria-label': 'Columns' }, icon('columns', 16)), chooser, drawChooser).el,
    h('button', { class: 'ghost square', type: 'button', title: 'Save as CSV', 'aria-label': 'Save as CSV', on: { click: save } }, icon('download', 16)));
  const el = h('div', { class: 'table' }, bar, scroller, nothing);
  narrow.addEventListener('change', layout);
  new ResizeObserver(draw).observe(scroller);

  const visible = () => columns.filter((c) => chosen.has(c.id));
  const rowHeight = () => (narrow.matches ? CARD : ROW);

  function layout() {
    layTracks(el, visible(), { figures: 'minmax(72px, 0.6fr)', words: 'minmax(90px, 1fr)' });
    const refocus = head.contains(document.activeElement) ? twin(document.activeElement, head) : null;
    head.replaceChildren(...visible().map((c) => {
      const [by, down] = [order.replace('-', ''), order.startsWith('-')];
      const sorted = by === c.id;
      return h('div', { role: 'columnheader', class: [c.right && 'right'], 'aria-sort': sorted ? (down ? 'descending' : 'ascending') : 'none' }, h('button', { type: 'button', data: { focus: c.id }, on: { click: () => sortBy(c) } }, c.label, sorted && h('span', { 'aria-hidden': 'true' }, down ? ' ↓' : ' ↑')));
    }));
    refocus?.()?.focus();
    arrange();
  }

  /** @param {Column} c */
  function sortBy(c) {
    order = order === `-${c.id}` ? c.id : order === c.id ? `-${c.id}` : c.right ? `-${c.id}` : c.id;
    layout();
  }

  function arrange() {
    const [by, down] = [order.replace('-', ''), order.startsWith('-')];
    const column = columns.find((c) => c.id === by);
    shown = column ? [...rows].sort((a, b) => compare(column.value(a), column.value(b)) * (down ? -1 : 1)) : rows;
    at = atKey && key ? shown.findIndex((r) => key(r) === atKey) : Math.min(at, shown.length - 1);
    counted.textContent = rows.length ? `${rows.length.toLocaleString('en')} ${rows.length === 1 ? 'row' : 'rows'}` : '';
    bar.hidden = scroller.hidden = !rows.length;
    nothing.hidden = rows.length > 0;
    scroller.setAttribute('aria-rowcount', String(shown.length + 1));
    scroller.classList.toggle('free', shown.length <= FREE);
    scroller.style.maxHeight = shown.length <= FREE ? 'none' : tall;
    body.style.height = `${shown.length * rowHeight()}px`;
    draw();
  }

  function draw() {
    const height = rowHeight();
    const [first, last] = shown.length <= FREE ? [0, shown.length] : inView(scroller, shown.length, height, SPARE);
    const cols = visible();
    body.replaceChildren(...shown.slice(first, last).map((row, i) => drawRow(row, first + i, cols, height)));
    if (at >= first && at < last) scroller.setAttribute('aria-activedescendant', `${name}-${at}`);
    else scroller.removeAttribute('aria-activedescendant');
  }

  /** @param {any} row @param {number} i @param {Column[]} cols @param {number} height */
  function drawRow(row, i, cols, height) {
    const to = href?.(row);
    return h('div', { role: 'row', id: `${name}-${i}`, 'aria-rowindex': i + 2, class: ['tr', (open || href) && 'opens', i === at && 'at', mark?.(row)], style: { top: `${i * height}px` }, data: { i: String(i) } },
      cols.map((c, n) => {
        const shows = c.cell ? c.cell(row) : c.value(row);
        return h('div', { role: 'gridcell', class: [c.right && 'right', n === 0 && 'first'], title: typeof shows === 'string' ? shows : null, data: { label: c.label } }, n === 0 && to ? h('a', { href: to, tabindex: '-1' }, shows) : shows);
      }));
  }

  /** @param {MouseEvent} event */
  function clicked(event) {
    const target = /** @type {any} */ (event.target);
    if (target.closest('a,button,input,summary')) return;
    const tr = target.closest('.tr');
    if (!tr || getSelection()?.toString()) return;
    at = Number(tr.dataset.i);
    atKey = key ? key(shown[at]) : '';
    activate();
    draw();
  }

  function activate() {
    const row = shown[at];
    if (!row) return;
    if (open) open(row);
    else if (href) /** @type {any} */ (document.getElementById(`${name}-${at}`))?.querySelector('a')?.click();
  }

  /** @param {KeyboardEvent} event */
  function keyed(event) {
    if (/** @type {any} */ (event.target) !== scroller) return;
    const to = rowBy(event.key, at, shown.length, scroller, rowHeight());
    if (event.key === 'Enter') activate();
    else if (to !== null) move(to);
    else return;
    event.preventDefault();
  }

  /** @param {number} to */
  function move(to) {
    at = to;
    atKey = key && shown[at] ? key(shown[at]) : '';
    bring(scroller, at, rowHeight());
    draw();
    document.getElementById(`${name}-${at}`)?.scrollIntoView({ block: 'nearest' });
  }

  function drawChooser() {
    chooser.replaceChildren(h('div', { class: 'muted small' }, 'Columns'), ...columns.map((c) => h('label', null, h('input', { type: 'checkbox', checked: chosen.has(c.id), on: { change: (/** @type {any} */ e) => {
      e.target.checked ? chosen.add(c.id) : chosen.size > 1 && chosen.delete(c.id);
      e.target.checked = chosen.has(c.id);
      keep(`columns.${name}`, [...chosen].join(','));
      layout();
    } } }), c.label)));
  }

  function save() {
    const cols = visible();
    saveCsv(name, [cols.map((c) => c.label), ...shown.map((r) => cols.map((c) => c.value(r)))]);
  }

  layout();
  return {
    el,
    /** @param {any[]} fresh */
    set(fresh) {
      rows = fresh;
      arrange();
    },
    size: () => rows.length,
  };
}

/** @param {any} a @param {any} b */
function compare(a, b) {
  if (a === null || a === undefined) return -1;
  if (b === null || b === undefined) return 1;
  return typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b), 'en', { numeric: true });
}
