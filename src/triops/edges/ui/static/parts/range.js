/** The time range of all pages: relative or absolute. */

import { h } from '../dom.js';
import { clock } from '../format.js';
import { icon } from '../icons.js';
import { RANGES, moment, spanOf } from '../state.js';
import { popover } from './popover.js';

/** @param {(range: import('../state.js').Range) => void} pick */
export function rangePicker(pick) {
  /** @type {import('../state.js').Range} */
  let range = { from: '-1h', to: 'now' };
  const label = h('span', { class: 'label' });
  const from = h('input', { type: 'datetime-local', step: '1', 'aria-label': 'From' });
  const to = h('input', { type: 'datetime-local', step: '1', 'aria-label': 'To' });
  const wrong = h('p', { class: 'critical small', role: 'alert' });
  const list = h('div', { class: 'range-list' });
  const form = h('form', { class: 'range-form', on: { submit: apply } }, h('label', null, 'From', from), h('label', null, 'To', to), wrong, h('button', { class: 'primary', type: 'submit' }, 'Use this range'));
  const { el, close } = popover(
    h('button', { class: 'ghost range', type: 'button', title: 'Time range of all pages' }, icon('clock', 16), label, icon('down', 14)),
    h('div', { class: 'range-box' }, list, form),
    () => {
      const span = spanOf(range);
      from.value = local(span.start);
      to.value = local(span.end);
      wrong.textContent = '';
      list.replaceChildren(...RANGES.map(([value, name]) => h('button', { type: 'button', class: 'choice', 'aria-pressed': String(value === range.from && range.to === 'now'), on: { click: () => choose({ from: value, to: 'now' }) } }, name)));
    },
  );
  el.classList.add('range-picker');

  /** @param {import('../state.js').Range} chosen */
  function choose(chosen) {
    close();
    pick(chosen);
  }

  /** @param {Event} event */
  function apply(event) {
    event.preventDefault();
    const [a, b] = [Date.parse(from.value) / 1000, Date.parse(to.value) / 1000];
    if (!(a < b)) wrong.textContent = 'The start must lie before the end.';
    else choose({ from: String(Math.floor(a)), to: String(Math.ceil(b)) });
  }

  return {
    el,
    /** @param {import('../state.js').Range} now */
    set(now) {
      range = now;
      label.textContent = nameOf(now);
    },
  };
}

/** @param {import('../state.js').Range} range */
export function nameOf(range) {
  const known = range.to === 'now' && RANGES.find(([value]) => value === range.from);
  if (known) return known[1];
  const now = Date.now() / 1000;
  const [a, b] = [moment(range.from, now) || now, moment(range.to, now) || now];
  return `${clock(a).replace(/:\d\d$/, '')} – ${range.to === 'now' ? 'now' : clock(b).replace(/:\d\d$/, '')}`;
}

/** @param {number} at */
function local(at) {
  const d = new Date(at * 1000);
  return new Date(d.getTime() - d.getTimezoneOffset() * 60000).toISOString().slice(0, 19);
}
