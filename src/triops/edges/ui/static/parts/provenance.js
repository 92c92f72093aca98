/** Where a run came from: code and its unsaved changes, Python and packages, host, command, seed. */

import { h } from '../dom.js';
import { code as codeBlock } from './code.js';
import { empty } from './empty.js';

const LINES = 2000;

/** @param {any} p the answer of /runs/{id}/provenance */
export function provenance(p) {
  const code = p.code || {};
  const facts = /** @type {[string, any][]} */ ([
    ['Commit', code.version && h('span', { class: 'mono' }, code.version)], ['Branch', code.branch], ['Repository', code.repository && h('span', { class: 'mono small' }, code.repository)],
    ['Unsaved changes', code.dirty === null || code.dirty === undefined ? null : code.dirty ? h('span', { class: 'warning' }, 'yes: the commit alone does not give this run again') : 'none'],
    ['Command', p.command && h('span', { class: 'mono small' }, p.command)], ['Seed', p.seed], ['Python', p.python], ['Host', p.host],
    ...Object.entries(p.machine || {}).filter(([k]) => k !== 'host').map(([k, v]) => [k.replaceAll('_', ' '), v]),
    ['Not in git', code.untracked?.length ? h('span', { class: 'mono small' }, code.untracked.slice(0, 50).join(', ')) : null]]).filter(([, v]) => v !== null && v !== undefined && v !== '');
  const packages = Object.entries(p.packages || {});
  if (!facts.length && !packages.length) return h('section', { class: 'card' }, empty('Nothing is known of where this run came from.', { hint: 'The MLflow client sends the commit when it runs in a git checkout. One more line sends the rest:', command: 'import triops; triops.track()' }));
  return h('div', { class: 'page' },
    h('section', { class: 'card' }, h('h2', null, 'Code and place'), h('dl', { class: 'facts' }, facts.map(([name, value]) => [h('dt', null, name), h('dd', null, value)])), p.recorded === false && h('p', { class: 'muted small' }, 'This is what MLflow’s own tags and files tell. ', h('code', null, 'triops.track()'), ' in the training script adds unsaved changes, packages, machine and seed.')),
    code.diff && h('section', { class: 'card' }, h('h2', null, 'What was not committed'), patch(code.diff)),
    p.environment?.length > 0 && h('section', { class: 'card' }, h('h2', null, 'Environment'), h('pre', { class: 'small' }, p.environment.slice(0, 500).join('\n'))),
    packages.length > 0 && h('section', { class: 'card' }, h('h2', null, `${packages.length.toLocaleString('en')} packages`), h('ul', { class: 'names' }, packages.slice(0, 2000).map(([name, version]) => h('li', null, name, ' ', h('span', { class: 'muted' }, String(version))))), h('details', { data: { key: 'requirements' } }, h('summary', { class: 'small' }, 'as requirements.txt'), codeBlock(packages.map(([n, v]) => `${n}==${v}`).join('\n')))));
}

/** A patch with its lines told apart by their sign and a colour. @param {string} text */
function patch(text) {
  const lines = text.split('\n');
  const kind = (/** @type {string} */ l) => (/^(\+\+\+|---|diff |index )/.test(l) ? 'hunk' : l.startsWith('@@') ? 'hunk' : l.startsWith('+') ? 'added' : l.startsWith('-') ? 'removed' : '');
  return h('div', { class: 'patch', tabindex: '0', role: 'region', 'aria-label': 'Patch' }, lines.slice(0, LINES).map((l) => h('div', { class: kind(l) }, l || ' ')), lines.length > LINES && h('div', { class: 'muted' }, `… ${lines.length - LINES} more lines`));
}
