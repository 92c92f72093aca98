/**
 * A table over more rows than a browser should hold: it draws those in view and asks its source for the rest. Sorting
 * is the source's. Rows can be chosen (click, Shift for a stretch, Space); below 700 px each row is a card.
 */

import { h, twin } from '../dom.js';
import { bring, inView, layTracks, rowBy } from './rows.js';

/**
 * @typedef {object} Column
 * @property {string} id
 * @property {string} label
 * @property {(row: any) => any} cell
 * @property {string} [title] said on hover
 * @property {string} [width] a CSS grid track
 * @property {boolean} [right] numbers
 * @property {boolean} [fixed] the source cannot sort by it
 */

/**
 * @typedef {object} Source
 * @property {() => number} size
 * @property {(i: number) => any} at the row, or undefined while it is not there yet
 * @property {(first: number, last: number) => void} want rows that are in view now
 */

const ROW = 34;
const CARD = 88;
const SPARE = 10;
const FREE = 40; // up to this many rows the table is as long as it is

/**
 * @param {object} how
 * @param {string} how.name
 * @param {string} how.label
 * @param {Source} how.source
 * @param {(row: any) => string} how.key
 * @param {(row: any) => string|null} how.href
 * @param {(column: Column) => void} how.sort
 * @param {(key: string, on: boolean) => void} how.choose
 * @param {(row: any) => boolean} how.chosen
 * @param {(row: any) => boolean} [how.head] a row that is not data but stands over some: `{open, group: {cell(column, n)}}`
 * @param {(row: any) => void} [how.flip] opens or closes such a row
 * @param {(row: any) => string|false|null} [how.mark]
 * @param {() => boolean} [how.tree] whether some rows open and close
 */
