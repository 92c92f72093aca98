/** Gateway keys: whose they are, how much of their limits is used, and what an admin may do with them. */

import { h } from '../dom.js';
import { count, short } from '../format.js';
import { makeSecret, secretList } from './gatewaysecrets.js';
import { health } from './health.js';
import { changeKey, removeKey } from './keyform.js';
import { tracesOf } from './llmwords.js';
import { dollars, limitBar } from './promptwords.js';

const LIMITS = [['requests_last_minute', 'requests_per_minute', 'calls a minute'], ['tokens_last_minute', 'tokens_per_minute', 'tokens a minute'], ['requests_today', 'requests_per_day', 'calls today'], ['tokens_today', 'tokens_per_day', 'tokens today']];

/** @param {any} k a key of /gateway @param {any[]} secrets those of it @param {any[]} budgets those of it @param {any[]} routes @param {{done: () => void, admin: boolean}} how */
export function keyCard(k, secrets, budgets, routes, { done, admin }) {
  const now = Date.now() / 1000;
  const live = secrets.filter((s) => !s.revoked_at && !(s.expires_at && s.expires_at < now));
  const route = k.routes[0] || routes[0]?.name || '';
  const over = k.expires_at && k.expires_at < now;
  const limits = LIMITS.filter(([, most]) => k[most]);
  const about = [k.application && `application ${k.application}`, k.team && `team ${k.team}`, k.routes.length ? `routes ${k.routes.join(', ')}` : 'any route', k.models.length > 0 && `models ${k.models.join(', ')}`, k.expires_at && !over && `until ${new Date(k.expires_at * 1000).toLocaleDateString('en', { day: 'numeric', month: 'short', year: 'numeric' })}`].filter(Boolean).join(' · ');
  return h('article', { class: 'card key-card', 'aria-label': `Key ${k.name}` },
    h('div', { class: 'card-head' }, h('h3', { class: 'route-name' }, h('a', { href: tracesOf({ key: k.name }) }, k.name)), over ? health('critical', 'expired') : h('span', { class: 'muted small' }, k.secrets ? count(k.secrets, 'secret') : 'no secret yet')),
    h('p', { class: 'muted small' }, about),
    limits.length || budgets.length ? h('ul', { class: 'limits' }, limits.map(([used, most, words]) => bar((k.used[used] || 0) / k[most], words, short(k.used[used] || 0), short(k[most]))), budgets.map((b) => bar(b.share, `a ${b.per}${b.hard ? '' : ', soft'}`.replace('a total', 'in all'), dollars(b.spent_usd), dollars(b.amount_usd)))) : h('p', { class: 'small muted' }, 'No limit of its own.'),
    admin && live.length > 0 && secretList(k.name, live, route, done),
    admin && h('div', { class: 'buttons' }, h('button', { type: 'button', class: 'small', 'aria-label': `Make a secret of ${k.name}`, on: { click: () => makeSecret(k.name, route, done) } }, 'Make a secret …'), h('button', { type: 'button', class: 'small', 'aria-label': `Change what ${k.name} may do`, on: { click: () => changeKey(k, routes, done) } }, 'Change …'), h('button', { type: 'button', class: 'small ghost danger', 'aria-label': `Remove the key ${k.name}`, on: { click: () => removeKey(k, done) } }, 'Remove …')));
}

/** @param {number} share @param {string} words @param {string} used @param {string} most */
function bar(share, words, used, most) {
  return h('li', null, h('div', { class: 'limit-words small' }, h('span', null, h('strong', null, used), h('span', { class: 'muted' }, ` of ${most} ${words}`)), share >= 0.8 && h('span', { class: share >= 1 ? 'critical' : 'warning' }, '◆ ', `${Math.round(share * 100)} %`)), limitBar(share, `${used} of ${most} ${words}`));
}
