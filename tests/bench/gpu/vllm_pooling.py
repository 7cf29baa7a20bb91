"""A process of `make gpu-check`: vLLM as an encoder. Token ids come in as JSON, leads in a second
go out as the last line."""

from __future__ import annotations

import json
import sys
import time
from importlib import import_module

N_ROUNDS = 3


def main() -> None:
    vllm = import_module("vllm")
    prompts = [{"prompt_token_ids": ids} for ids in json.load(sys.stdin)]
    longest = max(len(each["prompt_token_ids"]) for each in prompts)
    model = vllm.LLM(
        model=sys.argv[1],
        runner="pooling",
        convert="embed",
        dtype="bfloat16",
        max_model_len=longest,
        gpu_memory_utilization=0.5,
        enable_prefix_caching=False,
    )
    model.embed(prompts)
    began_s = time.perf_counter()
    for _ in range(N_ROUNDS):
        model.embed(prompts)
    sys.stdout.write(f"\n{N_ROUNDS * len(prompts) / (time.perf_counter() - began_s)}\n")


if __name__ == "__main__":
    main()