export function longtable({ name, label, source, key, href, sort, choose, chosen, head: headOf, flip, mark, tree }) {
  /** @type {Column[]} */ let columns = [];
  let order = '';
  let at = -1;
  let anchor = -1;
  const narrow = matchMedia('(max-width: 699px)');
  const head = h('div', { class: 'thead', role: 'row' });
  const body = h('div', { class: 'tbody', role: 'rowgroup' });
  const scroller = h('div', { class: 'tscroll long', role: 'grid', tabindex: '0', 'aria-label': label, 'aria-multiselectable': 'true', on: { scroll: () => requestAnimationFrame(draw), keydown: keyed, click: clicked } }, h('div', { role: 'rowgroup', class: 'tgroup' }, head), body);
  const el = h('div', { class: 'table' }, scroller);
  narrow.addEventListener('change', layout);
  const observer = new ResizeObserver(draw);
  observer.observe(scroller);
  const height = () => (narrow.matches ? CARD : ROW);

  function layout() {
    layTracks(el, columns, { figures: 'minmax(84px, 0.6fr)', words: 'minmax(100px, 1fr)' });
    const [by, down] = [order.replace(/^-/, ''), order.startsWith('-')];
    const refocus = head.contains(document.activeElement) ? twin(document.activeElement, head) : null;
    head.replaceChildren(...columns.map((c) => {
      const sorted = by === c.id;
      const words = [h('span', { class: 'th-text' }, c.label), sorted && h('span', { 'aria-hidden': 'true' }, down ? ' ↓' : ' ↑')];
      return h('div', { role: 'columnheader', class: [c.right && 'right'], title: c.title || c.label, 'aria-sort': c.fixed ? null : sorted ? (down ? 'descending' : 'ascending') : 'none' }, c.fixed ? h('span', { class: 'th-fixed' }, words) : h('button', { type: 'button', data: { focus: c.id }, on: { click: () => sort(c) } }, words));
    }));
    refocus?.()?.focus();
    arrange();
  }

  function arrange() {
    const size = source.size();
    at = Math.min(at, size - 1);
    scroller.setAttribute('aria-rowcount', String(size + 1));
    scroller.setAttribute('role', tree?.() ? 'treegrid' : 'grid');
    scroller.classList.toggle('free', size <= FREE);
    body.style.height = `${size * height()}px`;
    draw();
  }

  function draw() {
    const tall = height();
    const size = source.size();
    const [first, last] = size <= FREE ? [0, size] : inView(scroller, size, tall, SPARE);
    if (last > first) source.want(first, last);
    const rows = [];
    for (let i = first; i < last; i++) rows.push(drawRow(source.at(i), i, tall));
    const focused = body.contains(document.activeElement) ? /** @type {any} */ (document.activeElement).closest('.tr')?.id : null;
    body.replaceChildren(...rows);
    if (focused) (document.getElementById(focused)?.querySelector('input') || scroller).focus({ preventScroll: true });
    if (at >= first && at < last) scroller.setAttribute('aria-activedescendant', `${name}-${at}`);
    else scroller.removeAttribute('aria-activedescendant');
  }

  /** @param {any} row @param {number} i @param {number} tall */
  function drawRow(row, i, tall) {
    const place = { role: 'row', id: `${name}-${i}`, 'aria-rowindex': i + 2, style: { top: `${i * tall}px`, height: `${tall}px` }, data: { i: String(i) } };
    if (!row) return h('div', { ...place, class: 'tr waiting' }, h('div', { role: 'gridcell', class: 'first' }, h('span', { class: 'bone' })));
    if (headOf?.(row)) return h('div', { ...place, 'aria-expanded': String(row.open), class: ['tr', 'over', 'opens', i === at && 'at'] }, columns.map((c, n) => h('div', { role: 'gridcell', class: [c.right && 'right', n === 0 && 'first'], data: { label: c.label } }, row.group.cell(c, n))));
    const on = chosen(row);
    const to = href(row);
    return h('div', { ...place, 'aria-selected': String(on), class: ['tr', 'opens', i === at && 'at', on && 'picked', mark?.(row)] }, columns.map((c, n) => {
      const shows = c.cell(row);
      if (n) return h('div', { role: 'gridcell', class: [c.right && 'right'], data: { label: c.label } }, shows);
      return h('div', { role: 'gridcell', class: 'first pick' }, h('input', { type: 'checkbox', tabindex: '-1', checked: on, 'aria-label': `Choose ${typeof shows === 'string' ? shows : shows?.textContent || ''}`, data: { pick: '1' } }), to ? h('a', { href: to, tabindex: '-1' }, shows) : shows);
    }));
  }

  /** @param {MouseEvent} event */
  function clicked(event) {
    const target = /** @type {any} */ (event.target);
    const tr = target.closest('.tr');
    if (!tr) return;
    const i = Number(tr.dataset.i);
    const row = source.at(i);
    if (!row) return;
    if (target.dataset.pick) {
      pick(i, target.checked, event.shiftKey);
      return;
    }
    if (target.closest('a,button,input') || getSelection()?.toString()) return;
    at = i;
    activate();
    draw();
  }

  /** @param {number} i @param {boolean} on @param {boolean} stretch */
  function pick(i, on, stretch) {
    const from = stretch && anchor >= 0 ? anchor : i;
    for (let n = Math.min(from, i); n <= Math.max(from, i); n++) {
      const row = source.at(n);
      if (row && !headOf?.(row)) choose(key(row), on);
    }
    anchor = i;
    draw();
  }

  function activate() {
    const row = source.at(at);
    if (!row) return;
    if (headOf?.(row)) flip?.(row);
    else /** @type {any} */ (document.getElementById(`${name}-${at}`))?.querySelector('a')?.click();
  }

  /** @param {KeyboardEvent} event */
  function keyed(event) {
    if (/** @type {any} */ (event.target).closest('button')) return;
    const to = rowBy(event.key, at, source.size(), scroller, height());
    if (event.key === 'Enter') activate();
    else if (event.key === ' ') {
      const row = source.at(at);
      if (row && !headOf?.(row)) pick(at, !chosen(row), event.shiftKey);
      else if (row) activate();
    } else if (to !== null) move(to);
    else return;
    event.preventDefault();
  }

  /** @param {number} to */
  function move(to) {
    at = to;
    bring(scroller, at, height());
    draw();
    document.getElementById(`${name}-${at}`)?.scrollIntoView({ block: 'nearest' });
  }

  return {
    el,
    draw,
    arrange,
    /** @param {Column[]} fresh @param {string} sorted "id" or "-id" */
    columns(fresh, sorted) {
      columns = fresh;
      order = sorted;
      layout();
    },
    top() {
      scroller.scrollTop = 0;
      at = anchor = -1;
    },
    leave() {
      observer.disconnect();
      narrow.removeEventListener('change', layout);
    },
  };
}
