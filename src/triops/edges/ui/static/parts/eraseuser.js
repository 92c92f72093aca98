/** Erasing everything of one user, by an admin: what goes, what stays, the id typed once more, and what came of it. */

import { ApiError, get, remove, seg } from '../api.js';
import { h, say } from '../dom.js';
import { count } from '../format.js';
import { ask } from './ask.js';
import { notice } from './dialog.js';
import { failure } from './failure.js';

/** @param {string} user @param {() => void} done after it was told */
export function eraseButton(user, done) {
  return h('button', { type: 'button', class: 'danger', title: `Everything of ${user}`, on: { click: () => confirm(user, done) } }, 'Erase user …');
}

/** @param {string} user @param {() => void} done */
function confirm(user, done) {
  const found = h('strong', null, 'all traces in which they are the user');
  get(`/users/${seg(user)}`).then((kept) => found.replaceChildren(`${count(kept.traces, 'trace')} in which they are the user`, kept.sessions ? `, ${count(kept.sessions, 'session')} with nobody else in ${kept.sessions === 1 ? 'it' : 'them'}` : ''), (error) => found.replaceChildren(failure(error)));
  ask({
    title: `Erase everything of ${user}`, act: 'Erase for good', tone: 'danger',
    says: [h('p', null, 'What goes, and ', h('strong', { class: 'critical' }, 'cannot come back'), ':'),
      h('ul', { class: 'plain erased' }, h('li', null, found, ': each whole, with what others said in it'), h('li', null, 'their scores, their log records, the same traces where experiments keep them'), h('li', null, 'what the gateway’s journal and caches hold of this project')),
      h('p', { class: 'muted' }, 'What stays: sums of what was spent, without the user; runs and models; backups of yours elsewhere.')],
    fields: [{ name: 'typed', label: `Type ${user} to confirm`, most: 500 }, { name: 'why', label: 'Why, for the audit (do not name them there)', kind: 'words', placeholder: 'Asked for by letter of 3 May' }],
    done: async ({ typed, why }) => {
      if (typed !== user.trim()) throw new ApiError(400, { message: 'That is not the user’s id: nothing was erased.' });
      const gone = await remove(`/users/${seg(user)}`, { why });
      return () => tell(user, gone, done);
    },
  });
}

/** @param {string} user @param {{traces: number, sessions: number, rows: number}} gone @param {() => void} done */
function tell(user, gone, done) {
  const words = gone.rows ? `Everything of ${user} is erased` : `Nothing of ${user} was kept`;
  notice({ title: words, act: 'Done', closed: done }, h('p', null, gone.rows ? `${count(gone.traces, 'trace')} and ${count(gone.sessions, 'session')} are gone, ${count(gone.rows, 'row')} of all kinds in all, from the disk too.` : 'There was no row that names them.'), h('p', { class: 'muted' }, 'The audit tells when, by whom and why, but not whom.'));
  say(words);
}
