/** Gateway keys: whose they are, how much of their limits is used; making a secret, shown once, and revoking one. */

import { post, remove, seg } from '../api.js';
import { h, say } from '../dom.js';
import { count, short, when } from '../format.js';
import { ask } from './ask.js';
import { code } from './code.js';
import { dollars, limitBar } from './promptwords.js';
import { askReason } from './reason.js';

const LIMITS = [['requests_last_minute', 'requests_per_minute', 'calls a minute'], ['tokens_last_minute', 'tokens_per_minute', 'tokens a minute'], ['requests_today', 'requests_per_day', 'calls today'], ['tokens_today', 'tokens_per_day', 'tokens today']];

/** @param {any} k a key of /gateway @param {any[]} secrets those of it @param {any[]} budgets those of it @param {{done: () => void, admin: boolean}} how */
export function keyCard(k, secrets, budgets, { done, admin }) {
  const live = secrets.filter((s) => !s.revoked_at && !(s.expires_at && s.expires_at < Date.now() / 1000));
  const limits = LIMITS.filter(([, most]) => k[most]);
  const about = [k.application && `application ${k.application}`, k.team && `team ${k.team}`, k.routes.length ? `routes ${k.routes.join(', ')}` : 'any route', k.expires_at && `until ${new Date(k.expires_at * 1000).toLocaleDateString('en')}`].filter(Boolean).join(' · ');
  return h('article', { class: 'card key-card', 'aria-label': `Key ${k.name}` },
    h('div', { class: 'card-head' }, h('h3', { class: 'route-name' }, k.name), h('span', { class: 'muted small' }, k.secrets ? count(k.secrets, 'secret') : 'no secret yet')),
    h('p', { class: 'muted small' }, about),
    limits.length || budgets.length ? h('ul', { class: 'limits' }, limits.map(([used, most, words]) => bar((k.used[used] || 0) / k[most], words, short(k.used[used] || 0), short(k[most]))), budgets.map((b) => bar(b.share, `a ${b.per}${b.hard ? '' : ', soft'}`.replace('a total', 'in all'), dollars(b.spent_usd), dollars(b.amount_usd)))) : h('p', { class: 'small muted' }, 'No limit of its own.'),
    admin && h('ul', { class: 'secrets small' }, live.map((s) => h('li', null, h('span', { class: 'mono' }, `trg_…${s.hint}`), ' ', h('span', { class: 'muted' }, 'made ', when(s.created_at), s.expires_at && [', ends ', when(s.expires_at)]), ' ', h('button', { type: 'button', class: 'small ghost danger', 'aria-label': `Revoke the secret ${s.hint} of ${k.name}`, on: { click: () => revoke(k, s, done) } }, 'Revoke …')))),
    admin && h('div', { class: 'buttons' }, h('button', { type: 'button', class: 'small', 'aria-label': `Make a secret of ${k.name}`, on: { click: () => make(k, done) } }, 'Make a secret …')));
}

/** @param {number} share @param {string} words @param {string} used @param {string} most */
function bar(share, words, used, most) {
  return h('li', null, h('div', { class: 'limit-words small' }, h('span', null, h('strong', null, used), h('span', { class: 'muted' }, ` of ${most} ${words}`)), share >= 0.7 && h('span', { class: share >= 0.9 ? 'critical' : 'warning' }, `${Math.round(share * 100)} %`)), limitBar(share, `${used} of ${most} ${words}`));
}

/** @param {any} k @param {() => void} done */
function make(k, done) {
  ask({
    title: `Make a secret of ${k.name}`, says: 'Whoever has it calls models at this key’s cost and limits. It is shown once.',
    fields: [{ name: 'days', label: 'Valid', kind: 'choice', options: [['', 'until revoked'], ['30', '30 days'], ['90', '90 days'], ['365', 'a year']], optional: true }],
    act: 'Make it',
    done: async ({ days }) => {
      const made = await post('/gateway/keys', { key: k.name, ...(days ? { expires_at: Math.floor(Date.now() / 1000) + Number(days) * 86400 } : {}) });
      once(k.name, made.secret);
      done();
    },
  });
}

/** @param {string} name @param {string} secret */
function once(name, secret) {
  const base = location.origin;
  const dialog = h('dialog', { class: 'dialog wide', 'aria-label': `The secret of ${name}`, on: { close: () => dialog.remove() } }, h('form', { method: 'dialog' }, h('h2', null, `The secret of ${name}`), h('p', null, 'It is shown only now: copy it before you close.'),
    code(secret, 'Secret'), code(`export OPENAI_BASE_URL=${base}/v1\nexport OPENAI_API_KEY=${secret}`, 'For any OpenAI client'), code(`curl ${base}/v1/chat/completions -H 'authorization: Bearer ${secret}' -H 'content-type: application/json' -d '{"model": "ROUTE", "messages": [{"role": "user", "content": "Hi"}]}'`, 'Or try it'),
    h('div', { class: 'buttons' }, h('button', { type: 'submit', class: 'primary' }, 'I have it'))));
  document.body.append(dialog);
  dialog.showModal();
}

/** @param {any} k @param {any} s @param {() => void} done */
function revoke(k, s, done) {
  askReason({ title: `Revoke trg_…${s.hint} of ${k.name}`, says: 'Whatever calls with it is refused at once. It cannot be undone.', act: 'Revoke', tone: 'danger', done: async () => {
    await remove(`/gateway/keys/${seg(s.id)}`);
    say('Revoked');
    done();
  } });
}
