/** The two lines that make a training script tell Triops: shown where nothing has come yet. */

import { empty } from './empty.js';

/** @param {string} what @param {string} [hint] */
export function noRuns(what, hint = 'MLflow’s client is all it takes; no line of your training code changes but these two:') {
  return empty(what, { hint, command: `export MLFLOW_TRACKING_URI=${location.origin}\npython -c 'import mlflow; mlflow.autolog()  # then train as usual'` });
}
