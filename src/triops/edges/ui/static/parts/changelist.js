/** Changes as lines: who changed what, when, and what came of it. */

import { h } from '../dom.js';
import { nameOf, percent, when, worded } from '../format.js';
import { link } from '../state.js';

/** The incidents that name a change as their cause. @param {any[]} incidents @returns {Map<string, {incident: any, probability: number}[]>} */
export function consequences(incidents) {
  const out = new Map();
  for (const incident of incidents) {
    for (const hyp of incident.hypotheses || []) {
      const id = hyp.change?.id;
      if (id && hyp.probability >= 0.1) out.set(id, [...(out.get(id) || []), { incident, probability: hyp.probability }]);
    }
  }
  return out;
}

/** @param {any} change @param {{incident: any, probability: number}[]} came */
export function changeLine(change, came = []) {
  return h('li', { class: 'line' }, h('span', { class: 'tag' }, worded(change.kind)),
    h('div', { class: 'line-body' }, h('a', { href: link('/ui/changes', { change: change.id }) }, change.title || change.id), h('div', { class: 'muted small' }, h('a', { class: 'quiet', href: link(location.pathname, { ...Object.fromEntries(new URLSearchParams(location.search)), panel: change.entity }) }, nameOf(change.entity)), change.author && ` · ${change.author}`, ' · ', when(change.at))),
    came.map(({ incident, probability }) => h('a', { class: 'came small', href: link(`/ui/incidents/${encodeURIComponent(incident.id)}`), title: incident.title }, h('span', { class: 'critical' }, '◆ '), `likely cause, ${percent(probability)}`)));
}

/** From → to, and what else a change says of itself. @param {any} change */
export function changeDetails(change) {
  const { from, to, diff, ...rest } = change.details || {};
  const [plain, nested] = [false, true].map((deep) => Object.entries(rest).filter(([, value]) => (value !== null && typeof value === 'object') === deep));
  return [
    (from !== undefined || to !== undefined) && h('p', null, h('span', { class: 'from mono' }, show(from)), ' → ', h('span', { class: 'to mono' }, show(to))),
    diff !== undefined && h('pre', { class: 'diff small', tabindex: '0' }, ...show(diff).split('\n').map((line) => h('span', { class: line.startsWith('+') ? 'added' : line.startsWith('-') ? 'removed' : null }, line + '\n'))),
    plain.length > 0 && h('dl', { class: 'facts small' }, plain.map(([name, value]) => [h('dt', null, worded(name)), h('dd', null, String(value))])),
    nested.length > 0 && h('pre', { class: 'small', tabindex: '0' }, JSON.stringify(Object.fromEntries(nested), null, 2)),
  ];
}

/** @param {any} value */
function show(value) {
  return value === undefined ? '(nothing)' : typeof value === 'string' ? value : JSON.stringify(value, null, 2);
}
