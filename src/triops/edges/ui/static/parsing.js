/** Texts that may be JSON. */

/** @param {any} text @param {any} [otherwise] what stands for what cannot be read @returns {any} */
export function parsed(text, otherwise) {
  try {
    return JSON.parse(text);
  } catch {
    return otherwise;
  }
}
