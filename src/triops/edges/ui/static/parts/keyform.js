/** The document of a gateway key as a form: making one with its first secret, changing its limits, removing it. */

import { ApiError, get, post, remove, seg } from '../api.js';
import { h, say } from '../dom.js';
import { ask } from './ask.js';
import { VALID, endsAt, shownOnce } from './gatewaysecrets.js';
import { askReason } from './reason.js';

const COUNTS = [['requests_per_minute', 'Calls a minute'], ['tokens_per_minute', 'Tokens a minute'], ['requests_per_day', 'Calls a day'], ['tokens_per_day', 'Tokens a day']];

/** @param {any} spec @param {any[]} routes those of documents @returns {import('./ask.js').AskField[]} */
function fieldsOf(spec, routes) {
  const budget = spec.budget_usd || {};
  const names = [...new Set([...routes.map((r) => r.name), ...(spec.routes || [])])];
  return [
    { name: 'application', label: 'Application', value: spec.application, placeholder: 'as pages and traces name it', optional: true, most: 200 },
    { name: 'team', label: 'Team', value: spec.team, placeholder: 'care', optional: true, most: 200 },
    { name: 'amount', label: 'Budget, $', kind: 'number', value: budget.amount === undefined ? '' : String(budget.amount), placeholder: 'none', optional: true },
    { name: 'per', label: 'Budget per', kind: 'choice', value: `${budget.per || 'month'} ${budget.hard ?? true}`, options: [['day', 'day'], ['month', 'month'], ['total', 'in all']].flatMap(([per, words]) => /** @type {[string, string][]} */ ([[`${per} true`, `${words}, then refuse`], [`${per} false`, `${words}, only warn`]])), optional: true },
    ...COUNTS.map(([name, label]) => /** @type {import('./ask.js').AskField} */ ({ name, label, kind: 'number', value: String(spec[name] || ''), placeholder: 'no limit', optional: true })),
    ...(names.length ? [/** @type {import('./ask.js').AskField} */ ({ name: 'routes', label: 'Routes it may ask for; none ticked: any', kind: 'many', value: (spec.routes || []).join('\n'), options: names.map((n) => [n, n]), optional: true })] : []),
  ];
}

/** What was in the document and is not in the form stays. @param {any} spec @param {Record<string, string>} given */
function specOf(spec, given) {
  const { application, team, amount, per, routes, expires } = given;
  const [window, hard] = per.split(' ');
  const values = { application, team, expires: expires ?? spec.expires, routes: routes === undefined ? spec.routes : routes.split('\n').filter(Boolean), budget_usd: amount ? { amount, per: window, hard: hard === 'true' } : '', ...Object.fromEntries(COUNTS.map(([name]) => [name, given[name] ? Number(given[name]) : ''])) };
  return Object.fromEntries(Object.entries({ ...spec, ...values }).filter(([, v]) => v !== '' && v !== undefined && !(Array.isArray(v) && !v.length)));
}

/** @param {string} name @param {any} spec */
function apply(name, spec) {
  return post('/documents', { documents: [{ kind: 'Key', name, spec }] });
}

/** @param {{keys: any[], routes: any[], done: () => void}} how */
export function newKey({ keys, routes, done }) {
  ask({
    title: 'A key for an application', wide: true, act: 'Make the key',
    says: 'Whoever has its secret calls models within what you allow here; every call is counted as this application’s. All of it can be changed later.',
    fields: [{ name: 'name', label: 'Name', placeholder: 'support-bot', most: 100 }, { name: 'valid', label: 'Its secret is valid', kind: 'choice', options: VALID, optional: true }, ...fieldsOf({}, routes)],
    done: async ({ name, valid, ...given }) => {
      if (keys.some((k) => k.name === name)) throw new ApiError(400, { message: `There is a key ${name} already: change that one, or choose another name.` });
      await apply(name, specOf({}, { ...given, application: given.application || name }));
      const { secret } = await post('/gateway/keys', { key: name, expires_at: endsAt(valid) });
      done();
      return () => shownOnce(name, secret, given.routes?.split('\n')[0] || routes[0]?.name || '');
    },
  });
}

/** @param {any} key of /gateway @param {any[]} routes @param {() => void} done */
export async function changeKey(key, routes, done) {
  const { items } = await get('/documents', { kind: 'Key' });
  const spec = items.find((/** @type {any} */ d) => d.name === key.name)?.spec || {};
  const last = key.expires_at ? new Date(key.expires_at * 1000 - 1).toISOString().slice(0, 10) : '';
  ask({
    title: `What ${key.name} may do`, wide: true, act: 'Apply',
    says: ['It holds for its next call, and is recorded as a change.', spec.budgets?.length > 0 && ' Its further budgets, in its document, stay.'],
    fields: [...fieldsOf(spec, routes), { name: 'expires', label: 'Its last day (UTC)', kind: 'date', value: last, optional: true }],
    done: async (given) => {
      await apply(key.name, specOf(spec, given.expires === last ? { ...given, expires: spec.expires } : given));
      say('Applied');
      done();
    },
  });
}

/** @param {any} key @param {() => void} done */
export function removeKey(key, done) {
  askReason({ title: `Remove the key ${key.name}`, says: 'Whatever calls with one of its secrets is refused at once. What it spent stays in the books.', act: 'Remove', tone: 'danger', done: async (why) => {
    const { items } = await get('/gateway/keys', { key: key.name });
    for (const secret of items.filter((/** @type {any} */ s) => !s.revoked_at)) await remove(`/gateway/keys/${seg(secret.id)}`, { why });
    await remove(`/documents/Key/${seg(key.name)}`, { why });
    say('Removed');
    done();
  } });
}

/** Where there is none yet. @param {() => void} make */
export function firstKey(make) {
  return h('div', { class: 'empty' }, h('p', { class: 'what' }, 'No application has a key yet.'), h('p', { class: 'muted' }, 'A key says whose calls are whose, what they may cost and how many they may be.'), h('p', null, h('button', { type: 'button', class: 'primary', on: { click: make } }, 'New key …')));
}
