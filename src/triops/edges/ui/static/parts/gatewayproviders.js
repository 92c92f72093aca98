/** Providers: health, breakers, and whether their credential is there; setting it, never showing it. */

import { put, remove, seg } from '../api.js';
import { h, say } from '../dom.js';
import { clock, figure, short } from '../format.js';
import { ask } from './ask.js';
import { health } from './health.js';
import { askReason } from './reason.js';

/** @type {Record<string, [string, string]>} */
const CREDENTIAL = { set: ['ok', 'stored'], env: ['ok', 'from the environment'], missing: ['critical', 'missing'], none: ['unset', 'none asked for'], local: ['unset', 'runs here'], caller: ['unset', 'the caller’s own'] };

/** @param {any[]} providers @param {{done: () => void, admin: boolean}} how */
export function providerTable(providers, { done, admin }) {
  return h('div', { class: 'table-wrap', tabindex: '0', role: 'region', 'aria-label': 'Providers' }, h('table', { class: 'plain-table provider-table' },
    h('thead', null, h('tr', null, ['Provider', 'Health', 'Credential', 'Calls', 'Errors', 'p50', 'p95', 'In flight'].map((t, i) => h('th', { scope: 'col', class: [i > 2 && 'right', i > 2 && i !== 4 && 'wide-only'] }, t)))),
    h('tbody', null, providers.map((p) => h('tr', null,
      h('td', null, h('strong', null, p.name), h('div', { class: 'muted small address' }, p.dialect, p.base_url && ` · ${p.base_url}`)),
      h('td', null, healthOf(p), p.breakers.filter((/** @type {any} */ b) => b.state !== 'closed' || b.failures).map(breakerLine)),
      h('td', { data: { label: 'Credential' } }, credential(p, admin, done)),
      h('td', { class: 'right wide-only' }, short(p.requests)), h('td', { class: 'right', data: { label: 'Errors' } }, p.errors ? h('span', { class: 'critical' }, short(p.errors)) : '0'),
      h('td', { class: 'right wide-only' }, figure(p.p50_ms, 'ms')), h('td', { class: 'right wide-only' }, figure(p.p95_ms, 'ms')), h('td', { class: 'right wide-only' }, short(p.in_flight)))))));
}

/** One model cut off is not the whole provider. @param {any} p */
function healthOf(p) {
  if (p.health === 'unknown') return health('unset', 'not called yet');
  const off = p.breakers.filter((/** @type {any} */ b) => b.state === 'open').length;
  if (!off) return health(p.health, p.health === 'ok' ? 'healthy' : 'recovering');
  return off === p.breakers.length ? health('critical', 'cut off') : health('warning', `${off} of ${p.breakers.length} models cut off`);
}

/** @param {any} b */
export function breakerWords(b) {
  if (b.state === 'open') return `${b.model} is cut off${b.opens_until ? ` until ${clock(b.opens_until)}` : ''} after ${b.failures || 'several'} failures`;
  if (b.state === 'half_open') return `${b.model} is tried again`;
  return `${b.model}: ${b.failures} ${b.failures === 1 ? 'failure' : 'failures'} lately`;
}

/** @param {any} b */
function breakerLine(b) {
  return h('div', { class: ['small', b.state === 'open' ? 'critical' : 'muted'] }, breakerWords(b));
}

/** @param {any} p @param {boolean} admin @param {() => void} done */
function credential(p, admin, done) {
  const [state, word] = CREDENTIAL[p.credential] || ['unset', p.credential];
  const stored = admin && ['set', 'missing'].includes(p.credential);
  return h('div', { class: 'credential' }, health(state, word), p.documented && stored && h('button', { type: 'button', class: 'small', 'aria-label': `${p.credential === 'set' ? 'Replace' : 'Set'} the credential of ${p.name}`, on: { click: () => give(p, done) } }, p.credential === 'set' ? 'Replace …' : 'Set …'),
    stored && p.credential === 'set' && h('button', { type: 'button', class: 'small ghost', 'aria-label': `Forget the credential of ${p.name}`, on: { click: () => forget(p, done) } }, 'Forget …'));
}

/** The field is a password's: never drawn, and gone with the box. @param {any} p @param {() => void} done */
function give(p, done) {
  ask({
    title: `Credential of ${p.name}`, says: ['It is stored encrypted, used for calls to ', h('code', null, p.base_url || p.dialect), ', and never shown again.'],
    fields: [{ name: 'secret', label: 'Credential', kind: 'secret', most: 8000 }],
    act: 'Store it',
    done: async ({ secret }) => {
      await put(`/providers/${seg(p.name)}/credential`, { secret });
      say('Stored');
      done();
    },
  });
}

/** @param {any} p @param {() => void} done */
function forget(p, done) {
  askReason({ title: `Forget the credential of ${p.name}`, says: 'Calls to it fail until another is set. It cannot be brought back from here.', act: 'Forget', tone: 'danger', done: async (why) => {
    await remove(`/providers/${seg(p.name)}/credential`, { why });
    say('Forgotten');
    done();
  } });
}
