/** Keys: who may send and who may look; a new secret is shown once. */

import { post, remove, seg } from '../api.js';
import { h, say, slot } from '../dom.js';
import { count, sentence, when } from '../format.js';
import { code } from '../parts/code.js';
import { notice } from '../parts/dialog.js';
import { empty } from '../parts/empty.js';
import { failure } from '../parts/failure.js';
import { health } from '../parts/health.js';
import { askReason } from '../parts/reason.js';

const ROLES = [['ingest', 'ingest: send data only'], ['viewer', 'viewer: look'], ['editor', 'editor: look, comment, approve'], ['admin', 'admin: everything']];

/** @param {() => void} refresh */
export function keysTab(refresh) {
  const answer = slot(h('p', { class: 'answer' }), ({ text }) => text);
  const name = h('input', { required: true, maxlength: 100, placeholder: 'ci', 'aria-label': 'Name of the key' });
  const role = h('select', { 'aria-label': 'Role' }, ROLES.map(([v, t]) => h('option', { value: v }, t)));
  const days = h('select', { 'aria-label': 'Valid' }, [['', 'until revoked'], ['30', '30 days'], ['90', '90 days'], ['365', 'a year']].map(([v, t]) => h('option', { value: v }, t)));
  const wrong = h('div', { role: 'alert' });
  const form = h('form', { class: 'inline-form', on: { submit: create } }, h('label', null, 'Name', name), h('label', null, 'Role', role), h('label', null, 'Valid', days), h('button', { class: 'primary', type: 'submit' }, 'Create a key'));
  const list = slot(h('div'), ({ items }) => (items.length ? h('table', { class: 'plain-table' }, h('thead', null, h('tr', null, ['Name', 'Role', 'Key', 'Created', 'State', ''].map((t, i) => h('th', { class: (i === 2 || i === 3) && 'wide-only' }, t || h('span', { class: 'unseen' }, 'Act'))))), h('tbody', null, items.map(row))) : empty('No key yet: on this machine everyone may do everything.', { hint: 'As soon as one key exists, every call needs one. Triops only listens beyond loopback when keys exist.' })));
  const el = h('section', { class: 'card' }, answer.el, form, wrong, list.el);

  /** @param {any} k */
  function row(k) {
    const expired = k.expires_at && k.expires_at < Date.now() / 1000;
    return h('tr', null, h('td', null, k.name), h('td', null, k.role), h('td', { class: 'mono wide-only' }, k.hint), h('td', { class: 'wide-only' }, when(k.created_at)),
      h('td', null, k.revoked_at ? h('span', { class: 'muted' }, 'revoked ', when(k.revoked_at)) : expired ? h('span', { class: 'muted' }, 'expired ', when(k.expires_at)) : [health('ok', 'valid'), k.expires_at && h('span', { class: 'muted small' }, ' ends ', when(k.expires_at))]),
      h('td', { class: 'right' }, !k.revoked_at && h('button', { type: 'button', class: 'danger', 'aria-label': `Revoke ${k.name}`, on: { click: () => revoke(k) } }, 'Revoke …')));
  }

  /** @param {Event} event */
  async function create(event) {
    event.preventDefault();
    try {
      const expires = days.value ? { expires_at: Math.floor(Date.now() / 1000) + Number(days.value) * 86400 } : {};
      const { key, secret } = await post('/keys', { name: name.value.trim(), role: role.value, ...expires });
      wrong.replaceChildren();
      notice({ title: `The secret of ${key.name}`, act: 'I have it', wide: true, firm: true }, h('p', null, 'It is shown only now: copy it before you close. Once a key exists, every call and every login needs one.'), code(secret, 'Secret'));
      name.value = '';
      name.blur();
      refresh();
    } catch (error) {
      wrong.replaceChildren(failure(error));
    }
  }

  /** @param {any} k */
  function revoke(k) {
    askReason({ title: `Revoke “${k.name}”`, says: `Whatever uses this ${k.role} key is refused at once. It cannot be undone.`, act: 'Revoke', done: async (why) => { await remove(`/keys/${seg(k.id)}`, { why }); say('Revoked'); refresh(); } });
  }

  return {
    el,
    /** @param {any[]} answers */
    set([keys]) {
      const valid = keys.items.filter((/** @type {any} */ k) => !k.revoked_at && !(k.expires_at && k.expires_at < Date.now() / 1000));
      answer.set({ text: sentence(`${count(valid.length, 'valid key')}${keys.items.length > valid.length ? `, ${keys.items.length - valid.length} no longer` : ''}.`) });
      list.set({ items: keys.items });
    },
  };
}
