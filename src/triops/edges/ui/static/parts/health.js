/** State as a shape and a word, never a colour alone. */

import { h, svg } from '../dom.js';

/** @type {Record<string, [string, string]>} word → class, shape */
const LOOK = {
  ok: ['good', 'dot'],
  succeeded: ['good', 'tick'],
  resolved: ['good', 'tick'],
  warning: ['warning', 'triangle'],
  critical: ['critical', 'diamond'],
  error: ['critical', 'diamond'],
  fatal: ['critical', 'diamond'],
  failed: ['critical', 'diamond'],
  undone: ['warning', 'triangle'],
  denied: ['warning', 'triangle'],
  open: ['critical', 'diamond'],
  reopened: ['critical', 'diamond'],
  acknowledged: ['warning', 'triangle'],
  mitigated: ['warning', 'ring'],
  waiting: ['accent', 'ring'],
  running: ['accent', 'ring'],
  verifying: ['accent', 'ring'],
  info: ['muted', 'dot'],
  unset: ['muted', 'dot'],
};
const SHAPES = {
  dot: 'M2 6a4 4 0 1 0 8 0 4 4 0 1 0-8 0',
  triangle: 'M6 1 11.4 10.6H.6z',
  diamond: 'M6 .4 11.6 6 6 11.6.4 6z',
  ring: 'M1 6a5 5 0 1 0 10 0A5 5 0 1 0 1 6M3.4 6a2.6 2.6 0 1 1 5.2 0 2.6 2.6 0 1 1-5.2 0',
  tick: 'M1 6.4 4.4 10 11 2.6 9.6 1.4 4.3 7.3 2.3 5.1z',
};

/** @param {string} state @param {string} [word] what to say; '' shows the shape alone, with the state as its label */
export function health(state, word = state) {
  const [look, shape] = LOOK[state] || ['muted', 'dot'];
  const mark = svg('svg', { viewBox: '0 0 12 12', width: 11, height: 11, class: 'mark', ...(word ? { 'aria-hidden': 'true' } : { role: 'img', 'aria-label': state }) }, svg('path', { d: SHAPES[/** @type {keyof typeof SHAPES} */ (shape)], 'fill-rule': 'evenodd' }));
  return h('span', { class: ['health', look], title: word ? null : state }, mark, word && h('span', null, word));
}

/** The class of a state's colour. @param {string} state */
export function tone(state) {
  return (LOOK[state] || ['muted'])[0];
}
