/** Secrets of a gateway key: making one, shown once, putting another in its place, revoking it. */

import { post, remove, seg } from '../api.js';
import { h, say } from '../dom.js';
import { when } from '../format.js';
import { ask } from './ask.js';
import { code } from './code.js';
import { notice } from './dialog.js';
import { askReason } from './reason.js';

/** @type {[string, string][]} */
export const VALID = [['', 'until revoked'], ['30', '30 days'], ['90', '90 days'], ['365', 'a year']];
/** @type {[string, string][]} */
const GRACE = [['3600', 'an hour'], ['0', 'not at all: it ends now'], ['86400', 'a day'], ['604800', 'a week']];
const SOON = 7 * 86400;

/** @param {string} days @returns {number|null} unix seconds */
export function endsAt(days) {
  return days ? Math.floor(Date.now() / 1000) + Number(days) * 86400 : null;
}

/** @param {string} key its name @param {any[]} secrets the live ones @param {string} route one that it may ask for @param {() => void} done */
export function secretList(key, secrets, route, done) {
  return h('ul', { class: 'secrets small' }, secrets.map((s) => h('li', null, h('span', { class: 'secret-words' }, h('span', { class: 'mono' }, `trg_…${s.hint}`), ' ', h('span', { class: 'muted' }, 'made ', when(s.created_at)), s.expires_at && h('span', { class: s.expires_at - Date.now() / 1000 < SOON ? 'warning' : 'muted' }, ' · ends ', when(s.expires_at))),
    h('button', { type: 'button', class: 'small', 'aria-label': `Rotate the secret ${s.hint} of ${key}`, on: { click: () => rotate(key, s, route, done) } }, 'Rotate …'),
    h('button', { type: 'button', class: 'small ghost danger', 'aria-label': `Revoke the secret ${s.hint} of ${key}`, on: { click: () => revoke(key, s, done) } }, 'Revoke …'))));
}

/** @param {string} key @param {string} route @param {() => void} done */
export function makeSecret(key, route, done) {
  ask({
    title: `Make a secret of ${key}`, says: 'Whoever has it calls models at this key’s cost and limits. It is shown once.',
    fields: [{ name: 'days', label: 'Valid', kind: 'choice', options: VALID, optional: true }],
    act: 'Make it',
    done: async ({ days }) => {
      const { secret } = await post('/gateway/keys', { key, expires_at: endsAt(days) });
      done();
      return () => shownOnce(key, secret, route);
    },
  });
}

/** @param {string} key @param {any} s @param {string} route @param {() => void} done */
function rotate(key, s, route, done) {
  ask({
    title: `Rotate trg_…${s.hint} of ${key}`, says: 'A new secret takes its place. The present one stays good for a while, so that the application can be moved without a failed call.',
    fields: [{ name: 'grace', label: 'The present one is good for', kind: 'choice', options: GRACE }, { name: 'days', label: 'The new one is valid', kind: 'choice', options: VALID, optional: true }],
    act: 'Rotate',
    done: async ({ grace, days }) => {
      const { secret } = await post(`/gateway/keys/${seg(s.id)}/rotate`, { grace_s: Number(grace), expires_at: endsAt(days) });
      done();
      return () => shownOnce(key, secret, route);
    },
  });
}

/** @param {string} key @param {string} secret @param {string} route */
export function shownOnce(key, secret, route) {
  const base = location.origin;
  notice({ title: `The secret of ${key}`, act: 'I have it', wide: true, firm: true }, h('p', null, 'It is shown only now: copy it before you close.'),
    code(secret, 'Secret'), code(`export OPENAI_BASE_URL=${base}/v1\nexport OPENAI_API_KEY=${secret}`, 'For any OpenAI client'), code(`curl ${base}/v1/chat/completions -H 'authorization: Bearer ${secret}' -H 'content-type: application/json' -d '{"model": "${route || 'MODEL'}", "messages": [{"role": "user", "content": "Hi"}]}'`, 'Or try it'));
}

/** @param {string} key @param {any} s @param {() => void} done */
function revoke(key, s, done) {
  askReason({ title: `Revoke trg_…${s.hint} of ${key}`, says: 'Whatever calls with it is refused at once. It cannot be undone.', act: 'Revoke', tone: 'danger', done: async (why) => {
    await remove(`/gateway/keys/${seg(s.id)}`, { why });
    say('Revoked');
    done();
  } });
}
