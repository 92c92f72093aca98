/** Runs gathered under what they share: a parameter, a tag, or the run that began them. Pure but for cells. */

import { h } from '../dom.js';
import { count } from '../format.js';
import { icon } from '../icons.js';
import { metricText, nameOfRun, number } from './runwords.js';

/** @typedef {{key: string, label: string, runs: any[]}} Group */

const PARENT = 'mlflow.parentRunId';

/** By a column's value, in the order the groups first appear. @param {any[]} runs @param {{value: (run: any) => any}} column @returns {Group[]} */
export function groupsBy(runs, column) {
  /** @type {Map<string, Group>} */ const groups = new Map();
  for (const run of runs) {
    const value = column.value(run);
    const key = value === null || value === undefined ? '' : String(value);
    const group = groups.get(key) || { key: `is ${key}`, label: key === '' ? 'without a value' : key, runs: [] };
    if (!groups.has(key)) groups.set(key, group);
    group.runs.push(run);
  }
  return [...groups.values()];
}

/** Groups as rows: the head, and below it the runs where it is open. @param {Group[]} groups @param {Set<string>} open @param {string} of what is grouped by */
export function rowsOfGroups(groups, open, of) {
  /** @type {any[]} */ const rows = [];
  for (const group of groups) {
    const row = { open: open.has(group.key), key: group.key, group: { cell: (/** @type {any} */ c, /** @type {number} */ n) => cellOf(group, c, n, row.open, of) } };
    rows.push(row);
    if (row.open) rows.push(...group.runs);
  }
  return rows;
}

/** @param {Group} group @param {any} column @param {number} n @param {boolean} open @param {string} of */
function cellOf(group, column, n, open, of) {
  if (n === 0) return h('span', { class: 'group-name' }, icon(open ? 'down' : 'right', 14), h('span', { class: 'muted' }, of, ' '), h('strong', null, group.label), h('span', { class: 'muted' }, ` · ${count(group.runs.length, 'run')}`));
  if (column.kind !== 'metric') return '';
  const values = group.runs.map((r) => number(column.value(r))).filter(Number.isFinite);
  if (!values.length) return h('span', { class: 'muted' }, '–');
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return h('span', { title: `mean of ${values.length}; from ${metricText(lowest(values))} to ${metricText(highest(values))}` }, h('span', { class: 'muted' }, 'ø '), metricText(mean));
}

/** @param {number[]} values */
function lowest(values) {
  return values.reduce((a, b) => Math.min(a, b), Infinity);
}

/** @param {number[]} values */
function highest(values) {
  return values.reduce((a, b) => Math.max(a, b), -Infinity);
}

/** Runs as a family: a parent, and below it its children where it is open. @param {any[]} runs @param {Set<string>} open */
export function rowsOfFamilies(runs, open) {
  const known = new Map(runs.map((r) => [r.id, r]));
  /** @type {Map<string, any[]>} */ const kids = new Map();
  const roots = [];
  for (const run of runs) {
    const parent = run.tags[PARENT];
    if (parent && parent !== run.id && known.has(parent) && !isAbove(run.id, parent, known)) kids.set(parent, [...(kids.get(parent) || []), run]);
    else roots.push(run);
  }
  /** @type {any[]} */ const rows = [];
  const todo = roots.map((run) => ({ run, depth: 0 })).reverse();
  while (todo.length) {
    const { run, depth } = /** @type {{run: any, depth: number}} */ (todo.pop());
    const below = kids.get(run.id) || [];
    rows.push({ ...run, depth, kids: below.length, open: open.has(run.id) });
    if (open.has(run.id)) for (const kid of [...below].reverse()) todo.push({ run: kid, depth: depth + 1 });
  }
  return rows;
}

/** Whether `id` is an ancestor of `of`: tags come from outside and may run in a circle. @param {string} id @param {string} of @param {Map<string, any>} known */
function isAbove(id, of, known) {
  const seen = new Set();
  for (let at = of; at && !seen.has(at); at = known.get(at)?.tags[PARENT]) {
    if (at === id) return true;
    seen.add(at);
  }
  return false;
}

/** The name of a run within its family. @param {any} row @param {(id: string) => void} flip */
export function familyName(row, flip) {
  return h('span', { class: 'group-name', style: { 'padding-left': `${(row.depth || 0) * 18}px` } },
    row.kids ? h('button', { type: 'button', class: 'wf-fold', 'aria-label': row.open ? 'Close' : 'Open', 'aria-expanded': String(row.open), on: { click: (/** @type {Event} */ e) => { e.preventDefault(); e.stopPropagation(); flip(row.id); } } }, icon(row.open ? 'down' : 'right', 14)) : null,
    nameOfRun(row), row.kids ? h('span', { class: 'muted small' }, ` ${row.kids}`) : null);
}
