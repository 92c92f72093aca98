/** What lists share of which only the rows in view exist: their tracks, which rows those are, where keys lead. */

/**
 * The tracks of a grid. Narrower than their least the table scrolls sideways instead of squeezing its figures.
 * @param {any} el @param {{width?: string, right?: boolean}[]} columns @param {{figures: string, words: string}} usual tracks of those that name none
 */
export function layTracks(el, columns, { figures, words }) {
  const tracks = columns.map((c) => c.width || (c.right ? figures : words)).join(' ');
  const least = [...tracks.matchAll(/(?:minmax\(|^| )(\d+)px/g)].reduce((sum, m) => sum + Number(m[1]), 0);
  el.style.setProperty('--tracks', tracks);
  el.style.setProperty('--least', `${least + 16 * (columns.length + 1)}px`);
}

/** The rows to draw, [first, last). @param {any} scroller @param {number} size @param {number} height of a row @param {number} spare rows above and below @returns {[number, number]} */
export function inView(scroller, size, height, spare) {
  return [Math.max(0, Math.floor(scroller.scrollTop / height) - spare), Math.min(size, Math.ceil((scroller.scrollTop + scroller.clientHeight) / height) + spare)];
}

/** The row that a key leads to; null where it leads nowhere. @param {string} key @param {number} at @param {number} size @param {any} scroller @param {number} height */
export function rowBy(key, at, size, scroller, height) {
  const page = Math.max(1, Math.floor(scroller.clientHeight / height) - 2);
  /** @type {Record<string, number>} */
  const moves = { ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + page, PageUp: at - page, Home: 0, End: size - 1 };
  return key in moves ? Math.max(0, Math.min(size - 1, moves[key])) : null;
}

/** Scrolls a row into view; `below`: rows' room that is kept under it, for a head that stays. @param {any} scroller @param {number} at @param {number} height @param {number} [below] */
export function bring(scroller, at, height, below = 1) {
  if (at * height < scroller.scrollTop) scroller.scrollTop = at * height;
  else if ((at + 1 + below) * height > scroller.scrollTop + scroller.clientHeight) scroller.scrollTop = (at + 1 + below) * height - scroller.clientHeight;
}
