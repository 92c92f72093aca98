/** The three lenses at one look: how each is, and of language models what today was like. */

import { h } from '../dom.js';
import { count, figure, percent, sentence, short, text } from '../format.js';
import { link } from '../state.js';
import { code } from './code.js';
import { health } from './health.js';
import { beginCommand, tracesOf } from './llmwords.js';
import { today } from './promptwords.js';

/** @param {any} l a lens of /overview @param {any} now the answer of /llm/today */
export function lensCard(l, now) {
  if (l.id === 'language') return languageCard(l, now);
  const unknown = l.id !== 'services' && (!l.entities || l.health === 'unknown');
  const place = l.id !== 'models' ? '/ui/topology' : unknown ? '/ui/experiments' : '/ui/models';
  return h('a', { class: 'lens-card', href: link(place) }, h('i', { class: `lens ${l.id}` }), h('div', null, h('h2', null, l.title), h('div', null, unknown ? h('span', { class: 'muted' }, l.entities ? count(l.entities, 'entity', 'entities') : 'nothing trained yet') : state(l))));
}

/** @param {any} l */
function state(l) {
  return [health(l.health, sentence(l.health === 'ok' ? 'healthy' : l.health)), h('span', { class: 'muted' }, ` · ${count(l.entities, 'entity', 'entities')}`)];
}

/** @param {any} l @param {any} now */
function languageCard(l, now) {
  const asked = now.requests || now.traces;
  const head = h('h2', null, h('a', { class: 'quiet', href: link('/ui/llm') }, l.title));
  if (!asked && !l.entities) return h('div', { class: 'lens-card language' }, h('i', { class: 'lens language' }), h('div', null, head, h('div', { class: 'muted' }, 'No model was asked yet. One variable is enough:'), code(beginCommand())));
  const bad = now.problem;
  const said = bad ? h('a', { class: 'lens-problem', href: link(bad.link) }, health(bad.severity, ''), ' ', bad.title) : asked ? health('ok', 'Nothing stands out') : h('span', { class: 'muted' }, 'No model was asked today (UTC).');
  return h('div', { class: 'lens-card language' }, h('i', { class: 'lens language' }), h('div', null, head, asked > 0 && h('dl', { class: 'lens-figures' }, figuresOf(now)), h('div', null, said)));
}

/** @param {any} now */
function figuresOf(now) {
  const [n, failed, noun] = now.requests ? [now.requests, now.errors - now.refused, 'calls'] : [now.traces, now.failed, 'traces'];
  const from = { from: new Date(today() * 1000).toISOString() };
  const b = now.budget;
  return [
    cell(`${noun} today`, short(n), tracesOf(from)),
    cell('errors', h('span', { class: failed / n >= 0.05 ? 'critical' : null }, percent(failed / n)), tracesOf({ ...from, status: 'error' }), now.refused ? `${short(now.refused)} refused` : ''),
    cell('cost today', text(Number(now.cost_usd), 'USD'), link('/ui/cost', from), b ? `${percent(b.share)} of ${b.per === 'day' ? '' : `a ${b.per === 'total' ? 'whole' : b.per}’s `}${text(Number(b.amount_usd), 'USD')}${b.scope === 'project' ? '' : `, ${b.name}`}` : 'no budget'),
    cell('p95', figure(now.p95_ms, 'ms'), tracesOf(now.p95_ms ? { ...from, min_ms: Math.floor(now.p95_ms) } : from)),
    cell('first token', figure(now.first_token_ms, 'ms'), tracesOf(from)),
  ];
}

/** @param {string} name @param {any} value @param {string} href @param {string} [note] */
function cell(name, value, href, note = '') {
  return h('div', null, h('dt', null, name), h('dd', null, h('a', { class: 'quiet', href }, value), note && h('span', { class: 'muted small' }, note)));
}
