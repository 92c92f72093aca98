/** The ways data can come in, with what to set for each. Pure: addresses in, words out. */

/**
 * @typedef {{id: string, title: string, sources: string[], says?: string, codes: [string, string][]}} Way
 * @param {string} base the address of this server @param {number[]} grpc ports that take OTLP/gRPC
 * @returns {Way[]}
 */
export function waysOf(base, grpc) {
  const host = new URL(base).hostname;
  const key = '# with keys, add: OTEL_EXPORTER_OTLP_HEADERS="authorization=Bearer%20<key>"';
  return [
    { id: 'otlp', title: 'OpenTelemetry: traces, metrics, logs', sources: ['traces', 'metrics', 'logs'], says: `OTLP over HTTP (protobuf or JSON) at ${base}, over gRPC at ${grpc.map((p) => `${host}:${p}`).join(' and ')}.`, codes: [
      ['Python: no change of code', `pip install opentelemetry-distro opentelemetry-exporter-otlp && opentelemetry-bootstrap -a install\nexport OTEL_EXPORTER_OTLP_ENDPOINT=${base} OTEL_SERVICE_NAME=my-service\nexport OTEL_PYTHON_LOGGING_AUTO_INSTRUMENTATION_ENABLED=true\n${key}\nopentelemetry-instrument python app.py`],
      ['Node.js', `npm install @opentelemetry/api @opentelemetry/auto-instrumentations-node\nexport OTEL_EXPORTER_OTLP_ENDPOINT=${base} OTEL_SERVICE_NAME=my-service\nexport OTEL_METRICS_EXPORTER=otlp OTEL_LOGS_EXPORTER=otlp\nnode --require @opentelemetry/auto-instrumentations-node/register app.js`],
      ['Java', `export OTEL_EXPORTER_OTLP_ENDPOINT=${base} OTEL_SERVICE_NAME=my-service\njava -javaagent:opentelemetry-javaagent.jar -jar app.jar`],
      ['OpenTelemetry Collector', `exporters:\n  otlphttp/triops:\n    endpoint: ${base}\n    # headers: {authorization: "Bearer <key>"}\nservice:\n  pipelines:\n    traces:  {exporters: [otlphttp/triops]}   # add to your pipelines\n    metrics: {exporters: [otlphttp/triops]}\n    logs:    {exporters: [otlphttp/triops]}`],
    ] },
    { id: 'mlflow', title: 'MLflow: experiments, runs, models', sources: ['mlflow'], says: 'Triops is the tracking server and the registry; the MLflow client stays as it is.', codes: [
      ['Any training script', `export MLFLOW_TRACKING_URI=${base}\n# with keys, add: export MLFLOW_TRACKING_TOKEN=<key>\npython train.py   # with mlflow.autolog() at its top`],
      ['Move what you have', `triops import mlflow $OLD_TRACKING_URI   # or the folder mlruns, or its database`],
    ] },
    { id: 'llm', title: 'Language models: OpenAI, Anthropic, Ollama clients', sources: ['llm'], says: 'Calls go through the gateway: counted to the cent, traced, limited, guarded. With your own provider key nothing else is needed; without one a local model answers where it is installed.', codes: [
      ['OpenAI’s client, LangChain and what else reads it', `export OPENAI_BASE_URL=${base}/v1`], ['Anthropic’s client', `export ANTHROPIC_BASE_URL=${base}`], ['Ollama’s client', `export OLLAMA_HOST=${base}`],
      ['A key for each application, with a budget', `triops apply gateway.yaml   # kinds Provider, Route, Price, Key\ntriops key create --gateway my-application`],
    ] },
    { id: 'prometheus', title: 'Prometheus: remote write', sources: ['remote_write'], says: 'Your Prometheus keeps scraping; Triops gets a copy.', codes: [['prometheus.yml', `remote_write:\n  - url: ${base}/api/v1/write\n    # authorization: {credentials: <key>}`]] },
    { id: 'changes', title: 'Deploys and other changes', sources: ['changes'], says: 'One call in your pipeline. Changes are the first suspects when something breaks.', codes: [['A deploy hook', `curl -X POST ${base}/triops/v1/changes -H 'content-type: application/json' \\\n  -d '{"entity":{"type":"service","name":"checkout"},"kind":"deploy","title":"checkout v2","author":"'"$USER"'","details":{"from":"v1","to":"v2"}}'`]] },
    { id: 'alertmanager', title: 'Alertmanager', sources: ['alertmanager'], says: 'Alerts you already have become signs of incidents here.', codes: [['alertmanager.yml', `receivers:\n  - name: triops\n    webhook_configs:\n      - url: ${base}/webhooks/alertmanager\nroute:\n  receiver: triops`]] },
    { id: 'events', title: 'CloudEvents: Argo, Tekton, CDEvents, your own', sources: ['events'], says: 'Events that tell of a deploy, a rollback, a config or a flag become changes.', codes: [['A CloudEvent', `curl -X POST ${base}/events -H 'content-type: application/cloudevents+json' \\\n  -d '{"specversion":"1.0","id":"'"$(date +%s)"'","source":"ci/checkout","type":"com.example.deployment.finished","subject":"service:checkout"}'`]] },
    { id: 'host', title: 'Hosts: CPU, memory, disks, network, processes, log files', sources: ['host'], says: 'The machine Triops runs on is watched already. On another machine:', codes: [['Agent', `triops agent --to ${base}`]] },
  ];
}
