/** Tables of what applications asked of language models: traces, sessions, users. */

import { h } from '../dom.js';
import { clock, exact, figure, when } from '../format.js';
import { link } from '../state.js';
import { health } from './health.js';
import { dollars, errorText, money, promptName, sessionPath, tokens, tracePath, tracesOf } from './llmwords.js';
import { table } from './table.js';

/** @param {any} empty what stands there when nothing matches */
export function traceTable(empty) {
  return table({
    name: 'llm-traces', label: 'LLM traces', key: (t) => t.trace, href: (t) => tracePath(t.trace), sort: '-at', empty, tall: '68vh',
    mark: (t) => t.status === 'error' && 'bad',
    columns: [
      { id: 'input', label: 'Asked', value: (t) => t.input || t.root, width: 'minmax(150px, 2.6fr)', cell: (t) => h('span', { title: t.input }, t.input || h('span', { class: 'muted' }, t.root)) },
      { id: 'output', label: 'Answered', value: (t) => t.output, width: 'minmax(130px, 2.6fr)', cell: (t) => (t.status === 'error' ? h('span', { class: 'critical', title: t.error }, '◆ ', errorText(t.error) || 'error') : h('span', { title: t.output }, t.output || '–')) },
      { id: 'application', label: 'Application', value: (t) => t.application, width: 'minmax(84px, 0.8fr)' },
      { id: 'model', label: 'Model', value: (t) => t.model, width: 'minmax(84px, 0.9fr)' },
      { id: 'prompt', label: 'Prompt', value: promptName, width: 'minmax(96px, 1fr)', cell: (t) => promptName(t) || h('span', { class: 'muted' }, '–') },
      { id: 'tokens', label: 'Tokens', right: true, value: (t) => t.input_tokens + t.output_tokens, cell: (t) => tokens(t.input_tokens, t.output_tokens), width: '80px' },
      { id: 'cost', label: 'Cost', right: true, value: (t) => dollars(t.cost_usd), cell: (t) => money(t.cost_usd, t.estimated), width: '80px' },
      { id: 'ms', label: 'Took', right: true, value: (t) => t.ms, cell: (t) => figure(t.ms, 'ms'), width: '62px' },
      { id: 'first', label: '1st token', right: true, value: (t) => t.first_token_ms, cell: (t) => figure(t.first_token_ms, 'ms'), width: '62px' },
      { id: 'at', label: 'Started', value: (t) => t.at, cell: (t) => h('span', { title: exact(t.at) }, clock(t.at)), width: 'minmax(64px, 0.4fr)' },
      { id: 'status', label: 'Status', value: (t) => t.status, cell: (t) => health(t.status === 'error' ? 'error' : 'ok', t.status === 'error' ? 'error' : 'ok'), width: '62px', off: true },
      { id: 'provider', label: 'Provider', value: (t) => t.provider, off: true },
      { id: 'user', label: 'User', value: (t) => t.user, off: true },
      { id: 'session', label: 'Session', value: (t) => t.session, cell: (t) => (t.session ? h('a', { href: sessionPath(t.session) }, t.session) : ''), off: true },
      { id: 'tags', label: 'Tags', value: (t) => t.tags.join(', '), off: true },
      { id: 'calls', label: 'Calls', right: true, value: (t) => t.calls, off: true },
      { id: 'scores', label: 'Scores', value: (t) => Object.entries(t.scores).map(([name, value]) => `${name} ${value}`).join(', '), off: true },
      { id: 'trace', label: 'Trace id', value: (t) => t.trace, cell: (t) => h('span', { class: 'mono small' }, t.trace), off: true, width: '260px' },
    ],
  });
}

/** What sums of sessions and users have in common. */
const SUMS = () => [
  { id: 'calls', label: 'Calls', right: true, value: (/** @type {any} */ s) => s.calls, cell: (/** @type {any} */ s) => s.calls.toLocaleString('en') },
  { id: 'errors', label: 'Errors', right: true, value: (/** @type {any} */ s) => s.errors, cell: (/** @type {any} */ s) => (s.errors ? h('span', { class: 'critical' }, s.errors) : h('span', { class: 'muted' }, '0')) },
  { id: 'tokens', label: 'Tokens', right: true, value: (/** @type {any} */ s) => s.input_tokens + s.output_tokens, cell: (/** @type {any} */ s) => tokens(s.input_tokens, s.output_tokens) },
  { id: 'cost', label: 'Cost', right: true, value: (/** @type {any} */ s) => dollars(s.cost_usd), cell: (/** @type {any} */ s) => money(s.cost_usd, s.estimated) },
  { id: 'last', label: 'Last', value: (/** @type {any} */ s) => s.last_at, cell: (/** @type {any} */ s) => when(s.last_at) },
];

/** @param {any} empty */
export function sessionTable(empty) {
  return table({
    name: 'llm-sessions', label: 'Sessions', key: (s) => s.session, href: (s) => sessionPath(s.session), sort: '-last', empty,
    mark: (s) => s.errors > 0 && 'bad',
    columns: [
      { id: 'session', label: 'Session', value: (s) => s.session, width: 'minmax(160px, 1.6fr)' },
      { id: 'users', label: 'Users', value: (s) => s.users.join(', ') },
      { id: 'applications', label: 'Applications', value: (s) => s.applications.join(', ') },
      { id: 'traces', label: 'Turns', right: true, value: (s) => s.traces },
      ...SUMS(),
    ],
  });
}

/** @param {any} empty */
export function userTable(empty) {
  return table({
    name: 'llm-users', label: 'Users', key: (u) => u.user, href: (u) => tracesOf({ user: u.user }), sort: '-cost', empty,
    columns: [
      { id: 'user', label: 'User', value: (u) => u.user, width: 'minmax(160px, 1.6fr)' },
      { id: 'sessions', label: 'Sessions', right: true, value: (u) => u.sessions, cell: (u) => h('a', { href: link('/ui/llm', { tab: 'sessions', user: u.user }) }, u.sessions) },
      { id: 'applications', label: 'Applications', value: (u) => u.applications.join(', ') },
      { id: 'traces', label: 'Traces', right: true, value: (u) => u.traces },
      ...SUMS(),
    ],
  });
}
