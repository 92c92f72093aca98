/** What stands beside a run: its family, its data, the models it made, its tags. */

import { h } from '../dom.js';
import { parsed } from '../parsing.js';
import { json } from './json.js';
import { nameOfRun, runPath } from './runwords.js';

const TAGS = 100;
const OWN = /^mlflow\.(note\.content|runName|user|log-model\.history|parentRunId|rootRunId|loggedArtifacts)$/;

/** @param {any} run @param {() => void} tag @returns {any[]} */
export function runFacts(run, tag) {
  const tags = Object.entries(run.tags).filter(([k]) => !OWN.test(k));
  return [family(run), inputs(run), outputs(run),
    h('section', { class: 'card' }, h('div', { class: 'card-head' }, h('h2', null, 'Tags'), h('button', { type: 'button', class: 'link small', on: { click: tag } }, 'Tag …')),
      tags.length ? h('dl', { class: 'facts attrs' }, tags.slice(0, TAGS).map(([k, v]) => [h('dt', null, k), h('dd', null, String(v).slice(0, 500))])) : h('p', { class: 'muted' }, 'None.'), tags.length > TAGS && h('p', { class: 'muted small' }, `and ${tags.length - TAGS} more`))];
}

/** @param {any} run */
function family(run) {
  if (!run.parent && !run.children.length) return null;
  const one = (/** @type {any} */ r) => h('a', { href: runPath(typeof r === 'string' ? r : r.id) }, typeof r === 'string' ? r.slice(0, 12) : nameOfRun(r));
  return h('section', { class: 'card' }, h('h2', null, 'Family'), run.parent && h('p', null, h('span', { class: 'muted' }, 'Begun by '), one(run.parent)),
    run.children.length > 0 && [h('p', { class: 'muted' }, `Began ${run.children.length}:`), h('ul', { class: 'plain' }, run.children.slice(0, 50).map((/** @type {any} */ c) => h('li', null, one(c)))), run.children.length > 50 && h('p', { class: 'muted small' }, `and ${run.children.length - 50} more`)]);
}

/** @param {any} run */
function inputs(run) {
  if (!run.inputs?.length) return null;
  return h('section', { class: 'card' }, h('h2', null, 'Data it was given'), h('ul', { class: 'lines' }, run.inputs.map((/** @type {any} */ { dataset: d, tags }) => h('li', { class: 'line' }, h('div', { class: 'line-body' }, h('strong', null, d.name), ' ', h('span', { class: 'mono small muted' }, d.digest), ' ', contextOf(tags) && h('span', { class: 'tag' }, contextOf(tags)),
    h('div', { class: 'muted small' }, [d.source_type, profileOf(d.profile)].filter(Boolean).join(' · ')),
    h('details', { data: { key: `${d.name} ${d.digest}` } }, h('summary', { class: 'small' }, 'source and columns'), json({ source: readable(d.source), schema: readable(d.schema), profile: readable(d.profile) }, { open: 2 })))))));
}

/** @param {any} run */
function outputs(run) {
  const made = run.outputs || [];
  const used = run.model_inputs || [];
  if (!made.length && !used.length) return null;
  const one = (/** @type {string} */ id, /** @type {any} */ note) => h('li', null, h('span', { class: 'mono small' }, id), note ? h('span', { class: 'muted small' }, ` ${note}`) : '');
  return h('section', { class: 'card' }, h('h2', null, 'Models'), made.length > 0 && h('ul', { class: 'plain' }, made.map((/** @type {any} */ o) => one(o.model_id, `made at step ${o.step}`))), used.length > 0 && h('ul', { class: 'plain' }, used.map((/** @type {any} */ m) => one(typeof m === 'string' ? m : m.model_id, 'used'))));
}

/** @param {any} tags */
function contextOf(tags) {
  return (Array.isArray(tags) ? tags.find((t) => t.key === 'mlflow.data.context')?.value : tags?.['mlflow.data.context']) || '';
}

/** @param {any} text */
function readable(text) {
  return typeof text === 'string' ? parsed(text, text) : text;
}

/** @param {any} profile */
function profileOf(profile) {
  const p = readable(profile);
  return p && typeof p.num_rows === 'number' ? `${p.num_rows.toLocaleString('en')} rows` : '';
}
