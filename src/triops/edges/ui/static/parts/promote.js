/** Moving an alias: which version, why; and what the registry answered: moved, waits, or refused with its reasons. */

import { put, post, remove } from '../api.js';
import { h } from '../dom.js';
import { ask } from './ask.js';
import { toldMove } from './approvals.js';

/** @param {string} model @param {string} alias */
function path(model, alias) {
  return `/models/${encodeURIComponent(model)}/aliases/${encodeURIComponent(alias)}`;
}

/**
 * @param {{model: string, version: string, versions: any[], aliases: string[], alias?: string, done: () => void}} how
 */
export function promote({ model, version, versions, aliases, alias = '', done }) {
  ask({
    title: `Give version ${version} of ${model} a name`,
    says: h('p', null, 'Whoever loads the model by this name gets this version from then on. If the name has a gate, its checks and its approval come first.'),
    fields: [
      { name: 'alias', label: 'Alias', value: alias, placeholder: aliases.length ? aliases.join(', ') : 'champion', most: 255 },
      ...(versions.length > 1 ? [/** @type {import('./ask.js').AskField} */ ({ name: 'version', label: 'Version', kind: 'choice', value: version, options: versions.slice(0, 200).map((v) => [String(v.version), `version ${v.version}`]) })] : []),
      { name: 'why', label: 'Why', kind: 'words', placeholder: 'A few words for those who read this later' },
    ],
    act: 'Move the alias',
    done: async (given) => {
      const name = given.alias.replace(/^@/, '');
      const answer = await put(path(model, name), { version: Number(given.version || version), why: given.why });
      done();
      return () => toldMove(answer);
    },
  });
}

/** @param {string} model @param {string} alias @param {() => void} done */
export function undoAlias(model, alias, done) {
  ask({ title: `Undo the last move of @${alias}`, says: 'The alias goes back to where it was before, and the history keeps both.', fields: [{ name: 'why', label: 'Why', kind: 'words', placeholder: 'What went wrong' }], act: 'Undo', done: async ({ why }) => {
    const answer = await post(`${path(model, alias)}/undo`, { why });
    done();
    return () => toldMove(answer);
  } });
}

/** @param {string} model @param {string} alias @param {() => void} done */
export function dropAlias(model, alias, done) {
  ask({ title: `Remove @${alias}`, says: 'Whoever loads the model by this name gets an error from then on.', fields: [{ name: 'why', label: 'Why', kind: 'words' }], act: 'Remove', tone: 'danger', done: async ({ why }) => {
    const answer = await remove(path(model, alias), { why });
    done();
    return () => toldMove(answer);
  } });
}
