/** Which parameters a metric goes with: how much of its order each explains alone, and in which direction. */

import { h } from '../dom.js';
import { icon } from '../icons.js';
import { saveCsv } from './save.js';

/** @param {{items: {param: string, importance: number, correlation: number|null}[], runs: number}} data @param {string} metric */
export function importance({ items, runs }, metric) {
  const most = Math.max(1e-9, ...items.map((i) => i.importance));
  return h('section', { class: 'card' }, h('div', { class: 'card-head' }, h('h2', null, `What ${metric} goes with`), h('button', { class: 'ghost small', type: 'button', 'aria-label': 'CSV: importance', on: { click: () => saveCsv(`importance-${metric}`, [['param', 'importance', 'correlation'], ...items.map((i) => [i.param, i.importance, i.correlation])]) } }, icon('download', 14), 'CSV')),
    h('div', { class: 'weights-list', role: 'list' }, items.map((i) => h('div', { role: 'listitem' },
      h('span', { class: 'name', title: i.param }, i.param),
      h('span', { class: 'bar-line', 'aria-hidden': 'true' }, h('i', { style: { width: `${(100 * i.importance) / most}%` } })),
      h('span', { class: 'right' }, `${Math.round(i.importance * 100)} %`),
      h('span', { class: 'muted small more' }, direction(i.correlation))))),
    h('p', { class: 'muted small more' }, `From ${runs.toLocaleString('en')} runs: how much of the order of ${metric} each parameter explains by itself. Two that always change together look alike, and elsewhere it may differ.`));
}

/** @param {number|null} r */
function direction(r) {
  if (r === null || r === undefined || Math.abs(r) < 0.1) return 'no clear direction';
  return r > 0 ? `higher goes up (${r.toFixed(2)})` : `higher goes down (${r.toFixed(2)})`;
}
