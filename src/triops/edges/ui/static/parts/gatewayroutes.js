/** Routes: where calls go, by which share, what waits behind; and how they fare. */

import { h } from '../dom.js';
import { figure, percent, short } from '../format.js';
import { health } from './health.js';
import { dollars } from './promptwords.js';

/** Kinds of errors that a caller's own limit or request makes: no fault of a route. */
const OWN = ['budget_exceeded', 'rate_limited', 'unauthenticated', 'forbidden'];

/** @param {any[]} routes @param {any[]} providers */
export function routeCards(routes, providers) {
  return h('div', { class: 'route-cards' }, routes.map((r) => card(r, providers)));
}

/** @param {any} route */
function refusedOf(route) {
  return OWN.reduce((n, kind) => n + (route.kinds[kind] || 0), 0);
}

/** How a route fares, and in which words. @param {any} route @param {any[]} providers @returns {[string, string]} */
export function routeState(route, providers) {
  const missing = [...route.targets, ...route.fallbacks].filter((t) => !providers.some((p) => p.name === t.provider));
  if (missing.length) return ['critical', `names no provider: ${missing[0].provider}`];
  const cut = (/** @type {any} */ t) => breakerOf(t, providers)?.state === 'open';
  const shut = route.targets.filter(cut);
  const behind = route.fallbacks.find((/** @type {any} */ t) => !cut(t));
  if (route.targets.length && shut.length === route.targets.length) return behind ? ['warning', `cut off; ${behind.provider}/${behind.model} answers`] : ['critical', 'every target is cut off'];
  if (shut.length) return ['warning', `${shut[0].provider}/${shut[0].model} is cut off`];
  const bad = route.errors - refusedOf(route);
  if (bad > 0 && bad / route.requests >= (route.requests >= 20 ? 0.05 : 0.5)) return ['warning', `${percent(bad / route.requests)} of calls fail`];
  return route.requests ? ['ok', 'healthy'] : ['unset', 'no call yet'];
}

/** @param {any} target @param {any[]} providers */
function breakerOf(target, providers) {
  return providers.find((p) => p.name === target.provider)?.breakers.find((/** @type {any} */ b) => b.model === target.model);
}

/** @param {any} r @param {any[]} providers */
function card(r, providers) {
  const [state, word] = routeState(r, providers);
  const cache = r.cache;
  const refused = refusedOf(r);
  return h('article', { class: 'card route-card', 'aria-label': `Route ${r.name}` },
    h('div', { class: 'card-head' }, h('h3', { class: 'route-name' }, r.name, r.aliases.length > 0 && h('span', { class: 'muted small' }, ` also ${r.aliases.join(', ')}`)), health(state, word)),
    r.documented ? h('ul', { class: 'targets' }, r.targets.map((/** @type {any} */ t) => target(t, providers)), r.fallbacks.map((/** @type {any} */ t) => target(t, providers, 'if all fail'))) : h('p', { class: 'muted small' }, 'A model’s name that callers ask for; no Route document says where it goes.'),
    r.choose !== 'weight' && h('p', { class: 'muted small' }, `Chooses by ${r.choose.replaceAll('_', ' ')}.`),
    h('dl', { class: 'play-figures' }, cell('calls', short(r.requests)), cell('errors', r.errors > refused ? h('span', { class: 'critical' }, short(r.errors - refused)) : '0'), cell('p50', figure(r.p50_ms, 'ms')), cell('p95', figure(r.p95_ms, 'ms')), cell('first token', figure(r.first_token_ms, 'ms')), refused > 0 && cell('refused', h('span', { title: 'by the limits and budgets of callers' }, short(refused))),
      cache && cell('cached', cache.hits + cache.misses ? h('span', { title: `${short(cache.hits)} of ${short(cache.hits + cache.misses)} answered by the cache` }, percent(cache.hits / (cache.hits + cache.misses))) : '–'), cache && cell('saved', dollars(cache.saved_usd))),
    r.guards.length > 0 && h('p', { class: 'small muted' }, 'Guards: ', r.guards.join(', ')));
}

/** @param {string} name @param {any} value */
function cell(name, value) {
  return h('div', null, h('dt', null, name), h('dd', null, value));
}

/** @param {any} t @param {any[]} providers @param {string} [role] */
function target(t, providers, role = '') {
  const breaker = breakerOf(t, providers);
  const share = role || (t.canary ? `canary ${percent(t.share)}` : percent(t.share));
  return h('li', { class: 'target' }, h('span', { class: 'target-share small' }, share), !role && h('span', { class: 'target-bar', 'aria-hidden': 'true' }, h('i', { style: { width: `${100 * t.share}%` } })),
    h('span', { class: 'target-name' }, h('span', { class: 'muted' }, t.provider, '/'), t.model), breaker && breaker.state !== 'closed' && health(breaker.state === 'open' ? 'critical' : 'warning', breaker.state === 'open' ? 'cut off' : 'on trial'));
}
