/** Runs side by side, line by line: parameters, metrics, tags, where they ran, packages; only what differs, or all. */

import { h } from '../dom.js';
import { icon } from '../icons.js';
import { lastedText, metricText, nameOfRun, runPath, runState } from './runwords.js';
import { saveCsv } from './save.js';

const LONG = 300; // characters of a value shown whole
const MOST = 50000;
const SECTIONS = [['params', 'Parameters'], ['metrics', 'Metrics'], ['tags', 'Tags'], ['provenance', 'Code and place'], ['packages', 'Packages']];

/** @param {any} data the answer of /runs/diff @param {boolean} onlyDifferences @param {(only: boolean) => void} turn */
export function rundiff(data, onlyDifferences, turn) {
  const sections = SECTIONS.map(([id, title]) => ({ id, title, all: data[id] || [], rows: (data[id] || []).filter((/** @type {any} */ r) => !onlyDifferences || !r.same) }));
  const box = h('label', { class: 'small' }, h('input', { type: 'checkbox', checked: onlyDifferences, on: { change: (/** @type {any} */ e) => turn(e.target.checked) } }), ' only differences');
  return h('section', { class: 'card flush' },
    h('div', { class: 'tbar' }, box, h('span', { class: 'grow' }), h('button', { class: 'ghost small', type: 'button', 'aria-label': 'CSV: differences', on: { click: save } }, icon('download', 14), 'CSV')),
    h('div', { class: 'diff-wrap', tabindex: '0', role: 'region', 'aria-label': 'Differences' }, h('table', { class: 'diff-table' },
      h('thead', null, h('tr', null, h('th', { scope: 'col' }, h('span', { class: 'muted' }, 'Run')), data.runs.map((/** @type {any} */ r) => h('th', { scope: 'col' }, h('a', { href: runPath(r.id) }, nameOfRun(r)), h('div', { class: 'small muted' }, runState(r.status), ' ', lastedText(r)))))),
      h('tbody', null, sections.filter((s) => s.all.length).map((s) => [
        h('tr', { class: 'section' }, h('th', { scope: 'rowgroup' }, s.title, ' ', h('span', { class: 'muted small' }, s.rows.length === s.all.length ? String(s.all.length) : `${s.rows.length} of ${s.all.length}`)), data.runs.map(() => h('td'))),
        s.rows.map((/** @type {any} */ r) => h('tr', { class: !r.same && !onlyDifferences && 'differs' }, h('th', { scope: 'row' }, r.key), r.values.map((/** @type {any} */ v) => h('td', null, shown(v, s.id)))))])))));

  function save() {
    saveCsv('runs-diff', [['kind', 'key', ...data.runs.map(nameOfRun)], ...sections.flatMap((s) => s.rows.map((/** @type {any} */ r) => [s.id, r.key, ...r.values.map((/** @type {any} */ v) => (v !== null && typeof v === 'object' ? v.value ?? JSON.stringify(v) : v))]))]);
  }
}

/** @param {any} v @param {string} kind */
function shown(v, kind) {
  if (v === null || v === undefined) return h('span', { class: 'muted' }, '–');
  const value = typeof v === 'object' ? v.value ?? JSON.stringify(v) : v;
  if (kind === 'metrics') return metricText(value);
  const text = String(value);
  return text.length <= LONG ? text : h('details', null, h('summary', { class: 'small' }, `${text.split('\n').length.toLocaleString('en')} lines`), h('pre', { class: 'small' }, text.slice(0, MOST)));
}
