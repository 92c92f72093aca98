/** Choosing columns out of many: those shown first, then by kind, narrowed by typing. */

import { h } from '../dom.js';
import { icon } from '../icons.js';
import { popover } from './popover.js';

const MOST = 200; // offered at once; typing narrows
const KINDS = [['run', 'Run'], ['metric', 'Metrics'], ['param', 'Parameters'], ['tag', 'Tags']];

/** @param {{all: () => Map<string, import('./runcolumns.js').RunColumn>, shown: () => string[], set: (ids: string[]) => void, reset: () => void}} how */
export function columnPicker({ all, shown, set, reset }) {
  const find = h('input', { type: 'search', placeholder: 'Find a column', 'aria-label': 'Find a column', on: { input: draw } });
  const list = h('div', { class: 'chooser tall' });
  const button = h('button', { class: 'ghost', type: 'button', title: 'Columns' }, icon('columns', 16), h('span', { class: 'label' }, 'Columns'));
  const { el } = popover(button, h('div', { class: 'picker' }, find, list, h('div', { class: 'buttons' }, h('button', { type: 'button', class: 'link', on: { click: () => { reset(); draw(); } } }, 'Back to the usual'))), () => { draw(); setTimeout(() => find.focus()); });

  function draw() {
    const words = find.value.toLowerCase();
    const on = shown();
    const found = [...all().values()].filter((c) => c.id.toLowerCase().includes(words) || c.label.toLowerCase().includes(words));
    list.replaceChildren(...KINDS.flatMap(([kind, title]) => {
      const some = found.filter((c) => c.kind === kind).sort((a, b) => Number(on.includes(b.id)) - Number(on.includes(a.id)));
      return some.length ? [h('div', { class: 'muted small' }, title), ...some.slice(0, MOST).map((c) => one(c, on)), some.length > MOST ? h('div', { class: 'muted small' }, `and ${some.length - MOST} more: type to find them`) : ''] : [];
    }));
  }

  /** @param {import('./runcolumns.js').RunColumn} c @param {string[]} on */
  function one(c, on) {
    return h('label', null, h('input', { type: 'checkbox', checked: on.includes(c.id), disabled: c.id === 'attributes.run_name', on: { change: (/** @type {any} */ e) => set(e.target.checked ? [...shown(), c.id] : shown().filter((id) => id !== c.id)) } }), h('span', { class: 'chooser-name' }, c.label));
  }
  return el;
}
