/** Ranked causes: how likely each is, and what speaks for and against it. */

import { h } from '../dom.js';
import { nameOf, percent, when, worded } from '../format.js';
import { link } from '../state.js';
import { changeDetails } from './changelist.js';
import { empty } from './empty.js';

/** @param {import('../visit.js').Visit} ctx @param {any} incident */
export function hypotheses(ctx, { hypotheses: list }) {
  if (!list?.length) return empty('No cause is ranked yet.', { hint: 'Triops weighs changes, dependencies and onsets a few seconds after an incident opens.' });
  return h('ol', { class: 'hypotheses' }, list.map((/** @type {any} */ hyp, /** @type {number} */ at) => h('li', { class: ['hypothesis', at === 0 && 'first', !hyp.entity && 'unknown'] },
    h('div', { class: 'hyp-head' }, h('div', { class: 'bar', 'aria-hidden': 'true' }, h('i', { style: { width: `${Math.max(1, hyp.probability * 100)}%` } })), h('b', { class: 'hyp-p' }, percent(hyp.probability)),
      h('span', { class: 'hyp-title' }, hyp.title || (hyp.entity ? nameOf(hyp.entity) : 'Something Triops has no evidence of')), hyp.entity && h('button', { type: 'button', class: 'link small', on: { click: () => ctx.panel(hyp.entity) } }, nameOf(hyp.entity))),
    h('details', { open: at === 0, data: { key: `hyp-${hyp.rank}` } }, h('summary', { class: 'small' }, hyp.evidence?.length ? `${hyp.evidence.length} ${hyp.evidence.length === 1 ? 'piece' : 'pieces'} of evidence` : 'No evidence recorded'),
      hyp.change && h('div', { class: 'hyp-change' }, h('span', { class: 'tag' }, worded(hyp.change.kind)), ' ', h('a', { href: link('/ui/changes', { change: hyp.change.id }) }, hyp.change.title), h('span', { class: 'muted small' }, ' ', hyp.change.author, ' ', when(hyp.change.at)), changeDetails(hyp.change)),
      h('ul', { class: 'weights' }, (hyp.evidence || []).map(weighed))))));
}

/** @param {any} e */
function weighed(e) {
  const against = e.weight < 0;
  const to = e.ref && e.kind === 'trace' ? link(`/ui/traces/${encodeURIComponent(e.ref)}`) : e.ref && e.kind === 'change' ? link('/ui/changes', { change: e.ref }) : null;
  return h('li', { class: against && 'against' }, h('span', { class: 'tag' }, e.kind), h('span', { class: 'text' }, e.text, to && [' ', h('a', { class: 'small', href: to }, 'show')]), h('span', { class: 'weight small', title: 'Log-odds it adds or takes' }, against ? 'against ' : 'for ', Math.abs(e.weight || 0).toFixed(1)));
}
