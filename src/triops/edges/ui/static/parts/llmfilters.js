/** What traces of language models are narrowed by: the commonest as fields, the others behind a button, all as chips. */

import { get } from '../api.js';
import { h, slot } from '../dom.js';
import { filters } from './filters.js';

/** Parameter of the address and of the API → what it is called. @type {Record<string, string>} */
export const NARROWS = { q: 'text', application: 'application', model: 'model', provider: 'provider', prompt: 'prompt', user: 'user', session: 'session', key: 'key', tag: 'tag', status: 'status', min_ms: 'at least ms', min_cost_usd: 'at least $', min_tokens: 'at least tokens' };
const MORE = ['provider', 'user', 'session', 'key', 'tag', 'min_ms', 'min_cost_usd', 'min_tokens'];

/** @param {URLSearchParams} query @returns {Record<string, string>} what the address asks for */
export function narrowed(query) {
  return Object.fromEntries(Object.keys(NARROWS).map((name) => [name, query.get(name) || '']).filter(([, value]) => value));
}

/** @param {import('../visit.js').Visit} ctx */
export function llmFilters(ctx) {
  const spent = (/** @type {string} */ by) => async () => (await get('/spend', { by })).rows.map((/** @type {any} */ r) => r[by]).filter(Boolean);
  const main = filters(ctx, [
    { name: 'q', label: 'Text', placeholder: 'in what was asked or answered', wide: true },
    { name: 'application', label: 'Application', placeholder: 'any', suggest: spent('application') },
    { name: 'model', label: 'Model', placeholder: 'any', suggest: spent('model') },
    { name: 'prompt', label: 'Prompt', placeholder: 'support@3', suggest: spent('prompt') },
    { name: 'status', label: 'Status', kind: 'select', options: [['', 'any'], ['error', 'error'], ['ok', 'ok']] },
  ], h('button', { type: 'button', class: 'ghost', 'aria-expanded': 'false', 'aria-controls': 'more-filters', on: { click: flip } }, 'More filters'));
  const rest = filters(ctx, [
    { name: 'provider', label: 'Provider', placeholder: 'any', suggest: spent('provider') },
    { name: 'user', label: 'User', placeholder: 'any', suggest: async () => (await get('/llm/users', { limit: 200 })).items.map((/** @type {any} */ u) => u.user) },
    { name: 'session', label: 'Session', placeholder: 'any', suggest: async () => (await get('/llm/sessions', { limit: 200 })).items.map((/** @type {any} */ s) => s.session) },
    { name: 'key', label: 'Key', placeholder: 'any', suggest: spent('key') },
    { name: 'tag', label: 'Tag', placeholder: 'any' },
    { name: 'min_ms', label: 'Slower than, ms', kind: 'number', placeholder: '0' },
    { name: 'min_cost_usd', label: 'Dearer than, $', placeholder: '0.01' },
    { name: 'min_tokens', label: 'Longer than, tokens', kind: 'number', placeholder: '0' },
  ]);
  rest.el.id = 'more-filters';
  rest.el.setAttribute('aria-label', 'More filters');
  rest.el.hidden = true;
  const chips = slot(h('div', { class: 'chips' }), (/** @type {Record<string, string>} */ set) => [
    Object.entries(set).map(([name, value]) => h('button', { type: 'button', class: 'chip', title: 'Take this filter away', on: { click: () => ctx.set({ [name]: null }) } }, h('span', { class: 'muted' }, NARROWS[name]), ' ', value, h('span', { 'aria-hidden': 'true' }, ' ✕'))),
    Object.keys(set).length > 1 && h('button', { type: 'button', class: 'link small', on: { click: () => ctx.set(Object.fromEntries(Object.keys(NARROWS).map((name) => [name, null]))) } }, 'clear all')]);

  /** @param {any} event */
  function flip(event) {
    rest.el.hidden = !rest.el.hidden;
    event.currentTarget.setAttribute('aria-expanded', String(!rest.el.hidden));
  }

  return {
    el: h('div', { class: 'llm-filters' }, main.el, rest.el, chips.el),
    sync() {
      main.sync();
      rest.sync();
      const set = narrowed(ctx.query);
      chips.el.hidden = !Object.keys(set).some((name) => MORE.includes(name)) && Object.keys(set).length < 2;
      chips.set(set);
    },
  };
}
