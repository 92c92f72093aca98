/** A call that was made, as the playground's words to begin with. Pure but for elements. */

import { h } from '../dom.js';
import { link } from '../state.js';

/** @type {Record<string, string>} */
const ROLES = { system: 'system', developer: 'system', user: 'user', human: 'user', assistant: 'assistant' };

/** What was asked as lines; what tools were given and gave, and pictures, are left out. @param {any} span @returns {{role: string, content: string}[]} */
export function askedIn(span) {
  return (span.input || []).flatMap((/** @type {any} */ m) => {
    const content = (m.parts || []).filter((/** @type {any} */ p) => p.type === 'text').map((/** @type {any} */ p) => p.content).join('\n');
    return ROLES[m.role] && content ? [{ role: ROLES[m.role], content }] : [];
  });
}

/** @param {any} span @returns {{temperature?: number, max_tokens?: number}} */
export function settingsOf({ attributes = {} }) {
  return { temperature: attributes['gen_ai.request.temperature'], max_tokens: attributes['gen_ai.request.max_tokens'] };
}

/** Where it can be asked again; null for what is no call, or of which no words are stored. @param {string} trace @param {any} span */
export function playLink(trace, span) {
  if (span.type !== 'llm' || !askedIn(span).length) return null;
  const model = span.attributes?.['triops.route'] || span.attributes?.['gen_ai.request.model'] || span.model;
  return h('a', { class: 'button', href: link('/ui/playground', { trace, span: span.span, model }) }, 'Ask it again');
}
