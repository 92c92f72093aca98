/** The columns a table of runs may have: what a run is, its metrics, its parameters, its tags. Pure but for cells. */

import { h } from '../dom.js';
import { exact, when } from '../format.js';
import { byWeight, lastedText, metricText, nameOfRun, runState, userOf } from './runwords.js';

/** @typedef {import('./longtable.js').Column & {value: (run: any) => any, kind: string}} RunColumn */

const MOST_METRICS = 5;
const MOST_PARAMS = 4;
const HIDDEN_TAGS = /^mlflow\.(runName|user|source|note|log-model|parentRunId|rootRunId|loggedArtifacts)/;

/** @type {RunColumn[]} */
const ATTRIBUTES = [
  { id: 'attributes.run_name', kind: 'run', label: 'Run', value: nameOfRun, cell: (r) => h('span', null, r.tags['mlflow.parentRunId'] ? h('span', { class: 'muted', title: 'A child of another run' }, '↳ ') : null, nameOfRun(r)), width: 'minmax(190px, 1.6fr)' },
  { id: 'attributes.start_time', kind: 'run', label: 'Started', value: (r) => (r.start_at ? exact(r.start_at) : ''), cell: (r) => when(r.start_at), width: 'minmax(112px, 0.6fr)' },
  { id: 'duration', kind: 'run', label: 'Duration', fixed: true, right: true, value: (r) => (r.end_at && r.start_at ? r.end_at - r.start_at : ''), cell: (r) => lastedText(r) },
  { id: 'attributes.status', kind: 'run', label: 'Status', value: (r) => r.status, cell: (r) => runState(r.status), width: 'minmax(92px, 0.5fr)' },
  { id: 'attributes.user_id', kind: 'run', label: 'User', value: userOf, cell: userOf },
  { id: 'tags.mlflow.source.name', kind: 'run', label: 'Source', value: (r) => r.tags['mlflow.source.name'], cell: (r) => r.tags['mlflow.source.name'] },
  { id: 'tags.mlflow.source.git.commit', kind: 'run', label: 'Commit', value: (r) => r.tags['mlflow.source.git.commit'], cell: (r) => h('span', { class: 'mono small' }, (r.tags['mlflow.source.git.commit'] || '').slice(0, 10)) },
  { id: 'attributes.run_id', kind: 'run', label: 'Run id', value: (r) => r.id, cell: (r) => h('span', { class: 'mono small' }, r.id), width: '270px' },
];
const FIRST = ['attributes.run_name', 'attributes.start_time', 'duration', 'attributes.status'];

/** Every column, by id. @param {{metrics: string[], params: string[], tags: string[]}} keys @returns {Map<string, RunColumn>} */
export function columnsOf(keys) {
  const all = [...ATTRIBUTES];
  for (const k of keys.metrics) all.push({ id: `metrics.${k}`, kind: 'metric', label: k, title: `metric ${k}`, right: true, value: (r) => r.metrics[k]?.value ?? null, cell: (r) => metricCell(r.metrics[k]) });
  for (const k of keys.params) all.push({ id: `params.${k}`, kind: 'param', label: k, title: `parameter ${k}`, value: (r) => r.params[k] ?? null, cell: (r) => long(r.params[k]) });
  for (const k of keys.tags) if (!HIDDEN_TAGS.test(k)) all.push({ id: `tags.${k}`, kind: 'tag', label: k, title: `tag ${k}`, value: (r) => r.tags[k] ?? null, cell: (r) => long(r.tags[k]) });
  return new Map(all.map((c) => [c.id, c]));
}

/** @param {any} metric */
function metricCell(metric) {
  if (!metric) return h('span', { class: 'muted' }, '–');
  return typeof metric.value === 'number' ? h('span', { title: `${metric.value} at step ${metric.step}` }, metricText(metric.value)) : h('span', { class: 'warning' }, metric.value);
}

/** @param {string|undefined} text */
function long(text) {
  return text === undefined ? h('span', { class: 'muted' }, '–') : text.length > 24 ? h('span', { title: text.slice(0, 500) }, text.slice(0, 200)) : text;
}

/** What is shown before anyone chose. @param {{metrics: string[], params: string[]}} keys */
export function usual(keys) {
  return [...FIRST, ...byWeight(keys.metrics).slice(0, MOST_METRICS).map((k) => `metrics.${k}`), ...keys.params.slice(0, MOST_PARAMS).map((k) => `params.${k}`)];
}

/** A column's id as MLflow's `order_by` wants it, quoted where a name needs it. @param {string} order "id" or "-id" */
export function orderBy(order) {
  const [id, down] = [order.replace(/^-/, ''), order.startsWith('-')];
  const dot = id.indexOf('.');
  const [kind, key] = [id.slice(0, dot), id.slice(dot + 1)];
  return `${kind}.${kind === 'attributes' ? key : quoted(key)} ${down ? 'DESC' : 'ASC'}`;
}

/** A key as MLflow's language takes it. @param {string} key */
export function quoted(key) {
  if (/^[A-Za-z_][\w]*$/.test(key)) return key;
  return key.includes('`') ? `"${key}"` : `\`${key}\``;
}
