/** Words and links that pages of language models share: money, tokens, prompts, where a thing is shown. */

import { h } from '../dom.js';
import { short, text } from '../format.js';
import { link } from '../state.js';

/** Dollars come as exact decimal texts; a number is enough to draw and to sort. @param {string|null|undefined} usd */
export function dollars(usd) {
  return usd === null || usd === undefined ? null : Number(usd);
}

/** As one reads it, the exact amount on hover; what was counted by ourselves is marked. @param {string|null|undefined} usd @param {any} [estimated] */
export function money(usd, estimated = false) {
  if (usd === null || usd === undefined) return h('span', { class: 'muted', title: 'No price is known' }, '–');
  return h('span', { class: 'figure', title: `$${usd}${estimated ? ', in part estimated: a provider did not say how many tokens there were' : ''}` }, text(Number(usd), 'USD'), estimated && h('span', { class: 'muted' }, ' est.'));
}

/** "1.2 k → 64" @param {number|null|undefined} input @param {number|null|undefined} output */
export function tokens(input, output) {
  return h('span', { class: 'figure', title: `${(input || 0).toLocaleString('en')} tokens in, ${(output || 0).toLocaleString('en')} out` }, short(input || 0), h('span', { class: 'muted' }, ' → '), short(output || 0));
}

/** @param {{prompt?: string, prompt_version?: string}} of */
export function promptName({ prompt, prompt_version }) {
  return prompt ? `${prompt}${prompt_version ? `@${prompt_version}` : ''}` : '';
}

/** @param {{prompt?: string, prompt_version?: string}} of */
export function promptLink(of) {
  return h('a', { href: link(`/ui/prompts/${encodeURIComponent(of.prompt || '')}`, { v: of.prompt_version }) }, promptName(of));
}

/** Those of an application, a session, a user … @param {Record<string, any>} only */
export function tracesOf(only) {
  return link('/ui/llm', only);
}

/** @param {string} trace @param {Record<string, any>} [query] */
export function tracePath(trace, query) {
  return link(`/ui/llm/traces/${encodeURIComponent(trace)}`, query);
}

/** @param {string} session */
export function sessionPath(session) {
  return link(`/ui/llm/sessions/${encodeURIComponent(session)}`);
}

/** @type {Record<string, string>} */
const ERRORS = { invalid: 'the request is not valid', server: 'the provider failed', connect: 'the provider was not reached', garbage: 'the provider’s answer was unreadable', cut: 'the answer broke off', auth: 'the provider refused our credential', not_found: 'no such model', timeout: 'it took too long' };

/** What went wrong in words: the gateway says its kind, others what they like. @param {string|null|undefined} error */
export function errorText(error) {
  return ERRORS[error || ''] || (/^[a-z]+(_[a-z]+)+$/.test(error || '') ? String(error).replaceAll('_', ' ') : error || '');
}

/** The value below which `p` of the numbers lie; null of none. @param {number[]} numbers @param {number} p */
export function quantile(numbers, p) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted.length ? sorted[Math.min(sorted.length - 1, Math.floor(p * sorted.length))] : null;
}

/** The two commands that begin: the one variable, and a call that uses it. */
export function beginCommand() {
  return `export OPENAI_BASE_URL=${location.origin}/v1`;
}
