/** Two texts, and what differs between them word by word. */

import { h } from '../dom.js';

const MOST = 1500; // words of each text; longer ones are compared line by line

/** @typedef {['same'|'removed'|'added', string]} Piece */

/** Pieces that together make both texts. Pure. @param {string} before @param {string} after @returns {Piece[]} */
export function pieces(before, after) {
  let [a, b] = [words(before), words(after)];
  if (a.length > MOST || b.length > MOST) [a, b] = [lines(before), lines(after)];
  if (a.length > MOST || b.length > MOST) return [['removed', before], ['added', after]];
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++;
  const middle = between(a.slice(head, a.length - tail), b.slice(head, b.length - tail));
  return joined([...a.slice(0, head).map((w) => /** @type {Piece} */ (['same', w])), ...middle, ...a.slice(a.length - tail).map((w) => /** @type {Piece} */ (['same', w]))]);
}

/** The longest common subsequence. @param {string[]} a @param {string[]} b @returns {Piece[]} */
function between(a, b) {
  const width = b.length + 1;
  const best = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) best[i * width + j] = a[i] === b[j] ? best[(i + 1) * width + j + 1] + 1 : Math.max(best[(i + 1) * width + j], best[i * width + j + 1]);
  }
  /** @type {Piece[]} */ const out = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      out.push(['same', a[i++]]);
      j++;
    } else if (j >= b.length || (i < a.length && best[(i + 1) * width + j] >= best[i * width + j + 1])) out.push(['removed', a[i++]]);
    else out.push(['added', b[j++]]);
  }
  return out;
}

/** Neighbours of one kind become one; what was removed comes before what was added. @param {Piece[]} list */
function joined(list) {
  /** @type {Piece[]} */ const out = [];
  let [gone, come] = ['', ''];
  const flush = () => {
    if (gone) out.push(['removed', gone]);
    if (come) out.push(['added', come]);
    [gone, come] = ['', ''];
  };
  for (const [kind, text] of list) {
    if (kind === 'removed') gone += text;
    else if (kind === 'added') come += text;
    else {
      flush();
      const last = out.at(-1);
      if (last && last[0] === 'same') last[1] += text;
      else out.push(['same', text]);
    }
  }
  flush();
  return out;
}

/** @param {string} text */
function words(text) {
  return text.match(/\{\{[^{}]*\}\}|\s+|[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu) || [];
}

/** @param {string} text */
function lines(text) {
  return text.match(/[^\n]*\n|[^\n]+$/g) || [];
}

/** @param {string} before @param {string} after */
export function wordDiff(before, after) {
  return h('div', { class: 'word-diff' }, pieces(before, after).map(([kind, text]) => (kind === 'same' ? text : kind === 'added' ? h('ins', null, text) : h('del', null, text))));
}
