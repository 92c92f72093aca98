"""A provider of a language model as a process of its own: the packaged model behind OpenAI's dialect on a given port,
as vLLM or llama.cpp's own server would be. `python -m triops.demo.assistant.provider PORT`."""

import sys
import threading

from triops.adapters.local import weights


def main(port: int) -> None:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(weights.gguf())
    params.model_alias = {weights.CHAT}
    params.hostnames = ["127.0.0.1"]
    params.port = port
    params.n_parallel = 4
    params.n_ctx = 8192
    params.kv_unified = True
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.cpuparams.poll = params.cpuparams_batch.poll = 0
    params.sampling.penalty_repeat = 1.1
    params.warmup = False
    params.offline = True
    params.ui = False
    params.verbosity = 1
    server = xllamacpp.Server(params)
    print(f"the model listens on {server.listening_address}", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main(int(sys.argv[1]))
